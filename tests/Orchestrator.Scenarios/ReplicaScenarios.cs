using Orchestrator.LocalFleet.Processes;
using Orchestrator.V1;
using Xunit.Abstractions;
using static Orchestrator.Scenarios.Policies;

namespace Orchestrator.Scenarios;

/// <summary>Two replicas, real processes: the one that commands dies, freezes or is stopped, and the migration goes on.</summary>
[Collection(ReplicaFleetScenarios.Name)]
public class ReplicaScenarios(ReplicaFleet fleet, ITestOutputHelper output)
{
    /// <summary>What is promised, on a machine that is not busy with anything else: the figure is in the output.</summary>
    private static readonly TimeSpan s_promised = TimeSpan.FromSeconds(5);

    // Leases are by wall time, and the test machine may be very busy.
    private static readonly TimeSpan s_atMost = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task CommanderKilledInTheCopy_TheOtherCommandsWithinSeconds_AndWatchesThereMissNothing()
    {
        await using var guest = await StartAsync();
        var id = await MigrateAsync(guest);
        var before = await guest.AwaitAsync(id, migration => migration.LatestReading?.Pass >= 2);
        var (commander, other) = await CommanderAsync(before);
        var seen = WatchAsync(other, id, guest.Patience);
        var decided = (await guest.DecisionsAsync(id)).Count;

        var killedAt = TimeProvider.System.GetTimestamp();
        await commander.Process.KillAsync();
        fleet.ControlPlane = other;
        var after = await guest.AwaitAsync(id, migration => migration.Epoch > before.Epoch);
        Report("killed", TimeProvider.System.GetElapsedTime(killedAt));
        Assert.NotEqual(before.ReplicaId, after.ReplicaId);
        Assert.Equal(await ReplicaOfAsync(other), after.ReplicaId);

        await guest.AssertMovedAsync(await guest.AwaitEndAsync(id));
        Assert.True((await guest.DecisionsAsync(id)).Count > decided, "it went on deciding");
        var told = await seen;
        var transitions = told.Where(happening => happening.Transition is not null).Select(happening => happening.Transition.Sequence).ToList();
        Assert.Equal(transitions.Distinct().Order(), transitions);
        Assert.Equal(Enumerable.Range((int)transitions[0], transitions.Count), transitions.Select(sequence => (int)sequence));
        var decisions = (await guest.DecisionsAsync(id)).Where(decision => decision.Sequence > decided).Select(decision => decision.Sequence);
        Assert.Empty(decisions.Except(told.Where(happening => happening.Decision is not null).Select(happening => happening.Decision.Sequence)));
        Assert.Contains(told, happening => happening.Reading is not null);
    }

    [Fact]
    public async Task CommanderFrozenInTheCopy_TheOtherCommands_AndNothingIsHarmedWhenItWakes()
    {
        await using var guest = await StartAsync();
        var id = await MigrateAsync(guest);
        var before = await guest.AwaitAsync(id, migration => migration.LatestReading?.Pass >= 2);
        var (commander, other) = await CommanderAsync(before);

        var frozenAt = TimeProvider.System.GetTimestamp();
        commander.Process.Freeze();
        try
        {
            fleet.ControlPlane = other;
            var after = await guest.AwaitAsync(id, migration => migration.Epoch > before.Epoch);
            Report("frozen", TimeProvider.System.GetElapsedTime(frozenAt));
            Assert.Equal(await ReplicaOfAsync(other), after.ReplicaId);
            await guest.AwaitAsync(id, migration => migration.LatestReading.Sequence > before.LatestReading.Sequence);
        }
        finally
        {
            commander.Process.Thaw();
        }

        await guest.AssertMovedAsync(await guest.AwaitEndAsync(id));
        var transitions = (await other.Migrations.GetMigrationAsync(new GetMigrationRequest { MigrationId = id })).Transitions;
        Assert.Equal(Enumerable.Range(1, transitions.Count), transitions.Select(transition => (int)transition.Sequence));
        Assert.DoesNotContain(transitions, transition => transition.To is MigrationPhase.NeedsAttention or MigrationPhase.Cancelling);

        // The one that woke is a replica like the other: it has a lease and shows the same end.
        await guest.AwaitAsync(id, _ => true);
        var listed = (await commander.Replicas.ListReplicasAsync(new ListReplicasRequest(), cancellationToken: guest.Patience)).Replicas;
        Assert.Contains(listed, replica => replica.ReplicaId == before.ReplicaId);
        var shown = await commander.Migrations.GetMigrationAsync(new GetMigrationRequest { MigrationId = id }, cancellationToken: guest.Patience);
        Assert.Equal(MigrationPhase.Completed, shown.Migration.Phase);
    }

