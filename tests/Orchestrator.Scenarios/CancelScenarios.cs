using Grpc.Core;
using Orchestrator.Rpc.Errors;
using Orchestrator.V1;
using static Orchestrator.Scenarios.Policies;

namespace Orchestrator.Scenarios;

/// <summary>A caller changes their mind, at every moment one can.</summary>
[Collection(FleetScenarios.Name)]
public class CancelScenarios(ScenarioFleet fleet)
{
    [Fact]
    public async Task WhilePreparing_TheTargetIsAbandoned()
    {
        await using var guest = await ScenarioGuest.StartAsync(fleet, Load.Heavy);
        fleet.HostB.Process.Freeze();
        string id;
        try
        {
            id = await guest.MigrateAsync("suspend-if-needed", 1000);
            await guest.AwaitPhaseAsync(id, MigrationPhase.Preparing);
            await CancelAsync(id);
        }
        finally
        {
            fleet.HostB.Process.Thaw();
            await fleet.AwaitConnectedAsync(fleet.HostB);
        }

        Assert.Equal(MigrationPhase.Cancelled, (await guest.AwaitEndAsync(id)).Phase);
        await guest.AssertStayedAsync();
    }

    [Fact]
    public async Task WhileCopying_TheGuestRunsOnAtTheSource_AndCanMoveLater()
    {
        await using var guest = await ScenarioGuest.StartAsync(fleet, Load.Heavy);
        var id = await guest.MigrateAsync(await fleet.PolicyAsync(Doubling(30)), 30);
        await guest.AwaitAsync(id, migration => migration.LatestReading?.Pass >= 2);

        await CancelAsync(id);
        await CancelAsync(id);

        var migration = await guest.AwaitEndAsync(id);
        Assert.Equal(MigrationPhase.Cancelled, migration.Phase);
        Assert.True(migration.LatestReading.RemainingBytes > 0, "the last numbers are kept although the engine forgets them");
        await guest.AssertStayedAsync();
        await guest.ListenAnewAsync();
        var again = await guest.MigrateAsync("suspend-if-needed", 20_000);
        await guest.AssertMovedAsync(await guest.AwaitEndAsync(again));
    }

    [Fact]
    public async Task WhilePausedToConverge_TheGuestRunsAgain()
    {
        var document = WhenStalled(new LadderStep { Pause = new Pause { MaxPause = Seconds(60) } }, capMilliseconds: 30);
        await using var guest = await ScenarioGuest.StartAsync(fleet, Load.Heavy with { BandwidthMebibytes = 2 });
        var id = await guest.MigrateAsync(await fleet.PolicyAsync(document), 30);
        await guest.AwaitAsync(id, migration => migration.LatestReading is { GuestRunning: false, Pass: >= 2 });

        await CancelAsync(id);

        Assert.Equal(MigrationPhase.Cancelled, (await guest.AwaitEndAsync(id)).Phase);
        await guest.AssertStayedAsync();
    }

    [Fact]
    public async Task OnceTheSourceHasStoppedForGood_IsRefused_AndTheGuestArrives()
    {
        await using var guest = await ScenarioGuest.StartAsync(fleet, Load.Heavy with { BandwidthMebibytes = 4, DirtyMebibytes = 1 });
        var id = await guest.MigrateAsync("suspend-if-needed", 1000);
        await guest.AwaitPhaseAsync(id, MigrationPhase.Copying);
        fleet.HostB.Process.Freeze();
        try
        {
            await guest.AwaitPhaseAsync(id, MigrationPhase.Verifying);
            var refused = await Assert.ThrowsAsync<RpcException>(() => CancelAsync(id));
            Assert.Equal("PAST_POINT_OF_NO_RETURN", Refusal.FindDetail<Google.Rpc.ErrorInfo>(refused)?.Reason);
        }
        finally
        {
            fleet.HostB.Process.Thaw();
            await fleet.AwaitConnectedAsync(fleet.HostB);
        }

        await guest.AssertMovedAsync(await guest.AwaitEndAsync(id));
    }

    [Fact]
    public async Task AfterTheEnd_IsRefused()
    {
        await using var guest = await ScenarioGuest.StartAsync(fleet, Load.Light);
        var id = await guest.MigrateAsync("suspend-if-needed", 1000);
        await guest.AssertMovedAsync(await guest.AwaitEndAsync(id));

        var refused = await Assert.ThrowsAsync<RpcException>(() => CancelAsync(id));
        Assert.Equal("MIGRATION_ENDED", Refusal.FindDetail<Google.Rpc.ErrorInfo>(refused)?.Reason);
    }

    private async Task CancelAsync(string id) =>
        await fleet.ControlPlane.Migrations.CancelMigrationAsync(new CancelMigrationRequest { MigrationId = id, Reason = "changed my mind" });
}
