using Google.Protobuf.WellKnownTypes;
using Orchestrator.Agent.V1;
using Orchestrator.HostAgent.Migrations;
using Orchestrator.Policy;
using Orchestrator.Policy.Convergence;
using Orchestrator.PolicyMessages;
using Orchestrator.V1;

namespace Orchestrator.HostAgent.Tests.Migrations;

/// <summary>What a session's journal knows of what the agent decided by itself, and what the policy is told of it.</summary>
public class LoneDecisionTests
{
    private static readonly DateTimeOffset s_at = new(2026, 2, 3, 4, 5, 6, TimeSpan.Zero);

    [Fact]
    public void After_ADecision_ItIsUnderWayUntilItsOutcome_AndTheAdjustmentCountsOnlyWhenApplied()
    {
        var decided = Running().After(Decided(1, 20, Limit(80)));
        Assert.Equal(1u, decided.LoneDecisionUnderWay?.Decision.Sequence);
        Assert.Null(decided.Adjusted.DowntimeLimit);

        var applied = decided.After(new JournalEntry.AloneDone(s_at, 1, DecisionOutcome.Applied, ""));
        Assert.Null(applied.LoneDecisionUnderWay);
        Assert.Equal(DecisionOutcome.Applied, Assert.Single(applied.LoneDecisions).Decision.Outcome);
        Assert.Equal(Milliseconds(80), applied.Adjusted.DowntimeLimit.ToTimeSpan());

        var refused = decided.After(new JournalEntry.AloneDone(s_at, 1, DecisionOutcome.Refused, "no"));
        Assert.Null(refused.Adjusted.DowntimeLimit);
        Assert.Equal("no", refused.LoneDecisions[0].Decision.OutcomeMessage);
    }

    [Fact]
    public void After_APause_TheRefusalTakesItBack()
    {
        var paused = Running().After(Decided(1, 20, Pause(4)));
        Assert.True(paused.PausedToConverge);
        Assert.False(paused.After(new JournalEntry.AloneDone(s_at, 1, DecisionOutcome.Refused, "no")).PausedToConverge);
    }

    [Fact]
    public void After_TheEnd_ACancelWasDone_AndTheRestIsOvertaken()
    {
        var ended = new JournalEntry.Ended(s_at, SessionOutcome.Cancelled, "", null);

        var cancelled = Running().After(Decided(1, 20, new ExecuteRequest { CancelSource = new CancelSource() }));
        Assert.True(cancelled.CancelRequested);
        Assert.Equal(DecisionOutcome.Applied, cancelled.After(ended).LoneDecisions[0].Decision.Outcome);
        Assert.Equal(
            DecisionOutcome.Overtaken,
            cancelled.After(new JournalEntry.Ended(s_at, SessionOutcome.EngineLost, "", null)).LoneDecisions[0].Decision.Outcome);
        Assert.Equal(DecisionOutcome.Overtaken, Running().After(Decided(1, 20, Limit(80))).After(ended).LoneDecisions[0].Decision.Outcome);
    }

    [Fact]
    public void After_AnotherOpening_TheDecisionsStayNumbered()
    {
        var first = Applied(Running(), 1, 20, Limit(80));

        var second = first.After(new JournalEntry.Opened(s_at, first.MigrationId, SessionRole.Source, "g1", "", true));

        Assert.Single(second.LoneDecisions);

        // They are no steps of the new attempt, though.
        var begun = second
            .After(new JournalEntry.Begun(s_at.AddSeconds(90), Command(9, request => request.StartSource = Start())))
            .After(new JournalEntry.Started(s_at.AddSeconds(90)));
        Assert.Equal(UnattendedPolicy.Join(Terms(), Milliseconds(20), TimeSpan.Zero), KnownDecisions.Of(begun, Terms()));
    }

    [Fact]
    public void Fence_CommandDecidedInIgnorance_IsStale()
    {
        var record = Applied(Applied(Running(), 1, 20, Limit(80)), 2, 30, Limit(160));
        var command = Command(9, request => request.AdjustSource = new AdjustSource());

        Assert.IsType<FenceVerdict.CarryOut>(Fence.Judge(record, command));
        command.UnattendedSeen = 2;
        Assert.IsType<FenceVerdict.CarryOut>(Fence.Judge(record, command));
        command.UnattendedSeen = 1;
        Assert.Equal(AgentError.CommandStale, Assert.IsType<FenceVerdict.Refuse>(Fence.Judge(record, command)).Why.Error);
    }

    [Fact]
    public void Known_CommandsAndOwnDecisions_AreStepsThatWereTaken()
    {
        var record = Command(Running(), 2, 10, request =>
        {
            request.AdjustSource = Limit(40).AdjustSource;
            request.UnattendedSeen = 0;
        });
        record = Applied(record, 1, 20, Limit(80));
        var state = KnownDecisions.Of(record, Terms());

        Assert.Equal(Milliseconds(80), state.Limit);
        Assert.Equal(1, state.Ladder.Next);
        Assert.Equal(TimeSpan.FromSeconds(20), state.Pacing.BeatAt);

        record = Command(record, 3, 30, request => request.PauseSource = Pause(4).PauseSource);
        state = KnownDecisions.Of(record, Terms());
        Assert.Equal(new PauseInForce(TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(4), 1), state.Pause);

        record = Command(record, 4, 34, request => request.ResumeSource = new ResumeSource());
        state = KnownDecisions.Of(record, Terms());
        Assert.Null(state.Pause);
        Assert.Equal(2, state.Ladder.Next);
        Assert.Equal(Milliseconds(80), state.Limit);
    }

