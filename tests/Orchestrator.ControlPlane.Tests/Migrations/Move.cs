using Google.Protobuf.WellKnownTypes;
using Orchestrator.Agent.V1;
using Orchestrator.ControlPlane.Migrations;
using Orchestrator.ControlPlane.Migrations.Admission;
using Orchestrator.ControlPlane.Migrations.Wishes;
using Orchestrator.V1;
using AgentCommandKind = Orchestrator.Policy.Lifecycle.AgentCommandKind;
using LifecyclePhase = Orchestrator.Policy.Lifecycle.MigrationPhase;
using Migration = Orchestrator.ControlPlane.Migrations.Migration;

namespace Orchestrator.ControlPlane.Tests.Migrations;

/// <summary>One guest's move in the test's hands: both agents, and what their engines say.</summary>
internal sealed class Move(Fleet fleet, string guestId, string sourceHost, string targetHost)
{
    private static readonly TimeSpan s_bound = TimeSpan.FromSeconds(60);

    private ulong _sequence;

    public Fleet Fleet { get; set; } = fleet;

    public Guid Id { get; } = Guid.NewGuid();

    public string GuestId => guestId;

    public string SourceHost => sourceHost;

    public string TargetHost => targetHost;

    public bool WasRunning { get; init; } = true;

    public PlayedAgent Source => Fleet.Agents[sourceHost];

    public PlayedAgent Target => Fleet.Agents[targetHost];

    public StartMigrationRequest Request(string policy = "", Action<StartMigrationRequest>? change = null)
    {
        var request = new StartMigrationRequest
        {
            MigrationId = Id.ToString(),
            GuestId = guestId,
            TargetHostId = targetHost,
            Policy = policy,
        };
        change?.Invoke(request);
        return request;
    }

    public async Task<AdmissionResult> StartAsync(PolicyDocument? policy = null, Action<StartMigrationRequest>? change = null)
    {
        var request = Request(await Fleet.AddPolicyAsync(policy ?? Fleet.Doubling), change);
        Assert.True(StartMigrationCommand.TryParse(request, TimeProvider.System.GetUtcNow(), out var command, out var violations), string.Join("; ", violations.Found));
        var result = await Fleet.Admission.AdmitAsync(command, CancellationToken.None);
        if (Fleet.BeginsHere && result is { Outcome: AdmissionOutcome.Admitted, Migration: { } migration })
        {
            await Fleet.BeginHereAsync(migration);
        }

        return result;
    }

    /// <summary>Admitted, prepared and copying.</summary>
    public async Task<ExecuteRequest> CopyAsync(PolicyDocument? policy = null, Action<StartMigrationRequest>? change = null)
    {
        Assert.Equal(AdmissionOutcome.Admitted, (await StartAsync(policy, change)).Outcome);
        (await Target.NextAsync(AgentCommandKind.PrepareTarget)).Done(TargetReport(SessionState.Listening), "tcp:127.0.0.2:49152");
        var start = await Source.NextAsync(AgentCommandKind.StartSource);
        start.Done(SourceReport(SessionState.Opening, "setup", WasRunning ? RunState.Running : RunState.Paused));
        return start.Request;
    }

    public async Task<Migration> FindAsync() =>
        await Fleet.Migrations.FindAsync(Id, CancellationToken.None) ?? throw new InvalidOperationException("It is not there.");

    /// <summary>Waits until the migration is in the phase, by what watchers are told.</summary>
    public async Task<Migration> ReachAsync(LifecyclePhase phase)
    {
        using var watcher = Fleet.Feed.Watch(Id, new MigrationQuery("", "", [], false));
        using var bound = new CancellationTokenSource(s_bound);
        while (true)
        {
            var migration = await FindAsync();
            if (migration.Phase == phase)
            {
                return migration;
            }

            try
            {
                await watcher.NextAsync(bound.Token);
            }
            catch (OperationCanceledException)
            {
                throw new TimeoutException($"{phase} was not reached; it is {(await FindAsync()).Phase}: {string.Join(", ", await StoryAsync())}.");
            }
        }
    }

    public Task<Migration> ReachWhileTimePassesAsync(LifecyclePhase phase) =>
        Fleet.WhileTimePassesAsync(ReachAsync(phase), TimeSpan.FromSeconds(5));

    public async Task<IReadOnlyList<string>> StoryAsync() =>
        [.. (await Fleet.History.ListTransitionsAsync(Id, CancellationToken.None)).Select(transition => transition.To.ToString())];

    /// <summary>Waits until the decision has the outcome.</summary>
    public async Task<Decision> DecidedAsync(uint sequence, DecisionOutcome outcome)
    {
        using var watcher = Fleet.Feed.Watch(Id, new MigrationQuery("", "", [], false));
        using var bound = new CancellationTokenSource(s_bound);
        while (true)
        {
            var decisions = await Fleet.History.ListDecisionsAsync(Id, 0, 1000, CancellationToken.None);
            if (decisions.FirstOrDefault(decision => decision.Sequence == sequence && decision.Outcome == outcome) is { } found)
            {
                return found;
            }

            await watcher.NextAsync(bound.Token);
        }
    }

