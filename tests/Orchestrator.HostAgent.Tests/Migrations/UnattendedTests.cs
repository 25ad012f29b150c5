using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Orchestrator.Agent.V1;
using Orchestrator.BootGuest;
using Orchestrator.HostAgent.Tests.Fleet;
using Orchestrator.V1;

namespace Orchestrator.HostAgent.Tests.Migrations;

/// <summary>A copy that does not converge, and nobody there to say what to do about it.</summary>
[Collection(QemuTests.Name)]
public sealed class UnattendedTests : IAsyncLifetime
{
    private const string Commander = "3f2b8c1e-7d7a-4a57-9c55-0d3f5a1b2c3d";

    private TwoHosts _hosts = null!;

    public async Task InitializeAsync() => _hosts = await TwoHosts.StartAsync();

    public async Task DisposeAsync() => await _hosts.DisposeAsync();

    [Fact]
    public async Task AgentDecides_RaisesTheLimitWithinTheBudgetAndCompletesAlone()
    {
        await BeginAsync(Document(OnControlPlaneLoss.AgentDecides, factor: 4));

        var ended = await _hosts.SourceUntilAsync(report => report.SessionState == SessionState.Ended);

        Assert.Equal(SessionOutcome.Completed, ended.Outcome);
        await _hosts.TargetUntilAsync(report => report.ResumedAt is not null);
        var trace = await _hosts.TraceAsync();
        Assert.True(trace.Verdict == GuestVerdict.Intact, trace.ToString());
        var decisions = ended.UnattendedDecisions;
        Assert.NotEmpty(decisions);
        Assert.Equal(Enumerable.Range(1, decisions.Count).Select(number => (uint)number), decisions.Select(decision => decision.Sequence));
        Assert.All(decisions, decision => Assert.Equal(DecisionOrigin.Agent, decision.Origin));
        Assert.All(decisions, decision => Assert.Equal(DecisionAction.SetDowntimeLimit, decision.Action));
        Assert.All(decisions, decision => Assert.NotEmpty(decision.Reason));
        var limits = decisions.Select(decision => decision.DowntimeLimit.ToTimeSpan()).ToList();
        Assert.Equal(limits.Order(), limits);
        Assert.All(limits, limit => Assert.InRange(limit, TimeSpan.FromMilliseconds(11), TimeSpan.FromSeconds(8)));
        Assert.Equal(limits[^1], ended.Numbers.DowntimeLimit.ToTimeSpan());
    }

    [Fact]
    public async Task SomebodyListens_NothingIsDecided_AndAgainOnceTheyAreBack()
    {
        await BeginAsync(Document(OnControlPlaneLoss.AgentDecides, factor: 1.01));
        using (var gone = new CancellationTokenSource())
        {
            var heard = await ListenAsync(report => report.Numbers is { Pass: >= 4 } && report.Elapsed.Seconds >= 4, gone);
            Assert.Empty(heard.UnattendedDecisions);
        }

        var decided = await _hosts.SourceUntilAsync(report => report.UnattendedDecisions.Count >= 2 && IsSettled(report));

        // The first report that they get has all that was decided; whatever they do not know of is not decided any more.
        using var back = new CancellationTokenSource();
        MigrationReport? first = null;
        var later = await ListenAsync(
            report =>
            {
                first ??= report;
                return report.Numbers.Pass >= first.Numbers.Pass + 3;
            },
            back,
            keep: true);
        Assert.True(first!.UnattendedDecisions.Count >= decided.UnattendedDecisions.Count);
        Assert.Equal(first.UnattendedDecisions.Count, later.UnattendedDecisions.Count);

        // What was decided without knowing of that would lower the limit again.
        var ignorant = _hosts.Command(request => request.AdjustSource = new AdjustSource { DowntimeLimit = TimeSpan.FromMilliseconds(10).ToDuration() });
        ignorant.UnattendedSeen = 1;
        var refused = await Assert.ThrowsAsync<RpcException>(() => _hosts.Source.ExecuteAsync(ignorant));
        Assert.Equal("COMMAND_STALE", TwoHosts.ReasonOf(refused));
        var informed = _hosts.Command(request => request.AdjustSource = new AdjustSource { DowntimeLimit = TimeSpan.FromMilliseconds(50).ToDuration() });
        informed.UnattendedSeen = (uint)later.UnattendedDecisions.Count;
        await _hosts.Source.ExecuteAsync(informed);
        var now = await _hosts.SourceUntilAsync(report => report.Numbers.DowntimeLimit.ToTimeSpan() == TimeSpan.FromMilliseconds(50));
        Assert.Equal(later.UnattendedDecisions.Count, now.UnattendedDecisions.Count);
        await back.CancelAsync();

        // Alone once more it goes on from there.
        var alone = await _hosts.SourceUntilAsync(report => report.UnattendedDecisions.Count > later.UnattendedDecisions.Count && IsSettled(report));
        Assert.Equal(TimeSpan.FromMilliseconds(51), alone.UnattendedDecisions[later.UnattendedDecisions.Count].DowntimeLimit.ToTimeSpan());
    }

