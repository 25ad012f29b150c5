using Grpc.Core;
using Orchestrator.Qmp;
using Orchestrator.Rpc.Errors;
using Orchestrator.V1;
using static Orchestrator.Scenarios.Policies;

namespace Orchestrator.Scenarios;

/// <summary>The guest runs on the target while its memory is still arriving.</summary>
[Collection(FleetScenarios.Name)]
public class PostCopyScenarios(ScenarioFleet fleet)
{
    [Fact]
    public async Task HeavyLoad_SwitchesToPostCopy_AndCompletes()
    {
        var document = WhenStalled(new LadderStep { PostCopy = new PostCopy() }, capMilliseconds: 200);
        await using var guest = await ScenarioGuest.StartAsync(fleet, Load.Heavy);
        var id = await guest.MigrateAsync(await fleet.PolicyAsync(document), 200);

        var migration = await guest.AwaitEndAsync(id);

        await guest.AssertMovedAsync(migration);
        Assert.True(migration.Summary.PostCopyUsed);
        Assert.Null(migration.Summary.ReportedDowntime);
        Assert.NotNull(migration.Summary.ObservedDowntime);
        Assert.Equal(DecisionAction.StartPostCopy, Assert.Single(await guest.DecisionsAsync(id)).Action);
    }

    [Fact]
    public async Task LinkBrokenInPostCopy_IsRecovered_AndNothingIsLost()
    {
        // Slow enough that the link can be broken while most of the memory is still on the source.
        var slow = new PostCopy { MaxBytesPerSecond = 1 << 20 };
        var document = WhenStalled(new LadderStep { PostCopy = slow }, capMilliseconds: 200);
        await using var guest = await ScenarioGuest.StartAsync(fleet, Load.Heavy);
        var id = await guest.MigrateAsync(await fleet.PolicyAsync(document), 200);
        await guest.AwaitPhaseAsync(id, MigrationPhase.Postcopy);

        var cancel = await Assert.ThrowsAsync<RpcException>(async () =>
            await fleet.ControlPlane.Migrations.CancelMigrationAsync(new CancelMigrationRequest { MigrationId = id }));
        Assert.Equal("PAST_POINT_OF_NO_RETURN", Refusal.FindDetail<Google.Rpc.ErrorInfo>(cancel)?.Reason);
        await BreakLinkAsync(guest);

        await guest.AssertMovedAsync(await guest.AwaitEndAsync(id));
        var transitions = (await fleet.ControlPlane.Migrations.GetMigrationAsync(new GetMigrationRequest { MigrationId = id })).Transitions;
        Assert.Contains(transitions, transition => transition.To == MigrationPhase.PostcopyPaused);
    }

    /// <summary>Through the second monitor socket, which is there for people: QEMU shuts the stream down as a lost link would.</summary>
    private async Task BreakLinkAsync(ScenarioGuest guest)
    {
        var socket = Path.Combine(fleet.HostA.RuntimeFolder, "guests", guest.Id, "spare.sock");
        await using var monitor = await QmpConnection.ConnectAsync(socket, TimeProvider.System, guest.Patience);
        await monitor.ExecuteOutOfBandAsync("migrate-pause", null, guest.Patience);
    }
}