    [Fact]
    public async Task CommanderStoppedInOrder_TheOtherGoesOnWithoutAGap()
    {
        await using var guest = await StartAsync();
        var id = await MigrateAsync(guest);
        var before = await guest.AwaitAsync(id, migration => migration.LatestReading?.Pass >= 2);
        var (commander, other) = await CommanderAsync(before);

        var stoppedAt = TimeProvider.System.GetTimestamp();
        fleet.ControlPlane = other;
        var stopping = commander.Process.StopAsync();
        await guest.AwaitAsync(id, migration => migration.Epoch > before.Epoch);
        Report("stopped", TimeProvider.System.GetElapsedTime(stoppedAt));
        await stopping;

        await guest.AssertMovedAsync(await guest.AwaitEndAsync(id));
    }

    [Fact]
    public async Task CancelAndAdjust_OnTheReplicaThatDoesNotCommand_AreDone()
    {
        await using var guest = await StartAsync();
        var id = await MigrateAsync(guest);
        var (_, other) = await CommanderAsync(await guest.AwaitAsync(id, migration => migration.LatestReading?.Pass >= 2));

        var adjusted = await other.Migrations.AdjustMigrationAsync(
            new AdjustMigrationRequest { MigrationId = id, RequestId = Guid.NewGuid().ToString(), SetBandwidth = 4 * 1024 * 1024 },
            cancellationToken: guest.Patience);
        Assert.Equal(4UL * 1024 * 1024, adjusted.Migration.MaxBytesPerSecond);
        await other.Migrations.CancelMigrationAsync(
            new CancelMigrationRequest { MigrationId = id, Reason = "the other replica" }, cancellationToken: guest.Patience);

        Assert.Equal(MigrationPhase.Cancelled, (await guest.AwaitEndAsync(id)).Phase);
        await guest.AssertStayedAsync();
    }

    private async Task<ScenarioGuest> StartAsync()
    {
        fleet.ControlPlane = fleet.Fleet.ControlPlanes[0];
        return await ScenarioGuest.StartAsync(fleet, Load.Heavy);
    }

    private async Task<(ControlPlaneServer Commander, ControlPlaneServer Other)> CommanderAsync(Migration migration)
    {
        var commander = await fleet.ReplicaAsync(migration.ReplicaId);
        return (commander, fleet.Fleet.ControlPlanes.Single(server => server != commander));
    }

    private async Task<string> MigrateAsync(ScenarioGuest guest)
    {
        var document = Doubling(10_000);
        document.Exponential.Factor = 4;
        return await guest.MigrateAsync(await fleet.PolicyAsync(document), 8000);
    }

    private void Report(string what, TimeSpan took)
    {
        output.WriteLine(FormattableString.Invariant(
            $"Commander {what}: the other commanded after {took.TotalSeconds:0.00} s (promised: {s_promised.TotalSeconds} s)."));
        Assert.True(took < s_atMost, $"{took}");
    }

    private static async Task<string> ReplicaOfAsync(ControlPlaneServer server) =>
        (await server.Replicas.ListReplicasAsync(new ListReplicasRequest())).AnsweredBy;

    /// <summary>Until the migration has ended.</summary>
    private static async Task<IReadOnlyList<MigrationHappening>> WatchAsync(ControlPlaneServer server, string id, CancellationToken patience)
    {
        var told = new List<MigrationHappening>();
        using var call = server.Migrations.WatchMigration(new WatchMigrationRequest { MigrationId = id }, cancellationToken: patience);
        while (await call.ResponseStream.MoveNext(patience))
        {
            told.Add(call.ResponseStream.Current.Happening);
        }

        return told;
    }
}
