using System.Diagnostics;
using Orchestrator.V1;
using static Orchestrator.Scenarios.Policies;

namespace Orchestrator.Scenarios;

/// <summary>Parts die in the middle; the guest does not notice and the migration goes on.</summary>
[Collection(FleetScenarios.Name)]
public class CrashScenarios(ScenarioFleet fleet)
{
    /// <summary>From 30 ms by four up to the budget of 8 s, in milliseconds.</summary>
    private static readonly int[] s_climb = [120, 480, 1920, 7680];

    [Fact]
    public async Task TargetEngineKilledInTheCopy_TheGuestRunsOnAtTheSource()
    {
        await using var guest = await ScenarioGuest.StartAsync(fleet, Load.Heavy);
        var id = await guest.MigrateAsync(await fleet.PolicyAsync(Doubling(30)), 30);
        await guest.AwaitAsync(id, migration => migration.LatestReading?.Pass >= 2);

        Process.GetProcessById(Assert.Single(guest.Processes(fleet.HostB))).Kill();

        var migration = await guest.AwaitEndAsync(id);
        Assert.Equal(MigrationPhase.Failed, migration.Phase);
        Assert.Equal(FailureReason.EngineFailed, migration.FailureReason);
        Assert.NotEmpty(migration.FailureMessage);
        await guest.AssertStayedAsync();
    }

    [Fact]
    public async Task SourceAgentKilledInTheCopy_ItsSuccessorGoesOn()
    {
        await using var guest = await ScenarioGuest.StartAsync(fleet, Load.Heavy);
        var id = await StartEscalatingAsync(guest);
        var before = await guest.AwaitAsync(id, migration => migration.LatestReading?.Pass >= 2);

        await fleet.HostA.CrashAndRestartAsync(guest.Patience);

        var after = await guest.AwaitAsync(id, migration => migration.LatestReading.Sequence > before.LatestReading.Sequence + 2);
        Assert.True(after.LatestReading.Pass >= before.LatestReading.Pass, "the copy was started over");
        await guest.AssertMovedAsync(await guest.AwaitEndAsync(id));
    }

    [Fact]
    public async Task TargetAgentKilledInTheCopy_ItsSuccessorGoesOn()
    {
        await using var guest = await ScenarioGuest.StartAsync(fleet, Load.Heavy);
        var id = await StartEscalatingAsync(guest);
        await guest.AwaitAsync(id, migration => migration.LatestReading?.Pass >= 2);

        await fleet.HostB.CrashAndRestartAsync(guest.Patience);

        await guest.AssertMovedAsync(await guest.AwaitEndAsync(id));
    }

    [Fact]
    public async Task ControlPlaneKilledInTheCopy_ItsSuccessorGoesOn()
    {
        await using var guest = await ScenarioGuest.StartAsync(fleet, Load.Heavy);
        var id = await StartEscalatingAsync(guest);
        var before = await guest.AwaitAsync(
            id, migration => migration.LatestReading?.DowntimeLimit.ToTimeSpan() > TimeSpan.FromMilliseconds(30));

        await fleet.ControlPlane.CrashAndRestartAsync(guest.Patience);

        var migration = await guest.AwaitEndAsync(id);
        await guest.AssertMovedAsync(migration);
        Assert.True(migration.Epoch > before.Epoch, "nobody else may command it under the old epoch");
        await AssertEscalatedAsync(guest, id);
    }

    [Fact]
    public async Task ControlPlaneAwayAtTheSwitchOver_TheGuestRunsOnTheTargetAllTheSame()
    {
        await using var guest = await ScenarioGuest.StartAsync(fleet, Load.Heavy with { BandwidthMebibytes = 2, DirtyMebibytes = 1 });
        var id = await guest.MigrateAsync("suspend-if-needed", 5000);
        await guest.AwaitAsync(id, migration => migration.LatestReading is not null);

        await fleet.ControlPlane.Process.KillAsync();
        var target = await guest.Moving.TargetAsync(guest.Patience);
        await target.WaitForBeatAsync(_ => true, guest.Patience);
        await fleet.ControlPlane.StartAsync(guest.Patience);

        await guest.AssertMovedAsync(await guest.AwaitEndAsync(id));
    }

