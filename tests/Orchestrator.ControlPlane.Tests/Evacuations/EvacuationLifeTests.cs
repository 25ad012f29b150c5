using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Tests.Evacuations;

/// <summary>Evacuations from end to end through the API, with agents that do as they are told.</summary>
public sealed class EvacuationLifeTests(EvacuationFixture fixture) : IClassFixture<EvacuationFixture>, IAsyncLifetime
{
    private readonly Rack _rack = new(fixture.Fleet);

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync() => await _rack.DisposeAsync();

    [Fact]
    public async Task Hosts_AreCordonedAndEmptied_AndTheEvacuationCompletes()
    {
        var host = await _rack.AddHostAsync();
        var targets = new[] { await _rack.AddHostAsync(), await _rack.AddHostAsync() };
        var guests = new List<string>();
        for (var guest = 0; guest < 5; guest++)
        {
            guests.Add(await _rack.AddGuestAsync(host));
        }

        var request = Rack.Request(host, spec => spec.Reason = "new memory");
        var plan = (await _rack.Evacuations.PlanEvacuationAsync(new PlanEvacuationRequest { Spec = request.Spec })).Plan;
        Assert.Equal(guests.Order(StringComparer.Ordinal), plan.Moves.Select(move => move.GuestId).Order(StringComparer.Ordinal));
        Assert.All(plan.Moves, move => Assert.Contains(move.TargetHostId, targets.Select(target => target.HostId)));
        Assert.False(await _rack.IsCordonedAsync(host));

        var started = (await _rack.Evacuations.StartEvacuationAsync(request)).Evacuation;
        Assert.Equal((EvacuationState.Running, "a test", 5), (started.State, started.RequestedBy, started.Plan.Moves.Count));
        Assert.Equal(started.EvacuationId, (await _rack.Evacuations.StartEvacuationAsync(request)).Evacuation.EvacuationId);
        var ended = await _rack.EndAsync(started.EvacuationId, EvacuationState.Completed);

        Assert.All(ended.Guests, guest => Assert.Equal((EvacuationGuestState.Moved, 1U), (guest.State, guest.Attempts)));
        Assert.Equal(guests.Order(StringComparer.Ordinal), ended.Guests.Select(guest => guest.GuestId));
        Assert.Equal((EvacuationHostState.Empty, false), (ended.Hosts[0].State, ended.Hosts[0].WasCordoned));
        Assert.True(await _rack.IsCordonedAsync(host));
        foreach (var guest in ended.Guests)
        {
            Assert.Equal(guest.TargetHostId, await _rack.HostOfAsync(guest.GuestId));
            var migration = (await fixture.Fleet.Migrations.GetMigrationAsync(
                new GetMigrationRequest { MigrationId = guest.MigrationId })).Migration;
            Assert.Equal(
                (MigrationPhase.Completed, started.EvacuationId, "evacuation"),
                (migration.Phase, migration.EvacuationId, migration.PriorityClass));
        }
    }
}
