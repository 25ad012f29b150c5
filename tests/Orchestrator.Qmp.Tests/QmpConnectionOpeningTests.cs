using System.Net.Sockets;

namespace Orchestrator.Qmp.Tests;

public sealed class QmpConnectionOpeningTests : IDisposable
{
    private readonly ScriptedPeer _peer = new();

    public void Dispose() => _peer.Dispose();

    [Fact]
    public async Task Open_OutOfBandOffered_EnablesItAndReadsTheVersion()
    {
        var opening = QmpConnection.OpenAsync(_peer.ClientEnd, TimeProvider.System, CancellationToken.None);
        await _peer.SendAsync(ScriptedPeer.Greeting);
        var negotiation = await _peer.ReceiveAsync();
        await _peer.ReplyAsync(negotiation);
        await using var connection = await opening.InTime();

        Assert.Equal(("qmp_capabilities", """{"enable":["oob"]}"""), (negotiation.Name, negotiation.ArgumentText));
        Assert.True(connection.OutOfBand);
        Assert.Equal(new QmpGreeting(10, 0, 2, "Test 1", true), connection.Greeting);
        Assert.Equal("10.0.2", connection.Greeting.Version);
    }

    [Fact]
    public async Task Open_OutOfBandNotOffered_AsksForNothingAndFallsBackToInBand()
    {
        var opening = QmpConnection.OpenAsync(_peer.ClientEnd, TimeProvider.System, CancellationToken.None);
        await _peer.SendAsync(ScriptedPeer.GreetingWithoutOutOfBand);
        var negotiation = await _peer.ReceiveAsync();
        await _peer.ReplyAsync(negotiation);
        await using var connection = await opening.InTime();
        var pausing = connection.ExecuteOutOfBandAsync("migrate-pause", null, CancellationToken.None);
        var pause = await _peer.ReceiveAsync();
        await _peer.ReplyAsync(pause);
        await pausing.InTime();

        Assert.Null(negotiation.Arguments);
        Assert.False(connection.OutOfBand);
        Assert.False(pause.OutOfBand);
    }

    [Theory]
    [InlineData("""{"return": {}}""")]
    [InlineData("""[1, 2]""")]
    [InlineData("SSH-2.0-OpenSSH_9.2p1")]
    public async Task Open_NoGreeting_SaysThatThisIsNoMonitor(string line)
    {
        var opening = QmpConnection.OpenAsync(_peer.ClientEnd, TimeProvider.System, CancellationToken.None);
        await _peer.SendAsync(line);

        var lost = await Assert.ThrowsAsync<QmpDisconnectedException>(() => opening.InTime());
        Assert.Equal(QmpDisconnectReason.ProtocolViolation, lost.Reason);
        Assert.Contains("no QMP monitor", lost.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Open_ClosedAtOnce_SaysSo()
    {
        _peer.Dispose();

        var lost = await Assert.ThrowsAsync<QmpDisconnectedException>(
            () => QmpConnection.OpenAsync(_peer.ClientEnd, TimeProvider.System, CancellationToken.None).InTime());
        Assert.Equal(QmpDisconnectReason.PeerClosed, lost.Reason);
    }

    [Fact]
    public async Task Open_NobodyGreets_GivesUpAsBusy()
    {
        var clock = new ManualClock();
        var opening = QmpConnection.OpenAsync(_peer.ClientEnd, clock, CancellationToken.None);
        await clock.ArmedAsync();
        clock.Advance(QmpConnection.GreetingTimeout);

        var busy = await Assert.ThrowsAsync<QmpDisconnectedException>(() => opening.InTime());
        Assert.Equal(QmpDisconnectReason.Busy, busy.Reason);
    }

    [Fact]
    public async Task Open_Cancelled_IsCancelled()
    {
        using var cancellation = new CancellationTokenSource();
        var opening = QmpConnection.OpenAsync(_peer.ClientEnd, TimeProvider.System, cancellation.Token);
        await cancellation.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => opening.InTime());
    }

    [Fact]
    public async Task Connect_NoSocket_SaysThatNobodyListens()
    {
        var path = Path.Combine(Path.GetTempPath(), $"qmp-{Guid.NewGuid():N}");

        var lost = await Assert.ThrowsAsync<QmpDisconnectedException>(
            () => QmpConnection.ConnectAsync(path, TimeProvider.System, CancellationToken.None).InTime());
        Assert.Equal(QmpDisconnectReason.NotListening, lost.Reason);
        Assert.Contains(path, lost.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Connect_MoreClientsThanTheBacklog_IsBusyAtOnce()
    {
        var folder = Directory.CreateTempSubdirectory("qmp-");
        var endpoint = new UnixDomainSocketEndPoint(Path.Combine(folder.FullName, "qmp"));
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(endpoint);
        listener.Listen(0);
        List<Socket> clients = [];
        try
        {
            for (var full = false; !full;)
            {
                Assert.True(clients.Count < 10, "the backlog does not fill");
                clients.Add(new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified));
                full = await Record.ExceptionAsync(() => clients[^1].ConnectAsync(endpoint).InTime()) is SocketException;
            }

            var busy = await Assert.ThrowsAsync<QmpDisconnectedException>(
                () => QmpConnection.ConnectAsync(endpoint.ToString(), new ManualClock(), CancellationToken.None).InTime());
            Assert.Equal(QmpDisconnectReason.Busy, busy.Reason);
        }
        finally
        {
            clients.ForEach(client => client.Dispose());
            folder.Delete(recursive: true);
        }
    }
}
