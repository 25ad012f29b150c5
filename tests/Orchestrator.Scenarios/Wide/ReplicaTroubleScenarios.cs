using Npgsql;
using Orchestrator.V1;
using Xunit.Abstractions;

namespace Orchestrator.Scenarios.Wide;

/// <summary>Replicas freeze, die and are replaced while several migrations run, and the database goes away from all of them.</summary>
[Collection(WideFleetScenarios.Name)]
[Trait("Category", "Campaign")]
public class ReplicaTroubleScenarios(WideFleet fleet, ITestOutputHelper output) : IAsyncLifetime
{
    /// <summary>Of the database. By the clock: what happens meanwhile happens in processes that are not to be asked.</summary>
    private static readonly TimeSpan s_outage = TimeSpan.FromSeconds(20);

    private readonly List<Resident> _guests = [];
    private readonly List<string> _ids = [];

    public Task InitializeAsync() => fleet.SettleAsync();

    public async Task DisposeAsync()
    {
        foreach (var replica in fleet.Servers.Where(replica => replica.IsRunning))
        {
            replica.Process.Thaw();
        }

        foreach (var guest in _guests)
        {
            await guest.DisposeAsync();
        }
    }

    [Fact]
    public async Task CommandersFrozenAndWokenOverAndOver_TheWokenWriteAndCommandNothing()
    {
        await StartAsync(3);
        foreach (var turn in Enumerable.Range(0, 3))
        {
            // Whoever commands the first; the others' migrations go on meanwhile.
            var before = await fleet.AwaitMigrationAsync(_ids[0], migration => migration.ReplicaId.Length > 0 || migration.EndedAt is not null);
            if (before.EndedAt is not null)
            {
                break;
            }

            var commander = await fleet.CommanderAsync(before);
            commander.Process.Freeze();
            var after = await fleet.AwaitMigrationAsync(_ids[0], migration => migration.Epoch > before.Epoch || migration.EndedAt is not null);
            Assert.True(after.EndedAt is not null || after.ReplicaId != before.ReplicaId, $"turn {turn}: {after}");

            // In the middle of what its successor does.
            commander.Process.Thaw();
            await fleet.AwaitMigrationAsync(_ids[0], migration =>
                migration.LatestReading?.Sequence > before.LatestReading?.Sequence + 4 || migration.EndedAt is not null);
        }

        await AssertAllMovedAsync();
        await AssertEpochsAsync(1);
        await AssertGapsAsync(TimeSpan.FromSeconds(40));
    }

    [Fact]
    public async Task CommanderKilledWhileSeveralRun_TheOthersShareThem()
    {
        await StartAsync(4);
        var before = await Task.WhenAll(_ids.Select(id => fleet.AwaitMigrationAsync(id, Slow.IsCopying)));
        var commander = await fleet.CommanderAsync(before[0]);
        var orphans = before.Where(migration => migration.ReplicaId == before[0].ReplicaId).Select(migration => migration.MigrationId).ToList();

        await commander.Process.KillAsync();
        foreach (var id in orphans)
        {
            var after = await fleet.AwaitMigrationAsync(id, migration => migration.Epoch > 1 || migration.EndedAt is not null);
            Assert.NotEqual(before[0].ReplicaId, after.ReplicaId);
        }

        await AssertAllMovedAsync();

        // Nobody takes from those who live.
        foreach (var spared in before.Where(migration => !orphans.Contains(migration.MigrationId)))
        {
            Assert.Equal(spared.Epoch, (await fleet.AwaitEndAsync(spared.MigrationId)).Epoch);
        }
    }

    [Fact]
    public async Task EveryReplicaReplacedInTurn_NothingIsNoticed()
    {
        await StartAsync(3);
        await Task.WhenAll(_ids.Select(id => fleet.AwaitMigrationAsync(id, Slow.IsCopying)));
        using var patience = new CancellationTokenSource(ScenarioFleet.Bound);
        foreach (var replica in fleet.Servers)
        {
            await replica.Process.StopAsync();
            await replica.StartAsync(patience.Token);
        }

        // None of the three that commanded at the beginning is there any more.
        await AssertAllMovedAsync();
        _ids.Add(await _guests[0].MigrateAsync("host-a", "suspend-if-needed", 5000));
        await AssertAllMovedAsync();
    }

