using Grpc.Core;
using Orchestrator.V1;

namespace Orchestrator.Scenarios;

/// <summary>A guest that was moved is an ordinary guest of its new host.</summary>
[Collection(FleetScenarios.Name)]
public class RoundTripScenarios(ScenarioFleet fleet)
{
    [Fact]
    public async Task GuestMovesThereAndBack_AndCanBeStoppedAndRemoved()
    {
        await using var guest = await ScenarioGuest.StartAsync(fleet, Load.Light);
        await guest.AssertMovedAsync(await guest.AwaitEndAsync(await guest.MigrateAsync("suspend-if-needed", 1000)));
        await guest.TurnRoundAsync();
        await guest.AssertMovedAsync(await guest.AwaitEndAsync(await guest.MigrateAsync("suspend-if-needed", 1000)));

        await fleet.ControlPlane.Guests.StopGuestAsync(new StopGuestRequest { GuestId = guest.Id }, cancellationToken: guest.Patience);
        Assert.Empty(guest.Processes(fleet.HostA));
        await fleet.ControlPlane.Guests.RemoveGuestAsync(new RemoveGuestRequest { GuestId = guest.Id }, cancellationToken: guest.Patience);
        var gone = await Assert.ThrowsAsync<RpcException>(async () =>
            await fleet.ControlPlane.Guests.GetGuestAsync(new GetGuestRequest { GuestId = guest.Id }, cancellationToken: guest.Patience));
        Assert.Equal(StatusCode.NotFound, gone.StatusCode);
    }
}