    [Fact]
    public async Task Continue_NothingIsDecidedHoweverLongItLasts()
    {
        await BeginAsync(Document(OnControlPlaneLoss.Continue, factor: 4));

        var later = await _hosts.SourceUntilAsync(report => report.Numbers is { Pass: >= 12 } || report.UnattendedDecisions.Count > 0);

        Assert.Equal("active", later.EngineStatus);
        Assert.Empty(later.UnattendedDecisions);
        Assert.Equal(TimeSpan.FromMilliseconds(10), later.Numbers.DowntimeLimit.ToTimeSpan());
    }

    [Fact]
    public async Task AbortAtDeadline_TheGuestIsBackAtTheSource()
    {
        var document = Document(OnControlPlaneLoss.AbortAtDeadline, factor: 4);
        document.Stop = new StopConditions { MaxTotalTime = TimeSpan.FromSeconds(5).ToDuration() };
        await BeginAsync(document);

        var ended = await _hosts.SourceUntilAsync(report => report.SessionState == SessionState.Ended);

        Assert.Equal(SessionOutcome.Cancelled, ended.Outcome);
        Assert.True(ended.Elapsed.ToTimeSpan() >= TimeSpan.FromSeconds(5));
        var decision = Assert.Single(ended.UnattendedDecisions);
        Assert.Equal((DecisionAction.Abort, DecisionOutcome.Applied), (decision.Action, decision.Outcome));
        Assert.Equal("stop.max_total_time", decision.Rule);
        await _hosts.NextBeatAsync(_hosts.Source);
        Assert.Equal(RunState.Running, await TwoHosts.RunStateAsync(_hosts.Source));
    }

    [Fact]
    public async Task AgentRestarted_GoesOnFromItsJournal()
    {
        await BeginAsync(Document(OnControlPlaneLoss.AgentDecides, factor: 1.01));
        var before = await _hosts.SourceUntilAsync(report => report.UnattendedDecisions.Count >= 2 && IsSettled(report));

        await _hosts.Source.StopAsync();
        await _hosts.Source.StartAsync();

        var after = await _hosts.SourceUntilAsync(report => report.UnattendedDecisions.Count >= before.UnattendedDecisions.Count + 2 && IsSettled(report));
        Assert.Equal(before.UnattendedDecisions, after.UnattendedDecisions.Take(before.UnattendedDecisions.Count));
        var limits = after.UnattendedDecisions.Select(decision => decision.DowntimeLimit.ToTimeSpan().TotalMilliseconds).ToList();
        Assert.Equal(Enumerable.Range(11, limits.Count).Select(limit => (double)limit), limits);
    }

    private static bool IsSettled(MigrationReport report) => report.UnattendedDecisions.All(decision => decision.Outcome == DecisionOutcome.Applied);

    private static PolicyDocument Document(OnControlPlaneLoss loss, double factor) => new()
    {
        InitialDowntime = TimeSpan.FromMilliseconds(10).ToDuration(),
        MaxDowntime = TimeSpan.FromSeconds(20).ToDuration(),
        Exponential = new ExponentialPacing { Factor = factor, StalledRounds = 1 },
        Steps =
        {
            new LadderStep { RaiseDowntime = new RaiseDowntime() },
            new LadderStep { Abort = new Abort(), When = { new Trigger { ElapsedAbove = TimeSpan.FromSeconds(600).ToDuration() } } },
        },
        OnControlPlaneLoss = loss,
    };

    private async Task BeginAsync(PolicyDocument document)
    {
        _hosts.ReplicaId = Commander;
        _hosts.Unattended = new UnattendedTerms
        {
            OnLoss = document.OnControlPlaneLoss,
            Silence = TimeSpan.FromSeconds(1).ToDuration(),
            Document = document,
            MaxDowntime = TimeSpan.FromSeconds(8).ToDuration(),
        };
        await _hosts.StartGuestAsync(TwoHosts.SpecOf(workingSet: 16, rate: 256, fill: 4, memory: 64));
        await _hosts.BeginAsync(bandwidth: 12 * TwoHosts.Mebibyte, downtimeMs: 10);
    }

    /// <summary>As the one who commands listens, until then.</summary>
    /// <param name="keep">The stream stays open until <paramref name="gone"/>.</param>
    private async Task<MigrationReport> ListenAsync(Func<MigrationReport, bool> until, CancellationTokenSource gone, bool keep = false)
    {
        gone.CancelAfter(TestAgent.Bound);
        var stream = _hosts.Source.Client.Observe(new ObserveRequest { ReplicaId = Commander }, cancellationToken: gone.Token);
        while (await stream.ResponseStream.MoveNext(gone.Token))
        {
            if (stream.ResponseStream.Current.Reports.FirstOrDefault(report => report.Numbers is not null && until(report)) is { } reached)
            {
                if (!keep)
                {
                    stream.Dispose();
                }

                return reached;
            }
        }

        throw new TimeoutException("The stream ended.");
    }
}
