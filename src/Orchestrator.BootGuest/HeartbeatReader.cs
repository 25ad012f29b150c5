using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Text;

namespace Orchestrator.BootGuest;

/// <summary>
/// Reads a guest's console from QEMU's Unix socket (<c>-chardev socket,id=console,path=PATH,server=on,wait=off -serial
/// chardev:console</c>), stamps each line as it comes and keeps it. QEMU serves one reader at a time and drops what is said while
/// there is none, so connect to a target's console before the migration switches over.
/// </summary>
public sealed class HeartbeatReader : IAsyncDisposable
{
    /// <summary>How many lines are kept at least; twice as many at most, then the older half is forgotten.</summary>
    public const int LinesKept = 200_000;

    private const int LongestLine = 1024;

    private static readonly TimeSpan s_connectEvery = TimeSpan.FromMilliseconds(10);

    private readonly Lock _lock = new();
    private readonly List<StampedLine> _lines = [];
    private readonly StringBuilder _unfinished = new();
    private readonly Socket _socket;
    private readonly TimeProvider _clock;
    private readonly Task _reading;
    private TaskCompletionSource _news = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _forgotten;
    private bool _ended;

    private HeartbeatReader(Socket socket, TimeProvider clock)
    {
        _socket = socket;
        _clock = clock;

        // QEMU gives a console its bytes one by one. A thread that blocks takes them in at an eighth of the processor time that
        // awaiting them costs, and its times are not those of a busy thread pool.
        _reading = Task.Factory.StartNew(Read, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    /// <summary>Everything kept so far, and the line that is still coming.</summary>
    public ConsoleTranscript Transcript
    {
        get
        {
            lock (_lock)
            {
                return new ConsoleTranscript([.. _lines], _unfinished.ToString());
            }
        }
    }

    /// <summary>Connects, and waits for the socket to appear when QEMU has not made it yet.</summary>
    /// <param name="socketPath">At most 107 bytes, as for every Unix socket.</param>
    /// <param name="clock">One for all readers whose times are to be compared.</param>
    /// <exception cref="OperationCanceledException">There was no such socket until then.</exception>
    public static async Task<HeartbeatReader> ConnectAsync(string socketPath, TimeProvider clock, CancellationToken cancellation)
    {
        var address = new UnixDomainSocketEndPoint(socketPath);
        while (true)
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            try
            {
                // Not ConnectAsync: a socket once used asynchronously stays so underneath, and its blocking reads then cost as much.
                await Task.Run(() => socket.Connect(address), cancellation).WaitAsync(cancellation);
                return new HeartbeatReader(socket, clock);
            }
            catch (SocketException notYet) when (notYet.SocketErrorCode is
                SocketError.AddressNotAvailable or SocketError.ConnectionRefused)
            {
                socket.Dispose();
            }
            catch
            {
                socket.Dispose();
                throw;
            }

            await Task.Delay(s_connectEvery, clock, cancellation);
        }
    }

    /// <summary>The lines kept so far and those that come, until QEMU closes the console.</summary>
    public async IAsyncEnumerable<StampedLine> LinesAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        var next = 0L;
        while (true)
        {
            StampedLine[] fresh;
            Task news;
            bool ended;
            lock (_lock)
            {
                next = Math.Max(next, _forgotten);
                fresh = [.. _lines.Skip((int)(next - _forgotten))];
                news = _news.Task;
                ended = _ended;
            }

            foreach (var line in fresh)
            {
                yield return line;
            }

            next += fresh.Length;
            if (ended)
            {
                yield break;
            }

            await news.WaitAsync(cancellation);
        }
    }

    /// <summary>The first line, of those kept and those to come, that is what is waited for.</summary>
    /// <exception cref="EndOfStreamException">QEMU closed the console before.</exception>
    public async Task<StampedLine> WaitForAsync(Func<SerialLine, bool> isIt, CancellationToken cancellation)
    {
        StampedLine? last = null;
        await foreach (var line in LinesAsync(cancellation))
        {
            last = line;
            if (isIt(line.Line))
            {
                return line;
            }
        }

        throw new EndOfStreamException($"The console was closed before the line that was waited for; its last line is {last?.Line}.");
    }

    /// <summary>The first heartbeat, of those kept and those to come, that is what is waited for.</summary>
    /// <exception cref="EndOfStreamException">QEMU closed the console before.</exception>
    public async Task<Heartbeat> WaitForBeatAsync(Func<Heartbeat, bool> isIt, CancellationToken cancellation)
    {
        var found = await WaitForAsync(line => line is SerialLine.Beat beat && isIt(beat.Heartbeat), cancellation);
        return ((SerialLine.Beat)found.Line).Heartbeat;
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            // Wakes the thread that reads; the console ends here for whoever still waits.
            _socket.Shutdown(SocketShutdown.Both);
        }
        catch (Exception closed) when (closed is SocketException or ObjectDisposedException)
        {
            // QEMU was first, or this is the second time.
        }

        await _reading;
        _socket.Dispose();
    }

    private void Read()
    {
        var buffer = new byte[4096];
        try
        {
            while (_socket.Receive(buffer) is > 0 and var count)
            {
                Take(buffer.AsSpan(0, count), _clock.GetElapsedTime(0, _clock.GetTimestamp()));
            }
        }
        catch (SocketException)
        {
            // A QEMU that was killed resets the connection; to a reader that is the end like any other.
        }

        End();
    }

    private void Take(ReadOnlySpan<byte> bytes, TimeSpan at)
    {
        TaskCompletionSource? heard = null;
        lock (_lock)
        {
            foreach (var value in bytes)
            {
                if (value != '\n')
                {
                    _unfinished.Append((char)value);
                }

                if (value == '\n' || _unfinished.Length == LongestLine)
                {
                    _lines.Add(new StampedLine(at, SerialLine.Parse(_unfinished.ToString())));
                    _unfinished.Clear();
                    heard = _news;
                }
            }

            if (heard is not null)
            {
                _news = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            }

            if (_lines.Count >= 2 * LinesKept)
            {
                _lines.RemoveRange(0, LinesKept);
                _forgotten += LinesKept;
            }
        }

        heard?.SetResult();
    }

    private void End()
    {
        lock (_lock)
        {
            _ended = true;
        }

        _news.TrySetResult();
    }
}