    [Theory]
    [InlineData("stopped")]
    [InlineData("frozen")]
    public async Task PostgresAwayForTwentySeconds_NothingIsStartedTwiceOrTakenOver(string how)
    {
        await StartAsync(2);
        var before = await Task.WhenAll(_ids.Select(id => fleet.AwaitMigrationAsync(id, Slow.IsCopying)));
        var database = fleet.Fleet.Database!;

        // One waits in the queue all the while.
        var waiting = await Resident.StartAsync(fleet, "host-a", Slow.Brief);
        _guests.Add(waiting);
        var request = waiting.Request("host-c", "suspend-if-needed", 5000);
        request.NotBefore = Google.Protobuf.WellKnownTypes.Timestamp.FromDateTimeOffset(TimeProvider.System.GetUtcNow() + TimeSpan.FromSeconds(5));
        _ids.Add(await waiting.MigrateAsync(request));

        if (how == "stopped")
        {
            await database.StopAsync();
            await Task.Delay(s_outage, TimeProvider.System);
            using var patience = new CancellationTokenSource(ScenarioFleet.Bound);
            await database.StartAsync(patience.Token);
        }
        else
        {
            database.Freeze();
            try
            {
                await Task.Delay(s_outage, TimeProvider.System);
            }
            finally
            {
                database.Thaw();
            }
        }

        // Each is found again by whoever commanded it: its lease ran out with everybody's, and nobody else took it for dead.
        foreach (var migration in before)
        {
            var after = await fleet.AwaitMigrationAsync(migration.MigrationId, now => now.Epoch > migration.Epoch || now.EndedAt is not null);
            Assert.True(after.EndedAt is not null || after.ReplicaId == migration.ReplicaId, $"{migration.ReplicaId} commanded, now: {after}");
        }

        await AssertAllMovedAsync();
        Assert.All(_guests, guest => Assert.Equal(2, guest.Journey.Engines));
    }

    /// <summary>Guests on host-a that move to the two others, each in the middle of its copy.</summary>
    private async Task StartAsync(int count)
    {
        var policy = await fleet.PolicyAsync(Slow.Climbing());
        for (var number = 0; number < count; number++)
        {
            _guests.Add(await Resident.StartAsync(fleet, "host-a", Slow.Load));
        }

        foreach (var (guest, number) in _guests.Select((guest, number) => (guest, number)))
        {
            _ids.Add(await guest.MigrateAsync(number % 2 == 0 ? "host-b" : "host-c", policy, 8000));
        }

        foreach (var id in _ids)
        {
            await fleet.AwaitMigrationAsync(id, Slow.IsCopying);
        }
    }

    private async Task AssertAllMovedAsync()
    {
        foreach (var id in _ids)
        {
            var migration = await fleet.AwaitEndAsync(id);
            Assert.True(migration.Phase == MigrationPhase.Completed, $"{migration}");
            output.WriteLine($"{id}: epoch {migration.Epoch}, {migration.Summary.ObservedDowntime} observed downtime");
        }

        await Aftermath.AssertAsync(fleet, [.. _guests]);
        foreach (var guest in _guests)
        {
            output.WriteLine($"{guest.Id}: longest wait for a beat {guest.Journey.AssertUnbroken().TotalSeconds:0.00} s");
        }
    }

    private async Task AssertEpochsAsync(ulong above)
    {
        var migration = await fleet.AwaitEndAsync(_ids[0]);
        Assert.True(migration.Epoch > above, $"{migration}");
    }

    /// <summary>A watcher sees numbers all the while but for the time that a take-over needs.</summary>
    private async Task AssertGapsAsync(TimeSpan atMost)
    {
        await using var connection = new NpgsqlConnection(fleet.Fleet.Database!.ConnectionString + ";Pooling=false");
        await connection.OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = """
            SELECT coalesce(max(gap), interval '0') FROM (
                SELECT at - lag(at) OVER (PARTITION BY migration_id ORDER BY sequence) AS gap
                  FROM migration_readings WHERE migration_id = ANY (@ids)) AS gaps
            """;
        command.Parameters.AddWithValue("ids", _ids.Select(Guid.Parse).ToArray());
        var longest = (TimeSpan)(await command.ExecuteScalarAsync())!;
        output.WriteLine($"longest time without a reading: {longest.TotalSeconds:0.00} s");
        Assert.True(longest < atMost, $"{longest}");
    }
}
