using Orchestrator.V1;
using Xunit.Abstractions;
using static Orchestrator.Scenarios.Policies;

namespace Orchestrator.Scenarios.Wide;

/// <summary>All replicas are killed in the middle of copies that do not converge, one under each of the policies for that.</summary>
[Collection(WideFleetScenarios.Name)]
[Trait("Category", "Campaign")]
public class AbandonedScenarios(WideFleet fleet, ITestOutputHelper output) : IAsyncLifetime
{
    private readonly List<Resident> _guests = [];

    public Task InitializeAsync() => fleet.SettleAsync();

    public async Task DisposeAsync()
    {
        foreach (var guest in _guests)
        {
            await guest.DisposeAsync();
        }
    }

    [Fact]
    public async Task AllReplicasKilled_EachMigrationDoesAsItsPolicySays()
    {
        var (continues, decides, aborts) = (await GuestAsync(), await GuestAsync(), await GuestAsync());
        var continued = await continues.MigrateAsync("host-b", await PolicyAsync(OnControlPlaneLoss.Continue), 8000);
        var decided = await decides.MigrateAsync("host-b", await PolicyAsync(OnControlPlaneLoss.AgentDecides), 8000);

        // The caller's own time limit, which the agent must keep too.
        var request = aborts.Request("host-c", await PolicyAsync(OnControlPlaneLoss.AbortAtDeadline), 30);
        request.Deadline = Seconds(25);
        var aborted = await aborts.MigrateAsync(request);
        foreach (var id in new[] { continued, decided, aborted })
        {
            await fleet.AwaitMigrationAsync(id, Slow.IsCopying);
        }

        await Task.WhenAll(fleet.Servers.Select(replica => replica.Process.KillAsync()));
        using var patience = new CancellationTokenSource(ScenarioFleet.Bound);

        // The agent that decides takes its guest over. The one that aborts gives up at the time limit: its target's engine goes.
        await decides.BeatsOnAsync("host-b");
        while (aborts.Processes(fleet.Fleet.Agent("host-c")).Count > 0)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System, patience.Token);
        }

        Assert.Equal("host-a", Assert.Single(continues.Journey.Stays).HostId);
        Assert.Equal(2, continues.Processes().Count);
        foreach (var replica in fleet.Servers)
        {
            await replica.StartAsync(patience.Token);
        }

        await AssertEndAsync(continued, MigrationPhase.Completed, "host-b", continues);
        await AssertEndAsync(decided, MigrationPhase.Completed, "host-b", decides);
        var ended = await AssertEndAsync(aborted, MigrationPhase.Failed, "host-a", aborts);
        Assert.Equal(FailureReason.AbortedByPolicy, ended.FailureReason);
        Assert.All(await DecisionsAsync(continued), decision => Assert.Equal(DecisionOrigin.Policy, decision.Origin));
        Assert.Contains(await DecisionsAsync(decided), decision => decision is { Origin: DecisionOrigin.Agent, Outcome: DecisionOutcome.Applied });
        var last = (await DecisionsAsync(aborted))[^1];
        Assert.Equal((DecisionAction.Abort, DecisionOrigin.Agent), (last.Action, last.Origin));
        await Aftermath.AssertAsync(fleet, [.. _guests]);
    }

    private async Task<Migration> AssertEndAsync(string id, MigrationPhase phase, string hostId, Resident guest)
    {
        var migration = await fleet.AwaitEndAsync(id);
        Assert.True(migration.Phase == phase, $"{migration}");
        Assert.Equal(hostId, (await guest.GetAsync()).HostId);
        output.WriteLine($"{phase} under epoch {migration.Epoch}, longest wait for a beat {guest.Journey.AssertUnbroken().TotalSeconds:0.00} s");
        return migration;
    }

    private Task<string> PolicyAsync(OnControlPlaneLoss loss)
    {
        // One that aborts may not climb: it would converge. Its own time limit is later than its caller's.
        var document = loss is OnControlPlaneLoss.AbortAtDeadline ? Doubling(30) : Slow.Climbing();
        if (loss is OnControlPlaneLoss.AbortAtDeadline)
        {
            document.Stop = new StopConditions { MaxTotalTime = Seconds(600) };
        }

        document.OnControlPlaneLoss = loss;
        return fleet.PolicyAsync(document);
    }

    private async Task<IReadOnlyList<Decision>> DecisionsAsync(string id) => (await fleet.AskAsync((replica, options) =>
        replica.Migrations.ListDecisionsAsync(new ListDecisionsRequest { MigrationId = id, PageSize = 1000 }, options))).Decisions;

    private async Task<Resident> GuestAsync()
    {
        var guest = await Resident.StartAsync(fleet, "host-a", Slow.Load);
        _guests.Add(guest);
        return guest;
    }
}
