using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Threading.Channels;

namespace Orchestrator.Qmp;

/// <summary>
/// One client connection to a QMP monitor. Callers may use it concurrently: every command has an id and its reply is
/// matched by it, whatever events or other replies come between. Protocol: QEMU docs/interop/qmp-spec.
/// </summary>
public sealed class QmpConnection : IAsyncDisposable
{
    /// <summary>
    /// How long QEMU may take for greeting and negotiation. It accepts on its main loop, which a busy host can hold up;
    /// it greets only one client at a time.
    /// </summary>
    public static readonly TimeSpan GreetingTimeout = TimeSpan.FromSeconds(10);

    // A write fails as soon as QEMU is gone, but what it said last may still be unread on our side.
    private static readonly TimeSpan s_lastWords = TimeSpan.FromSeconds(1);

    private readonly Stream _stream;
    private readonly QmpLineReader _lines;
    private readonly TimeProvider _clock;
    private readonly QmpEventQueue _events = new();
    private readonly QmpCallBook _calls = new();
    private readonly Channel<QmpCall> _outbox = Channel.CreateUnbounded<QmpCall>();
    private readonly CancellationTokenSource _closing = new();
    private readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _lock = new();
    private (QmpDisconnectReason Reason, string Text)? _disconnected;
    private Task _loops = Task.CompletedTask;
    private long _strayReplies;

    private QmpConnection(Stream stream, TimeProvider clock)
    {
        _stream = stream;
        _lines = new QmpLineReader(stream);
        _clock = clock;
    }

    public QmpGreeting Greeting { get; private set; } = new(0, 0, 0, "", false);

    /// <summary>Out-of-band execution was negotiated.</summary>
    public bool OutOfBand { get; private set; }

    /// <summary>
    /// Everything QEMU tells unasked, in order. Ends, without an exception, when the connection is lost. Bounded: of
    /// MIGRATION_PASS only the latest waits, and beyond 1024 unread events the oldest are dropped.
    /// </summary>
    public ChannelReader<QmpEvent> Events => _events;

    /// <summary>Events lost because nobody read <see cref="Events"/> in time. When it grows, ask for the state again.</summary>
    public long DroppedEvents => _events.Dropped;

    /// <summary>Replies that belong to no command of this connection, all ignored.</summary>
    public long StrayReplies => Interlocked.Read(ref _strayReplies);

    /// <summary>Completes, never faulted, when the connection is lost or disposed.</summary>
    public Task Closed => _closed.Task;

    /// <summary>Why the connection is gone; null while it stands.</summary>
    public string? ClosedBecause
    {
        get
        {
            lock (_lock)
            {
                return _disconnected?.Text;
            }
        }
    }

    /// <summary>Connects, reads the greeting and negotiates, with out-of-band execution when it is offered.</summary>
    /// <exception cref="QmpDisconnectedException">Nobody listens, or no QMP came within <see cref="GreetingTimeout"/>.</exception>
    /// <exception cref="QmpException">QEMU refused the negotiation.</exception>
    public static async Task<QmpConnection> ConnectAsync(string socketPath, TimeProvider clock, CancellationToken cancellation)
    {
        var endpoint = new UnixDomainSocketEndPoint(socketPath);
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(endpoint, cancellation);
        }
        catch (SocketException refused)
        {
            socket.Dispose();
            // The backlog of QEMU's socket is full: clients queue behind the one it serves.
            var reason = refused.SocketErrorCode is SocketError.WouldBlock or SocketError.TryAgain
                ? QmpDisconnectReason.Busy : QmpDisconnectReason.NotListening;
            throw new QmpDisconnectedException(reason, $"{socketPath}: {refused.Message}", refused);
        }
        catch
        {
            socket.Dispose();
            throw;
        }

