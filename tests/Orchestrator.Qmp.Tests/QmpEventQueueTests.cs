using System.Text.Json;

namespace Orchestrator.Qmp.Tests;

public sealed class QmpEventQueueTests
{
    private readonly QmpEventQueue _events = new();

    [Fact]
    public void Add_PassesUnread_OnlyTheLatestStaysInItsPlace()
    {
        Add("MIGRATION", """{"status": "setup"}""");
        Add("MIGRATION_PASS", """{"pass": 1}""");
        Add("MIGRATION", """{"status": "active"}""");
        Add("MIGRATION_PASS", """{"pass": 2}""");
        Add("MIGRATION_PASS", """{"pass": 3}""");
        Add("STOP");

        Assert.Equal(["MIGRATION Setup", "MIGRATION Active", "MIGRATION_PASS 3", "STOP "], Drain());
        Assert.Equal(0, _events.Dropped);
    }

    [Fact]
    public void Add_PassesReadInBetween_AllCome()
    {
        List<string> seen = [];
        for (var pass = 1; pass <= 3; pass++)
        {
            Add("MIGRATION_PASS", $$"""{"pass": {{pass}} }""");
            seen.AddRange(Drain());
        }

        Assert.Equal(["MIGRATION_PASS 1", "MIGRATION_PASS 2", "MIGRATION_PASS 3"], seen);
    }

    [Fact]
    public void Add_BeyondTheBound_TheOldestGoAndAreCounted()
    {
        for (var number = 0; number < QmpEventQueue.MostEvents + 5; number++)
        {
            Add($"EVENT_{number}");
        }

        Assert.Equal((QmpEventQueue.MostEvents, 5), (_events.Count, _events.Dropped));
        Assert.Equal("EVENT_5 ", Drain()[0]);
    }

    [Fact]
    public void Add_BeyondTheBytes_TheOldestGoButNeverTheNewest()
    {
        Add("SMALL");
        Add("LARGE", bytes: QmpEventQueue.MostBytes);
        Add("LARGER", bytes: QmpEventQueue.MostBytes * 2);

        Assert.Equal(["LARGER "], Drain());
        Assert.Equal(2, _events.Dropped);
    }

    [Fact]
    public async Task WaitToRead_EventComesLater_Wakes()
    {
        var waiting = _events.WaitToReadAsync();
        Assert.False(waiting.IsCompleted);
        Add("STOP");

        Assert.True(await waiting.AsTask().InTime());
    }

    [Fact]
    public async Task WaitToRead_Cancelled_TakesNothingAway()
    {
        using var cancellation = new CancellationTokenSource();
        var waiting = _events.WaitToReadAsync(cancellation.Token).AsTask();
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting.InTime());
        Add("STOP");

        Assert.Equal(["STOP "], Drain());
    }

    [Fact]
    public async Task Complete_UnreadEvents_AreStillRead()
    {
        Add("STOP");
        _events.Complete();
        Assert.True(await _events.WaitToReadAsync().AsTask().InTime());
        Assert.False(_events.Completion.IsCompleted);

        Assert.Equal(["STOP "], Drain());
        Assert.False(await _events.WaitToReadAsync().AsTask().InTime());
        await _events.Completion.InTime();
    }

    [Fact]
    public async Task Complete_ReaderWaits_EndsWithoutAnException()
    {
        var reading = ReadAllAsync();
        Add("STOP");
        _events.Complete();

        Assert.Equal(1, await reading.InTime());
    }

    [Fact]
    public async Task ReadAll_WhileOthersAdd_EveryEventComesInOrder()
    {
        const int Events = 20_000;
        var adding = Task.Run(async () =>
        {
            for (var number = 0; number < Events; number++)
            {
                Add("NUMBER", $$"""{"n": {{number}} }""");
                while (_events.Count > QmpEventQueue.MostEvents / 2)
                {
                    await Task.Yield();
                }
            }

            _events.Complete();
        });
        List<int> seen = [];
        await foreach (var happened in _events.ReadAllAsync())
        {
            seen.Add(happened.Data.GetProperty("n").GetInt32());
        }

        await adding.InTime();
        Assert.Equal(Enumerable.Range(0, Events), seen);
    }

    [Theory]
    [InlineData("""{"event": "STOP"}""", 0)]
    [InlineData("""{"event": "STOP", "timestamp": {"seconds": -1, "microseconds": -1}}""", 0)]
    [InlineData("""{"event": "STOP", "timestamp": {"seconds": "1", "microseconds": 0}}""", 0)]
    [InlineData("""{"event": "STOP", "timestamp": {"seconds": 9223372036854775807, "microseconds": 0}}""", 0)]
    [InlineData("""{"event": "STOP", "timestamp": {"seconds": 5, "microseconds": 7}}""", 5_000_007)]
    public void TryParse_Timestamp_IsQemusOrTheArrival(string message, long microseconds)
    {
        var arrival = DateTimeOffset.UnixEpoch;
        var happened = QmpEvent.TryParse(JsonElement.Parse(message), arrival);

        Assert.Equal(DateTimeOffset.UnixEpoch.AddMicroseconds(microseconds), happened?.Timestamp);
    }

    [Theory]
    [InlineData("MIGRATION", """{"status": "teleporting"}""", MigrationStatus.Unknown)]
    [InlineData("MIGRATION", """{}""", MigrationStatus.Unknown)]
    [InlineData("MIGRATION", """{"status": "none"}""", MigrationStatus.None)]
    [InlineData("STOP", """{"status": "active"}""", null)]
    public void Status_OfAnyEvent_IsThatOfMigrationOnly(string name, string data, MigrationStatus? expected) =>
        Assert.Equal(expected, new QmpEvent(name, JsonElement.Parse(data), default).Status);

    private void Add(string name, string data = "{}", int bytes = 100) =>
        _events.Add(new QmpEvent(name, JsonElement.Parse(data), DateTimeOffset.UnixEpoch), bytes);

    private List<string> Drain()
    {
        List<string> drained = [];
        while (_events.TryRead(out var happened))
        {
            drained.Add($"{happened.Name} {happened.Status?.ToString() ?? happened.Pass?.ToString()}");
        }

        return drained;
    }

    private async Task<int> ReadAllAsync()
    {
        var count = 0;
        await foreach (var _ in _events.ReadAllAsync())
        {
            count++;
        }

        return count;
    }
}