    [Theory]
    [InlineData("PrepareTarget")]
    [InlineData("StartSource")]
    [InlineData("AdjustSource")]
    [InlineData("FinishSource")]
    public async Task ControlPlaneDiesBetweenIntentionAndCommand_TheCommandIsSentOnceByItsSuccessor(string command)
    {
        await using var guest = await ScenarioGuest.StartAsync(fleet, Load.Heavy);
        var policy = await fleet.PolicyAsync(Quadrupling());
        await fleet.ControlPlane.Process.StopAsync();
        await fleet.ControlPlane.StartAsync(
            new Dictionary<string, string> { ["Faults:Enabled"] = "true", ["Faults:ExitAfterIntention"] = command }, guest.Patience);

        var request = guest.Request(policy, 8000);
        await fleet.ControlPlane.Migrations.StartMigrationAsync(request);
        await fleet.ControlPlane.Process.Exited(guest.Patience);
        await fleet.ControlPlane.StartAsync(guest.Patience);

        await guest.AssertMovedAsync(await guest.AwaitEndAsync(request.MigrationId));
        await AssertEscalatedAsync(guest, request.MigrationId);
    }

    [Fact]
    public async Task PostgresKilledInTheCopy_NothingIsLost()
    {
        await using var guest = await ScenarioGuest.StartAsync(fleet, Load.Heavy);
        var id = await StartEscalatingAsync(guest);
        var seen = SeeReadingsAsync(id, guest.Patience);
        await guest.AwaitAsync(id, migration => migration.LatestReading?.Pass >= 2);

        var pidFile = Directory.EnumerateFiles(fleet.ControlPlane.DataFolder, "postmaster.pid", SearchOption.AllDirectories).Single();
        Process.GetProcessById(int.Parse(File.ReadLines(pidFile).First(), System.Globalization.CultureInfo.InvariantCulture)).Kill();

        await guest.AssertMovedAsync(await guest.AwaitEndAsync(id));
        var watched = await seen;
        Assert.True(watched.Count > 10, $"{watched.Count} readings");
        var readings = await guest.AwaitReadingsAsync(id, watched.Max());
        Assert.Equal(readings.Select(reading => reading.Sequence).Distinct().Order(), readings.Select(reading => reading.Sequence));
        Assert.Empty(watched.Except(readings.Select(reading => reading.Sequence)));
        await AssertEscalatedAsync(guest, id);
    }

    private static PolicyDocument Quadrupling()
    {
        var document = Doubling(10_000);
        document.Exponential.Factor = 4;
        return document;
    }

    /// <summary>The whole climb, every step of it decided and carried out once, whoever decided it.</summary>
    private static async Task AssertEscalatedAsync(ScenarioGuest guest, string id)
    {
        var decisions = await guest.DecisionsAsync(id);
        Assert.Equal(
            s_climb.Take(decisions.Count), decisions.Select(decision => (int)decision.DowntimeLimit.ToTimeSpan().TotalMilliseconds));
        Assert.True(decisions.Count >= 3, "480 ms are not enough for it");
        ScenarioGuest.AssertCarriedOut(decisions);
    }

    /// <summary>The readings that a watcher is told of, to the end of the migration; the feed does not go through the database.</summary>
    private async Task<IReadOnlyList<ulong>> SeeReadingsAsync(string id, CancellationToken patience)
    {
        var seen = new List<ulong>();
        using var watch = fleet.ControlPlane.Migrations.WatchMigration(new WatchMigrationRequest { MigrationId = id }, cancellationToken: patience);
        while (await watch.ResponseStream.MoveNext(patience))
        {
            if (watch.ResponseStream.Current.Happening.Reading is { } reading)
            {
                seen.Add(reading.Sequence);
            }
        }

        return seen;
    }

    private async Task<string> StartEscalatingAsync(ScenarioGuest guest) => await guest.MigrateAsync(await fleet.PolicyAsync(Quadrupling()), 8000);
}