        return await OpenAsync(new NetworkStream(socket, ownsSocket: true), clock, cancellation);
    }

    /// <summary>The same over a stream that is connected already. The connection owns the stream, also when this fails.</summary>
    /// <inheritdoc cref="ConnectAsync"/>
    public static async Task<QmpConnection> OpenAsync(Stream stream, TimeProvider clock, CancellationToken cancellation)
    {
        var connection = new QmpConnection(stream, clock);
        try
        {
            using var patience = new CancellationTokenSource(GreetingTimeout, clock);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, patience.Token);
            try
            {
                await connection.GreetAsync(either.Token);
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                throw new QmpDisconnectedException(QmpDisconnectReason.Busy, connection.Greeting.Major == 0
                    ? $"no QMP greeting within {GreetingTimeout.TotalSeconds} s: another client holds the monitor, or QEMU is stopped"
                    : $"no answer to the QMP negotiation within {GreetingTimeout.TotalSeconds} s");
            }

            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <summary>
    /// Executes a command and returns its result. Cancelling gives up waiting, not the command: QEMU may still execute
    /// it. At most eight commands are under way at QEMU; more wait here.
    /// </summary>
    /// <exception cref="QmpException">QEMU answered with an error.</exception>
    /// <exception cref="QmpDisconnectedException">The connection is, or was meanwhile, lost.</exception>
    public Task<JsonElement> ExecuteAsync(string command, JsonObject? arguments, CancellationToken cancellation) =>
        CallAsync(command, outOfBand: false, arguments, cancellation);

    /// <summary>
    /// Executes a command so that it overtakes others and a blocked main loop; in band when that was not negotiated. For
    /// commands that <see cref="QemuSchema.AllowsOutOfBand"/>; QEMU refuses others.
    /// </summary>
    /// <inheritdoc cref="ExecuteAsync"/>
    public Task<JsonElement> ExecuteOutOfBandAsync(string command, JsonObject? arguments, CancellationToken cancellation) =>
        CallAsync(command, outOfBand: OutOfBand, arguments, cancellation);

    /// <summary>Closes the connection; QEMU goes on. Every command under way throws.</summary>
    public async ValueTask DisposeAsync()
    {
        Close(QmpDisconnectReason.Disposed, "the connection was disposed");
        await _stream.DisposeAsync();
        await _loops;
        _closing.Dispose();
    }

    private async Task GreetAsync(CancellationToken cancellation)
    {
        try
        {
            var line = await _lines.ReadAsync(cancellation);
            Greeting = line is { } greeting
                ? QmpGreeting.TryParse(JsonElement.Parse(greeting.Span))
                    ?? throw new InvalidDataException($"expected a QMP greeting, got: {Excerpt(greeting)}")
                : throw new QmpDisconnectedException(QmpDisconnectReason.PeerClosed, "closed before a QMP greeting");
        }
        catch (Exception nonsense) when (nonsense is JsonException or InvalidDataException or InvalidOperationException)
        {
            throw new QmpDisconnectedException(
                QmpDisconnectReason.ProtocolViolation, $"this is no QMP monitor: {nonsense.Message}", nonsense);
        }
        catch (IOException lost) when (lost is not QmpDisconnectedException)
        {
            throw new QmpDisconnectedException(QmpDisconnectReason.PeerClosed, $"lost before a QMP greeting: {lost.Message}", lost);
        }

        _loops = Task.WhenAll(ReadLoopAsync(), WriteLoopAsync());
        var enable = Greeting.OutOfBandOffered ? new JsonObject { ["enable"] = new JsonArray("oob") } : null;
        await ExecuteAsync("qmp_capabilities", enable, cancellation);
        OutOfBand = Greeting.OutOfBandOffered;
    }

    private async Task<JsonElement> CallAsync(
        string command, bool outOfBand, JsonObject? arguments, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        if (await _calls.EnterAsync(command, outOfBand, arguments, cancellation) is not { } call)
        {
            throw Disconnected(command);
        }

        _outbox.Writer.TryWrite(call);
        try
        {
            return await call.Answered.WaitAsync(cancellation) switch
            {
                QmpCall.Answer.Success(var reply) => reply,
                QmpCall.Answer.Failure(var errorClass, var description) => throw new QmpException(errorClass, description),
                QmpCall.Answer.Lost => throw Disconnected(command),
                var other => throw new UnreachableException($"No arm for {other}."),
            };
        }
        catch (OperationCanceledException) when (call.TryWithdraw())
        {
            _calls.Withdraw(call);
            throw;
        }
    }

    private async Task WriteLoopAsync()
    {
        try
        {
            await foreach (var call in _outbox.Reader.ReadAllAsync(_closing.Token))
            {
                if (call.TryMarkSent())
                {
                    await _stream.WriteAsync(call.Line, _closing.Token);
                    await _stream.FlushAsync(_closing.Token);
                }
            }
        }
        catch (Exception lost) when (lost is IOException or ObjectDisposedException)
        {
            await Task.WhenAny(Closed, Task.Delay(s_lastWords, _clock, CancellationToken.None));
            Close(QmpDisconnectReason.PeerClosed, $"QEMU closed the connection: {lost.Message}");
        }
        catch (OperationCanceledException) when (_closing.IsCancellationRequested)
        {
        }
        finally
        {
            Close(QmpDisconnectReason.PeerClosed, "writing failed");
        }
    }

    private async Task ReadLoopAsync()
    {
        try
        {
            while (await _lines.ReadAsync(_closing.Token) is { } line)
            {
                Dispatch(line);
            }

            Close(QmpDisconnectReason.PeerClosed, _lines.CutShort
                ? "QEMU closed the connection in the middle of a message" : "QEMU closed the connection");
        }
        catch (Exception lost) when (lost is IOException or ObjectDisposedException)
        {
            Close(QmpDisconnectReason.PeerClosed, $"QEMU closed the connection: {lost.Message}");
        }
        catch (Exception nonsense) when (nonsense is JsonException or InvalidDataException or InvalidOperationException)
        {
            // InvalidOperationException: a text with an escape that is no character.
            Close(QmpDisconnectReason.ProtocolViolation, $"the peer does not speak QMP: {nonsense.Message}");
        }
        catch (OperationCanceledException) when (_closing.IsCancellationRequested)
        {
        }
        finally
        {
            Close(QmpDisconnectReason.PeerClosed, "reading failed");
        }
    }

    private void Dispatch(ReadOnlyMemory<byte> line)
    {
        var message = JsonElement.Parse(line.Span);
        if (message.ValueKind != JsonValueKind.Object)
        {
            throw new InvalidDataException($"expected an object, got: {Excerpt(line)}");
        }

        if (message.TryGetProperty("event", out _))
        {
            var happened = QmpEvent.TryParse(message, _clock.GetUtcNow())
                ?? throw new InvalidDataException($"expected an event, got: {Excerpt(line)}");
            _events.Add(happened, line.Length);
        }
        else if (message.TryGetProperty("return", out var result))
        {
            Answer(message)?.Succeed(result);
        }
        else if (message.TryGetProperty("error", out var error))
        {
            var errorClass = QmpText.OfMember(error, "class") ?? "";
            var description = QmpText.OfMember(error, "desc") ?? "";
            if (!message.TryGetProperty("id", out _))
            {
                // QEMU could not parse what it got, so one of our commands will never be answered and nobody knows which.
                throw new InvalidDataException($"QEMU did not understand us: {QmpText.Excerpt(description)}");
            }

            Answer(message)?.Fail(errorClass, description);
        }
        else
        {
            throw new InvalidDataException($"expected a reply or an event, got: {Excerpt(line)}");
        }
    }

    private QmpCall? Answer(JsonElement reply)
    {
        var call = _calls.Answer(QmpText.OfMember(reply, "id"));
        if (call is null)
        {
            Interlocked.Increment(ref _strayReplies);
        }

        return call;
    }

    private void Close(QmpDisconnectReason reason, string text)
    {
        lock (_lock)
        {
            if (_disconnected is not null)
            {
                return;
            }

            _disconnected = (reason, text);
        }

        _closing.Cancel();
        _calls.Close();
        _events.Complete();
        _closed.TrySetResult();
    }

    private QmpDisconnectedException Disconnected(string command)
    {
        lock (_lock)
        {
            var (reason, text) = _disconnected ?? (QmpDisconnectReason.PeerClosed, "the connection is lost");
            return new QmpDisconnectedException(reason, $"{command}: {text}");
        }
    }

    private static string Excerpt(ReadOnlyMemory<byte> line) =>
        QmpText.Excerpt(Encoding.UTF8.GetString(line.Span[..Math.Min(line.Length, 400)]));
}
