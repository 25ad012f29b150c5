using Orchestrator.Agent.V1;
using Orchestrator.V1;
using static Orchestrator.Scenarios.Policies;

namespace Orchestrator.Scenarios;

/// <summary>The only control plane is killed in the middle of a copy that does not converge, and nobody brings it back for a while.</summary>
[Collection(FleetScenarios.Name)]
public class UnattendedScenarios(ScenarioFleet fleet) : IAsyncLifetime
{
    private static readonly TimeSpan s_silence = TimeSpan.FromSeconds(2);

    public async Task InitializeAsync()
    {
        await fleet.ReviveAsync();
        await RestartAsync(new Dictionary<string, string> { ["Migrations:UnattendedAfter"] = s_silence.ToString() });
    }

    public async Task DisposeAsync() => await RestartAsync(new Dictionary<string, string>());

    [Fact]
    public async Task Continue_TheCopyGoesOnAsItWas_AndThePolicyWhenItIsBack()
    {
        await using var guest = await ScenarioGuest.StartAsync(fleet, Load.Heavy);
        var (id, before) = await StartAsync(guest, Quadrupling(OnControlPlaneLoss.Continue));

        await fleet.ControlPlane.Process.KillAsync();

        // Long enough for an agent that decided to have measured several rounds of its own.
        var last = await LookAsync(guest, id, report =>
            report.Numbers.Pass >= before.LatestReading.Pass + 12 || report.UnattendedDecisions.Count > 0 || report.EngineStatus != "active");
        Assert.Equal("active", last.EngineStatus);
        Assert.Empty(last.UnattendedDecisions);
        await fleet.ControlPlane.StartAsync(guest.Patience);

        await guest.AssertMovedAsync(await guest.AwaitEndAsync(id));
        Assert.All(await guest.DecisionsAsync(id), decision => Assert.Equal(DecisionOrigin.Policy, decision.Origin));
    }

    [Fact]
    public async Task AgentDecides_ItRaisesTheLimitAndCompletes_AndTheRecordHasIt()
    {
        await using var guest = await ScenarioGuest.StartAsync(fleet, Load.Heavy);
        var (id, before) = await StartAsync(guest, Quadrupling(OnControlPlaneLoss.AgentDecides));

        await fleet.ControlPlane.Process.KillAsync();
        var target = await guest.Moving.TargetAsync(guest.Patience);
        await target.WaitForBeatAsync(_ => true, guest.Patience);
        await fleet.ControlPlane.StartAsync(guest.Patience);

        var migration = await guest.AwaitEndAsync(id);
        await guest.AssertMovedAsync(migration);
        Assert.True(migration.Epoch > before.Epoch, "it was taken over");
        var decisions = await guest.DecisionsAsync(id);
        Assert.Equal(Enumerable.Range(1, decisions.Count).Select(number => (uint)number), decisions.Select(decision => decision.Sequence));
        var alone = decisions.Where(decision => decision.Origin == DecisionOrigin.Agent).ToList();
        Assert.NotEmpty(alone);
        Assert.Equal(decisions.TakeLast(alone.Count), alone);
        Assert.All(alone, decision => Assert.Equal(DecisionOutcome.Applied, decision.Outcome));
        Assert.All(alone, decision => Assert.NotEmpty(decision.Reason));
        Assert.All(decisions, decision => Assert.Equal(DecisionAction.SetDowntimeLimit, decision.Action));
        var limits = decisions.Where(decision => decision.Outcome == DecisionOutcome.Applied).Select(decision => decision.DowntimeLimit.ToTimeSpan()).ToList();
        Assert.Equal(limits.Order(), limits);
        Assert.True(limits[^1] <= TimeSpan.FromSeconds(8), $"{limits[^1]} is above the budget");
        Assert.Equal(limits[^1], migration.Summary.FinalLimit.ToTimeSpan());
    }

    [Fact]
    public async Task AbortAtDeadline_TheGuestStaysAtTheSource_AndTheRecordSaysFailed()
    {
        var document = Doubling(30);
        document.OnControlPlaneLoss = OnControlPlaneLoss.AbortAtDeadline;
        document.Stop = new StopConditions { MaxTotalTime = Seconds(15) };
        await using var guest = await ScenarioGuest.StartAsync(fleet, Load.Heavy);
        var (id, _) = await StartAsync(guest, document, 30);

        await fleet.ControlPlane.Process.KillAsync();
        var ended = await LookAsync(guest, id, report => report.SessionState == SessionState.Ended);
        Assert.Equal(SessionOutcome.Cancelled, ended.Outcome);
        var lastBeat = guest.Moving.Trace().LastOnSource!.Counter;
        await guest.Moving.Source.WaitForBeatAsync(beat => beat.Counter > lastBeat, guest.Patience);
        await fleet.ControlPlane.StartAsync(guest.Patience);

        var migration = await guest.AwaitEndAsync(id);
        Assert.Equal((MigrationPhase.Failed, FailureReason.AbortedByPolicy), (migration.Phase, migration.FailureReason));
        var decision = Assert.Single(await guest.DecisionsAsync(id));
        Assert.Equal((DecisionAction.Abort, DecisionOrigin.Agent, "stop.max_total_time"), (decision.Action, decision.Origin, decision.Rule));
        await guest.AssertStayedAsync();
    }

    private static PolicyDocument Quadrupling(OnControlPlaneLoss loss)
    {
        var document = Doubling(10_000);
        document.Exponential.Factor = 4;
        document.OnControlPlaneLoss = loss;
        return document;
    }

    /// <summary>In the middle of the copy: it has passed over memory more than once and is far from fitting.</summary>
    private async Task<(string Id, Migration Migration)> StartAsync(ScenarioGuest guest, PolicyDocument document, int budget = 8000)
    {
        var id = await guest.MigrateAsync(await fleet.PolicyAsync(document), budget);
        return (id, await guest.AwaitAsync(id, migration => migration.LatestReading?.Pass >= 2));
    }

    /// <summary>What the source's agent tells an onlooker: one without a replica's name sees all and is no control plane that listens.</summary>
    private async Task<MigrationReport> LookAsync(ScenarioGuest guest, string id, Func<MigrationReport, bool> until)
    {
        using var stream = fleet.HostA.Agent.Observe(new ObserveRequest(), cancellationToken: guest.Patience);
        MigrationReport? last = null;
        while (await stream.ResponseStream.MoveNext(guest.Patience))
        {
            foreach (var report in stream.ResponseStream.Current.Reports.Where(report => report.MigrationId == id && report.Role == SessionRole.Source))
            {
                last = report;
                if (until(report))
                {
                    return report;
                }
            }
        }

        throw new TimeoutException($"It never became so. Last seen: {last}");
    }

    private async Task RestartAsync(IReadOnlyDictionary<string, string> settings)
    {
        using var patience = new CancellationTokenSource(ScenarioFleet.Bound);
        await fleet.ControlPlane.Process.StopAsync();
        await fleet.ControlPlane.StartAsync(settings, patience.Token);
        foreach (var agent in fleet.Fleet.Agents)
        {
            await fleet.AwaitConnectedAsync(agent);
        }
    }
}