    public Task<WishAnswer?> CancelAsync() => Fleet.Wishes.CancelAsync(Id, "changed my mind", CancellationToken.None);

    public async Task<AdjustResult> AdjustAsync(AdjustMigrationRequest request)
    {
        request.MigrationId = Id.ToString();
        request.RequestId = request.RequestId.Length > 0 ? request.RequestId : Guid.NewGuid().ToString();
        Assert.True(AdjustMigrationCommand.TryParse(request, out var command, out var violations), string.Join("; ", violations.Found));
        return await Fleet.Wishes.AdjustAsync(command, CancellationToken.None);
    }

    /// <summary>The source's stream brings this.</summary>
    public void SourceSays(MigrationReport report)
    {
        Source.Say(report);
        Fleet.Post.OnReports(sourceHost, [report], Fleet.Clock.GetTimestamp());
    }

    /// <summary>The same, and waits until it has been read: a report that comes too soon takes the place of the one before.</summary>
    public async Task ReadAsync(MigrationReport report)
    {
        using var watcher = Fleet.Feed.Watch(Id, new MigrationQuery("", "", [], false));
        using var bound = new CancellationTokenSource(s_bound);
        SourceSays(report);
        while (!(Fleet.Feed.LatestReading(Id)?.Sequence >= report.Sequence))
        {
            await watcher.NextAsync(bound.Token);
        }
    }

    public void TargetSays(MigrationReport report)
    {
        Target.Say(report);
        Fleet.Post.OnReports(targetHost, [report], Fleet.Clock.GetTimestamp());
    }

    /// <summary>The copy goes on: so long since the engine's start, in this pass, with so much remaining.</summary>
    public MigrationReport Copying(double seconds, uint pass = 2, ulong remaining = 500_000_000, Action<MigrationReport>? change = null)
    {
        var report = Report(SessionRole.Source, SessionState.Running, "active", WasRunning ? RunState.Running : RunState.Paused);
        report.Elapsed = TimeSpan.FromSeconds(seconds).ToDuration();
        report.Numbers = new TransferNumbers
        {
            RamTotalBytes = Fleet.Memory,
            RamRemainingBytes = remaining,
            RemainingBytes = remaining,
            TransferredBytes = (ulong)(seconds * 50_000_000),
            BandwidthBytesPerSecond = 50_000_000,
            SwitchoverBytesPerSecond = 50_000_000,
            DirtyBytesPerSecond = 200_000_000,
            ExpectedDowntime = TimeSpan.FromSeconds((double)remaining / 50_000_000).ToDuration(),
            DowntimeLimit = TimeSpan.FromMilliseconds(100).ToDuration(),
            Pass = pass,
            PassesHonest = true,
        };
        change?.Invoke(report);
        return report;
    }

    public MigrationReport SourceReport(SessionState state, string status, RunState runState, SessionOutcome outcome = SessionOutcome.Unspecified)
    {
        var report = Report(SessionRole.Source, state, status, runState);
        report.Outcome = outcome;
        if (runState is RunState.FinishMigrate or RunState.Postmigrate)
        {
            report.StoppedAt = new DateTimeOffset(2026, 3, 1, 12, 0, 10, TimeSpan.Zero).ToTimestamp();
        }

        return report;
    }

    public MigrationReport Completed() => SourceReport(SessionState.Ended, "completed", RunState.Postmigrate, SessionOutcome.Completed);

    public MigrationReport PostCopy(string status = "postcopy-active") => SourceReport(SessionState.Running, status, RunState.FinishMigrate);

    public MigrationReport Undone(SessionOutcome outcome = SessionOutcome.Cancelled) =>
        SourceReport(SessionState.Ended, "cancelled", WasRunning ? RunState.Running : RunState.Paused, outcome);

    public MigrationReport TargetReport(
        SessionState state, RunState runState = RunState.Inmigrate, SessionOutcome outcome = SessionOutcome.Unspecified)
    {
        var report = Report(SessionRole.Target, state, "", runState);
        report.Outcome = outcome;
        return report;
    }

    public MigrationReport Arrived()
    {
        var report = TargetReport(SessionState.Ended, WasRunning ? RunState.Running : RunState.Paused, SessionOutcome.Completed);
        report.ResumedAt = WasRunning ? new DateTimeOffset(2026, 3, 1, 12, 0, 10, 350, TimeSpan.Zero).ToTimestamp() : null;
        return report;
    }

    private MigrationReport Report(SessionRole role, SessionState state, string status, RunState runState) => new()
    {
        MigrationId = Id.ToString(),
        GuestId = guestId,
        Role = role,
        Sequence = Interlocked.Increment(ref _sequence),
        SessionState = state,
        EngineStatus = status,
        RunState = runState,
        WasRunning = WasRunning,
        EngineVersion = role is SessionRole.Source ? "10.0.13" : "11.1.3",
        At = Fleet.Clock.GetUtcNow().ToTimestamp(),
    };
}
