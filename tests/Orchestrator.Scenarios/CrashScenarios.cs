using System.Diagnostics;
using Orchestrator.V1;
using static Orchestrator.Scenarios.Policies;

namespace Orchestrator.Scenarios;

/// <summary>Parts die in the middle; the guest does not notice and the migration goes on.</summary>
[Collection(FleetScenarios.Name)]
public class CrashScenarios(ScenarioFleet fleet)
{
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
        var before = await guest.AwaitAsync(id, migration => migration.LatestReading?.Pass >= 2);
        var decided = (await guest.DecisionsAsync(id)).Count;

        await fleet.ControlPlane.CrashAndRestartAsync(guest.Patience);

        var migration = await guest.AwaitEndAsync(id);
        await guest.AssertMovedAsync(migration);
        Assert.True(migration.Epoch > before.Epoch, "nobody else may command it under the old epoch");
        var decisions = await guest.DecisionsAsync(id);
        Assert.True(decisions.Count > decided, "it went on deciding");
        var limits = decisions.Select(decision => decision.DowntimeLimit.ToTimeSpan()).ToList();
        Assert.Equal(limits.Order(), limits);
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
    }

    [Fact]
    public async Task PostgresKilledInTheCopy_NothingIsLost()
    {
        await using var guest = await ScenarioGuest.StartAsync(fleet, Load.Heavy);
        var id = await StartEscalatingAsync(guest);
        await guest.AwaitAsync(id, migration => migration.LatestReading?.Pass >= 2);

        var pidFile = Directory.EnumerateFiles(fleet.ControlPlane.DataFolder, "postmaster.pid", SearchOption.AllDirectories).Single();
        Process.GetProcessById(int.Parse(File.ReadLines(pidFile).First(), System.Globalization.CultureInfo.InvariantCulture)).Kill();

        await guest.AssertMovedAsync(await guest.AwaitEndAsync(id));
        var readings = (await fleet.ControlPlane.Migrations.ListReadingsAsync(
            new ListReadingsRequest { MigrationId = id, PageSize = 5000 })).Readings;
        Assert.Equal(readings.Select(reading => reading.Sequence).Distinct().Order(), readings.Select(reading => reading.Sequence));
        Assert.True(readings.Count > 10, $"{readings.Count} readings");
    }

    private static PolicyDocument Quadrupling()
    {
        var document = Doubling(10_000);
        document.Exponential.Factor = 4;
        return document;
    }

    private async Task<string> StartEscalatingAsync(ScenarioGuest guest) => await guest.MigrateAsync(await fleet.PolicyAsync(Quadrupling()), 8000);
}
