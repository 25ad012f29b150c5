using System.Text.Json.Nodes;

namespace Orchestrator.Qmp.Tests;

public sealed class QmpConnectionTests : IDisposable
{
    private readonly ScriptedPeer _peer = new();

    public void Dispose() => _peer.Dispose();

    [Fact]
    public async Task Execute_RepliesOutOfOrderBetweenEvents_EachCallerGetsItsOwn()
    {
        await using var connection = await _peer.ConnectAsync();
        var first = connection.ExecuteAsync("query-status", null, CancellationToken.None);
        var firstReceived = await _peer.ReceiveAsync();
        var second = connection.ExecuteAsync("query-migrate", null, CancellationToken.None);
        var secondReceived = await _peer.ReceiveAsync();

        await _peer.SendAsync("""{"event": "STOP", "timestamp": {"seconds": 1, "microseconds": 5}}""");
        await _peer.ReplyAsync(secondReceived, """{"status": "active"}""");
        await _peer.SendAsync("""{"event": "RESUME", "timestamp": {"seconds": 2, "microseconds": 0}}""");
        await _peer.ReplyAsync(firstReceived, """{"running": true}""");

        Assert.True((await first.InTime()).GetProperty("running").GetBoolean());
        Assert.Equal("active", (await second.InTime()).GetProperty("status").GetString());
        Assert.Equal(
            ("STOP", DateTimeOffset.UnixEpoch.AddSeconds(1).AddMicroseconds(5)), Next(connection));
        Assert.Equal(("RESUME", DateTimeOffset.UnixEpoch.AddSeconds(2)), Next(connection));

        static (string, DateTimeOffset) Next(QmpConnection connection)
        {
            Assert.True(connection.Events.TryRead(out var happened));
            return (happened.Name, happened.Timestamp);
        }
    }

    [Fact]
    public async Task Execute_ManyCallersAtOnce_NoReplyIsMixedUp()
    {
        await using var connection = await _peer.ConnectAsync();
        var serving = Task.Run(async () =>
        {
            for (var served = 0; served < 400; served++)
            {
                var received = await _peer.ReceiveAsync();
                await _peer.ReplyAsync(received, received.ArgumentText);
            }
        });

        await Task.WhenAll(Enumerable.Range(0, 8).Select(caller => Task.Run(async () =>
        {
            for (var call = 0; call < 50; call++)
            {
                var number = (caller * 1000) + call;
                var reply = await connection.ExecuteAsync("echo", new JsonObject { ["n"] = number }, CancellationToken.None);
                Assert.Equal(number, reply.GetProperty("n").GetInt32());
            }
        }))).InTime();
        await serving.InTime();

        Assert.Equal(0, connection.StrayReplies);
    }

    [Fact]
    public async Task Execute_ErrorReply_ThrowsClassAndDescription()
    {
        await using var connection = await _peer.ConnectAsync();
        var call = connection.ExecuteAsync("nope", null, CancellationToken.None);
        await _peer.RefuseAsync(await _peer.ReceiveAsync(), "The command nope has not been found", "CommandNotFound");

        var refused = await Assert.ThrowsAsync<QmpException>(() => call.InTime());
        Assert.Equal(("CommandNotFound", "The command nope has not been found"), (refused.Class, refused.Description));
    }

    [Fact]
    public async Task Execute_CancelledWhileUnderWay_LateReplyIsNotTakenForTheNext()
    {
        await using var connection = await _peer.ConnectAsync();
        using var cancellation = new CancellationTokenSource();
        var given = connection.ExecuteAsync("query-migrate", null, cancellation.Token);
        var abandoned = await _peer.ReceiveAsync();
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => given.InTime());

        var next = connection.ExecuteAsync("query-status", null, CancellationToken.None);
        var received = await _peer.ReceiveAsync();
        await _peer.ReplyAsync(abandoned, """{"status": "late"}""");
        await _peer.ReplyAsync(received, """{"status": "mine"}""");