    [Fact]
    public void Known_ALimitThatACallerSet_IsNoStep()
    {
        var state = KnownDecisions.Of(Command(Running(), 2, 10, request => request.AdjustSource = Limit(400).AdjustSource), Terms());

        Assert.Equal(Milliseconds(400), state.Limit);
        Assert.Equal(0, state.Ladder.Next);
    }

    [Fact]
    public void Known_AnotherDocument_BeginsItsLadderAnew_AtTheLimitThatIs()
    {
        var other = Document();
        other.MaxDowntime = TimeSpan.FromSeconds(3).ToDuration();
        var record = Applied(Running(), 1, 20, Limit(80));
        record = Command(record, 2, 25, request => request.AdjustSource = new AdjustSource
        {
            DowntimeLimit = Milliseconds(80).ToDuration(),
            Unattended = new UnattendedTerms { Document = other },
        });

        var state = KnownDecisions.Of(record, Terms(other));

        Assert.Equal(Milliseconds(80), state.Limit);
        Assert.Equal(0, state.Ladder.Next);
        Assert.Equal(TimeSpan.FromSeconds(25), state.Ladder.CountFrom);
        Assert.Equal(TimeSpan.FromSeconds(3), record.Unattended?.Document.MaxDowntime.ToTimeSpan());
    }

    [Fact]
    public void Known_WhatWasNotCarriedOut_IsNotKnown()
    {
        var record = Running().After(Decided(1, 20, Limit(80))).After(new JournalEntry.AloneDone(s_at, 1, DecisionOutcome.Refused, "no"));

        Assert.Equal(Milliseconds(20), KnownDecisions.Of(record, Terms()).Limit);
    }

    private static PolicyDocument Document() => new()
    {
        InitialDowntime = Milliseconds(20).ToDuration(),
        MaxDowntime = TimeSpan.FromSeconds(2).ToDuration(),
        Exponential = new V1.ExponentialPacing { Factor = 2, StalledRounds = 1 },
        Steps =
        {
            new V1.LadderStep { RaiseDowntime = new RaiseDowntime() },
            new V1.LadderStep { Pause = new Pause { MaxPause = TimeSpan.FromSeconds(4).ToDuration() }, When = { new V1.Trigger { PassesAbove = 50 } } },
            new V1.LadderStep { Abort = new Abort(), When = { new V1.Trigger { PassesAbove = 90 } } },
        },
        OnControlPlaneLoss = OnControlPlaneLoss.AgentDecides,
    };

    private static ConvergenceTerms Terms(PolicyDocument? document = null)
    {
        var parsed = PolicyDocumentParser.ParseStored(document ?? Document());
        return new ConvergenceTerms
        {
            Document = parsed,
            Budget = parsed.MaxDowntime,
            GuestMemory = DataSize.FromMebibytes(64),
            PostCopyPossible = false,
            ThrottlePossible = false,
        };
    }

    private static SessionRecord Running() => SessionRecord.Empty
        .After(new JournalEntry.Opened(s_at, Guid.NewGuid(), SessionRole.Source, "g1", "", true))
        .After(new JournalEntry.Begun(s_at, Command(1, request => request.StartSource = Start())))
        .After(new JournalEntry.Started(s_at));

    private static StartSource Start() => new()
    {
        DowntimeLimit = Milliseconds(20).ToDuration(),
        Terms = new TransferTerms(),
        Unattended = new UnattendedTerms { Document = Document() },
    };

    private static SessionRecord Applied(SessionRecord record, uint number, int seconds, ExecuteRequest request) =>
        record.After(Decided(number, seconds, request)).After(new JournalEntry.AloneDone(s_at, number, DecisionOutcome.Applied, ""));

    private static JournalEntry.DecidedAlone Decided(uint number, int seconds, ExecuteRequest request) => new(
        s_at.AddSeconds(seconds),
        new Decision { Sequence = number, At = s_at.AddSeconds(seconds).ToTimestamp(), Outcome = DecisionOutcome.Intended },
        request);

    private static SessionRecord Command(SessionRecord record, ulong id, int seconds, Action<ExecuteRequest> set) => record
        .After(new JournalEntry.Begun(s_at.AddSeconds(seconds), Command(id, set)))
        .After(new JournalEntry.Answered(s_at.AddSeconds(seconds), id, new ExecuteResponse()));

    private static ExecuteRequest Command(ulong id, Action<ExecuteRequest> set)
    {
        var request = new ExecuteRequest { Epoch = 1, CommandId = id };
        set(request);
        return request;
    }

    private static ExecuteRequest Limit(int milliseconds) =>
        new() { AdjustSource = new AdjustSource { DowntimeLimit = Milliseconds(milliseconds).ToDuration() } };

    private static ExecuteRequest Pause(int seconds) =>
        new() { PauseSource = new PauseSource { MaxPause = TimeSpan.FromSeconds(seconds).ToDuration() } };

    private static TimeSpan Milliseconds(int milliseconds) => TimeSpan.FromMilliseconds(milliseconds);
}
