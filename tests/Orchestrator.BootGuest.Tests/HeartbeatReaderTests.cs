using System.Net.Sockets;
using System.Text;

namespace Orchestrator.BootGuest.Tests;

public sealed class HeartbeatReaderTests : IDisposable
{
    private readonly CancellationTokenSource _bound = new(TimeSpan.FromSeconds(60));
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("bg-");
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

    private string SocketPath => Path.Combine(_folder.FullName, "console");

    public void Dispose()
    {
        _listener.Dispose();
        _folder.Delete(recursive: true);
        _bound.Dispose();
    }

    [Fact]
    public async Task ConnectAsync_SocketAppearsLater_Waits()
    {
        var connecting = HeartbeatReader.ConnectAsync(SocketPath, TimeProvider.System, _bound.Token);
        Assert.False(connecting.IsCompleted);

        Listen();

        await using var reader = await connecting;
    }

    [Fact]
    public async Task ConnectAsync_NoSocketUntilCancelled_SaysCancelled()
    {
        using var soon = new CancellationTokenSource(TimeSpan.FromMilliseconds(50));

        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => HeartbeatReader.ConnectAsync(SocketPath, TimeProvider.System, soon.Token));
    }

    [Fact]
    public async Task WaitForBeatAsync_LineInPieces_IsPutTogether()
    {
        var (reader, console) = await ConnectedAsync();
        await using var _ = reader;
        using var __ = console;

        console.Send("noise\nHB 1 r=0 "u8);
        await reader.WaitForAsync(line => line is SerialLine.Noise("noise"), _bound.Token);
        console.Send("d=0 b=0\nHB 2"u8);

        Assert.Equal(new Heartbeat(1, 0, 0, 0), await reader.WaitForBeatAsync(beat => beat.Counter == 1, _bound.Token));
        Assert.Equal(2, reader.Transcript.Lines.Length);
    }

    [Fact]
    public async Task WaitForAsync_LineSeenBefore_IsFoundToo()
    {
        var (reader, console) = await ConnectedAsync();
        await using var _ = reader;
        using var __ = console;
        console.Send("HB 1 r=0 d=0 b=0\nHB 2 r=0 d=0 b=0\n"u8);
        await reader.WaitForBeatAsync(beat => beat.Counter == 2, _bound.Token);

        Assert.Equal(1UL, (await reader.WaitForBeatAsync(beat => beat.Counter == 1, _bound.Token)).Counter);
    }

    [Fact]
    public async Task WaitForAsync_ConsoleClosed_SaysTheLastLine()
    {
        var (reader, console) = await ConnectedAsync();
        await using var _ = reader;
        console.Send("HB 7 r=0 d=0 b=0\nHB 8 r="u8);
        console.Dispose();

        var ended = await Assert.ThrowsAsync<EndOfStreamException>(() => reader.WaitForBeatAsync(beat => beat.Counter == 9, _bound.Token));

        Assert.Contains("Counter = 7", ended.Message, StringComparison.Ordinal);
        Assert.Equal("HB 8 r=", reader.Transcript.Unfinished);
    }

    [Fact]
    public async Task WaitForAsync_Cancelled_Stops()
    {
        var (reader, console) = await ConnectedAsync();
        await using var _ = reader;
        using var __ = console;
        using var cancelled = new CancellationTokenSource();

        var waiting = reader.WaitForAsync(line => line is SerialLine.Ready, cancelled.Token);
        await cancelled.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    }

    [Fact]
    public async Task DisposeAsync_SomebodyWaits_EndsTheWait()
    {
        var (reader, console) = await ConnectedAsync();
        using var __ = console;

        var waiting = reader.WaitForAsync(line => line is SerialLine.Ready, _bound.Token);
        await reader.DisposeAsync();
        await reader.DisposeAsync();

        await Assert.ThrowsAsync<EndOfStreamException>(() => waiting);
    }

    [Fact]
    public async Task Transcript_LineWithoutEnd_IsCutAndForgottenOverTime()
    {
        var (reader, console) = await ConnectedAsync();
        await using var _ = reader;
        using var __ = console;

        console.Send(Encoding.ASCII.GetBytes(new string('x', 3000) + "\nend\n"));
        await reader.WaitForAsync(line => line is SerialLine.Noise("end"), _bound.Token);

        Assert.Equal([1024, 1024, 952, 3], reader.Transcript.Lines.Select(line => ((SerialLine.Noise)line.Line).Text.Length));
    }

    [Fact]
    public async Task LinesAsync_MoreThanIsKept_ForgetsTheOldest()
    {
        const int Sent = (2 * HeartbeatReader.LinesKept) + 10;
        var (reader, console) = await ConnectedAsync();
        await using var _ = reader;
        using var __ = console;

        foreach (var chunk in Enumerable.Range(1, Sent).Chunk(10_000))
        {
            await console.SendAsync(Encoding.ASCII.GetBytes(string.Concat(chunk.Select(n => $"{n}\n"))), _bound.Token);
        }

        await foreach (var line in reader.LinesAsync(_bound.Token))
        {
            if (line.Line is SerialLine.Noise(var text) && text == $"{Sent}")
            {
                break;
            }
        }

        var kept = reader.Transcript.Lines;
        Assert.Equal(HeartbeatReader.LinesKept + 10, kept.Length);
        Assert.Equal(new SerialLine.Noise($"{HeartbeatReader.LinesKept + 1}"), kept[0].Line);
    }

    private void Listen()
    {
        _listener.Bind(new UnixDomainSocketEndPoint(SocketPath));
        _listener.Listen();
    }

    private async Task<(HeartbeatReader Reader, Socket Console)> ConnectedAsync()
    {
        Listen();
        var accepting = _listener.AcceptAsync(_bound.Token);
        var reader = await HeartbeatReader.ConnectAsync(SocketPath, TimeProvider.System, _bound.Token);
        return (reader, await accepting);
    }
}