        Assert.Equal("mine", (await next.InTime()).GetProperty("status").GetString());
        Assert.NotEqual(abandoned.Id, received.Id);
    }

    [Fact]
    public async Task Execute_NinthInBandCommand_WaitsButOutOfBandOvertakes()
    {
        await using var connection = await _peer.ConnectAsync();
        var calls = Enumerable.Range(0, 9)
            .Select(number => connection.ExecuteAsync($"in-band-{number}", null, CancellationToken.None)).ToList();
        List<ReceivedCommand> received = [];
        for (var number = 0; number < QmpCallBook.MostInBandCommands; number++)
        {
            received.Add(await _peer.ReceiveAsync());
        }

        var pausing = connection.ExecuteOutOfBandAsync("migrate-pause", null, CancellationToken.None);
        var ninthOnTheWire = await _peer.ReceiveAsync();
        await _peer.ReplyAsync(ninthOnTheWire);
        await pausing.InTime();
        await _peer.ReplyAsync(received[3]);
        var last = await _peer.ReceiveAsync();
        await Task.WhenAll(received.Where((_, number) => number != 3).Append(last).Select(command => _peer.ReplyAsync(command)));
        await Task.WhenAll(calls).InTime();

        Assert.Equal(("migrate-pause", true), (ninthOnTheWire.Name, ninthOnTheWire.OutOfBand));
        Assert.Equal("in-band-8", last.Name);
    }

    [Fact]
    public async Task Execute_CancelledBeforeItsTurn_IsNeverSentAndHoldsNoPlace()
    {
        await using var connection = await _peer.ConnectAsync();
        var calls = Enumerable.Range(0, QmpCallBook.MostInBandCommands)
            .Select(number => connection.ExecuteAsync($"in-band-{number}", null, CancellationToken.None)).ToList();
        using var cancellation = new CancellationTokenSource();
        var waiting = connection.ExecuteAsync("taken-back", null, cancellation.Token);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting.InTime());

        foreach (var _ in calls)
        {
            await _peer.ReplyAsync(await _peer.ReceiveAsync());
        }

        await Task.WhenAll(calls).InTime();
        var next = connection.ExecuteAsync("next", null, CancellationToken.None);
        var received = await _peer.ReceiveAsync();
        await _peer.ReplyAsync(received);
        await next.InTime();
        Assert.Equal("next", received.Name);
    }

    [Fact]
    public async Task Execute_CancelledBehindAWriteThatWaits_IsNeverSent()
    {
        using var slow = new ScriptedPeer(backlog: 1);
        await using var connection = await slow.ConnectAsync();
        var first = connection.ExecuteAsync("first", null, CancellationToken.None);
        using var cancellation = new CancellationTokenSource();
        var behind = connection.ExecuteAsync("behind", null, cancellation.Token);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => behind.InTime());
        var last = connection.ExecuteAsync("last", null, CancellationToken.None);
        List<ReceivedCommand> received = [await slow.ReceiveAsync(), await slow.ReceiveAsync()];
        await slow.ReplyAsync(received[0]);
        await slow.ReplyAsync(received[1]);
        await Task.WhenAll(first, last).InTime();

        Assert.Equal(["first", "last"], received.Select(command => command.Name));
    }

    [Fact]
    public async Task Dispose_WriteWaitsForAStoppedPeer_DoesNotHang()
    {
        using var stopped = new ScriptedPeer(backlog: 1);
        var connection = await stopped.ConnectAsync();
        var pending = connection.ExecuteAsync("pending", null, CancellationToken.None);
        await connection.DisposeAsync().AsTask().InTime();

        await Assert.ThrowsAsync<QmpDisconnectedException>(() => pending.InTime());
    }

    [Fact]
    public async Task Execute_ConnectionLostMidCommand_EveryPendingAndLaterCallThrows()
    {
        await using var connection = await _peer.ConnectAsync();
        var pending = Enumerable.Range(0, 10)
            .Select(number => connection.ExecuteAsync($"pending-{number}", null, CancellationToken.None)).ToList();
        await _peer.ReceiveAsync();
        _peer.Dispose();

        foreach (var call in pending)
        {
            var lost = await Assert.ThrowsAsync<QmpDisconnectedException>(() => call.InTime());
            Assert.Equal(QmpDisconnectReason.PeerClosed, lost.Reason);
        }

        await connection.Closed.InTime();
        await Assert.ThrowsAsync<QmpDisconnectedException>(
            () => connection.ExecuteAsync("later", null, CancellationToken.None).InTime());
        await connection.Events.Completion.InTime();
    }

    [Fact]
    public async Task Execute_Disposed_SaysThatItWasUs()
    {
        var connection = await _peer.ConnectAsync();
        var pending = connection.ExecuteAsync("pending", null, CancellationToken.None);
        await connection.DisposeAsync();
        await connection.DisposeAsync();

        var lost = await Assert.ThrowsAsync<QmpDisconnectedException>(() => pending.InTime());
        Assert.Equal(QmpDisconnectReason.Disposed, lost.Reason);
        Assert.True(connection.Closed.IsCompletedSuccessfully);
    }

    [Fact]
    public async Task Execute_OnTwoConnections_NoIdIsUsedTwice()
    {
        using var otherPeer = new ScriptedPeer();
        await using var one = await _peer.ConnectAsync();
        await using var other = await otherPeer.ConnectAsync();
        var calls = new[] { one, other }
            .Select(connection => connection.ExecuteAsync("query-status", null, CancellationToken.None)).ToList();
        var received = new[] { await _peer.ReceiveAsync(), await otherPeer.ReceiveAsync() };
        await _peer.ReplyAsync(received[0]);
        await otherPeer.ReplyAsync(received[1]);
        await Task.WhenAll(calls).InTime();

        Assert.NotEqual(received[0].Id, received[1].Id);
    }
}
