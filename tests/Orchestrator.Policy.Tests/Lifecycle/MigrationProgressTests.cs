using Orchestrator.Policy.Lifecycle;
using static Orchestrator.Policy.Lifecycle.AgentCommandKind;
using static Orchestrator.Policy.Tests.Lifecycle.Standings;

namespace Orchestrator.Policy.Tests.Lifecycle;

/// <summary>The life of a migration step by step, and each way it can leave the road.</summary>
public class MigrationProgressTests
{
    [Fact]
    public void Next_Queued_PreparesTheTarget() =>
        AssertStep(In(MigrationPhase.Queued), MigrationEvent.Admitted, PrepareTarget);

    [Fact]
    public void Next_TargetListens_CopyBegins() =>
        AssertStep(In(MigrationPhase.Preparing).Done(PrepareTarget), MigrationEvent.CopyStarted, StartSource);

    [Fact]
    public void Next_TargetRefuses_IsUndoneWithTheEnginesWords()
    {
        var step = AssertStep(In(MigrationPhase.Preparing).Refused(PrepareTarget), MigrationEvent.AbortDecided, AbandonTarget);

        Assert.Equal(new IntendedEnding(FailureReason.TargetRefused, "its words"), step.Ending);
    }

    [Fact]
    public void Next_TargetSilentWhilePreparing_IsUndone()
    {
        var step = AssertStep(In(MigrationPhase.Preparing).Pending(PrepareTarget) with { TargetSilent = true }, MigrationEvent.AbortDecided, AbandonTarget);

        Assert.Equal(FailureReason.AgentLost, step.Ending?.Reason);
    }

    [Fact]
    public void Next_SourceRefuses_IsUndoneWithTheEnginesWords()
    {
        var step = AssertStep(
            In(MigrationPhase.Copying).Done(PrepareTarget).Refused(StartSource), MigrationEvent.AbortDecided, AbandonTarget, AbandonSource);

        Assert.Equal(new IntendedEnding(FailureReason.SourceRefused, "its words"), step.Ending);
    }

    [Fact]
    public void Next_CopyRuns_Waits() => AssertStays(Copy(Copying));

    [Fact]
    public void Next_SourceSilentWhileCopying_Waits() => AssertStays(Copy(Copying) with { SourceSilent = true, TargetSilent = true, Overdue = true });

    [Theory]
    [InlineData(SessionStanding.SwitchingOver, TransferActivity.Copying)]
    [InlineData(SessionStanding.Running, TransferActivity.SwitchingOver)]
    public void Next_SourceStops_SwitchesOver(SessionStanding session, TransferActivity activity) =>
        AssertStep(Copy(Copying with { Session = session, Activity = activity }), MigrationEvent.SwitchOverStarted);

    [Fact]
    public void Next_SourceCompletes_HandsOver() =>
        AssertStep(Copy(SourceCompleted) with { Target = TargetWaits }, MigrationEvent.TransferCompleted, HandOverTarget);

    [Fact]
    public void Next_SourceCompletesAndTargetRunsAlready_ReleasesTheSource() =>
        AssertStep(Copy(SourceCompleted) with { Target = TargetRuns }, MigrationEvent.TransferCompleted, FinishSource);

    [Fact]
    public void Next_TargetCompletesFirst_Waits() =>
        AssertStays(Copy(Copying) with { Target = TargetRuns with { RunState = GuestRunState.Paused, HasRun = false } });

    [Fact]
    public void Next_TargetEngineGoneAndTheSourceNotHeardYet_WaitsForTheSourcesWord()
    {
        var begun = Copy(Copying) with { Source = null, Target = Ended(SessionEnding.Failed, GuestRunState.Gone) };

        AssertStays(begun);
        var step = AssertStep(begun with { SourceSilent = true }, MigrationEvent.AbortDecided);
        Assert.Equal(FailureReason.EngineFailed, step.Ending?.Reason);
    }

    [Fact]
    public void Next_TargetEngineGoneWhileCopying_CancelsTheSource()
    {
        var step = AssertStep(
            Copy(Copying) with { Target = Ended(SessionEnding.EngineLost, GuestRunState.Gone) }, MigrationEvent.AbortDecided, CancelSource);

        Assert.Equal(FailureReason.EngineFailed, step.Ending?.Reason);
    }

    [Fact]
    public void Next_GuestPausedBeforeTheCopyBegan_IsUndone() =>
        AssertStep(Copy(Copying with { WasRunning = false }), MigrationEvent.AbortDecided, CancelSource);

    [Theory]
    [InlineData(MigrationPhase.Copying)]
    [InlineData(MigrationPhase.SwitchingOver)]
    public void Next_EngineFails_ClearsAway(MigrationPhase phase)
    {
        var step = AssertStep(
            Copy(SourceBack) with { Phase = phase }, MigrationEvent.EngineFailed, AbandonTarget, AbandonSource);

        Assert.Equal(new IntendedEnding(FailureReason.EngineFailed, "engine words"), step.Ending);
    }

    [Fact]
    public void Next_EngineFailsAndGuestIsNotBack_WaitsBeforeTheTargetIsThrownAway()
    {
        var stopped = Copy(Ended(SessionEnding.Failed, GuestRunState.Paused));
        AssertStep(stopped, MigrationEvent.EngineFailed);

        var cancelling = stopped with { Phase = MigrationPhase.Cancelling, Ending = Faulted() };
        AssertStays(cancelling);
        AssertStep(cancelling with { Overdue = true }, MigrationEvent.BecameUndecidable);
    }

    [Fact]
    public void Next_PostCopySeen_HandsOver() =>
        AssertStep(Copy(InPostCopy), MigrationEvent.PostCopyStarted, HandOverTarget);

    [Fact]
    public void Next_PostCopySeenWithAGuestThatRunsAtTheSource_IsNotHandedOver()
    {
        var running = Copy(InPostCopy with { RunState = GuestRunState.Running }) with { Phase = MigrationPhase.PostCopy };

        AssertStays(running);
        AssertStep(running with { Overdue = true }, MigrationEvent.BecameUndecidable);
    }

    [Fact]
    public void Next_PostCopyWhileBeingCancelled_ForgetsTheWish()
    {
        var cancelling = Copy(InPostCopy).Pending(CancelSource) with
        {
            Phase = MigrationPhase.Cancelling,
            Ending = IntendedEnding.Cancelled("changed my mind"),
        };

        var step = AssertStep(cancelling, MigrationEvent.PostCopyStarted, HandOverTarget);
        Assert.Null(MigrationProgress.EndingAfter(step.Happened!.Value, cancelling.Ending, step.Ending));
    }

    [Fact]
    public void Next_PostCopyLinkLost_RecoversRoundAfterRound()
    {
        var paused = In(MigrationPhase.PostCopyPaused).Done(PrepareTarget, StartSource, HandOverTarget) with
        {
            Source = Copying with { Activity = TransferActivity.PostCopyPaused },
        };
        AssertGives(paused, RecoverTarget);
        AssertStays(paused.Pending(RecoverTarget));
        var listens = paused.Done(RecoverTarget);
        AssertGives(listens, RecoverSource);
        AssertStays(listens.Pending(RecoverSource));

        // Still paused after the round: the next one, but not at once.
        var tried = listens.Done(RecoverSource);
        AssertGives(tried, RecoverTarget);
        var justTried = tried with
        {
            Commands = new Dictionary<AgentCommandKind, CommandStanding>(tried.Commands)
            {
                [RecoverSource] = tried.Of(RecoverSource) with { Since = TimeSpan.FromMilliseconds(200) },
            },
        };
        Assert.Equal(TimeSpan.FromMilliseconds(800), AssertStays(justTried).AskAgainAfter);
        AssertStays(tried with { Source = tried.Source! with { Activity = TransferActivity.PostCopyRecovering } });
        AssertStep(
            tried with { Source = tried.Source! with { Activity = TransferActivity.PostCopy } }, MigrationEvent.PostCopyRecovered);
    }

    [Fact]
    public void Next_RecoverTargetRefused_TriesAgainLater()
    {
        var paused = In(MigrationPhase.PostCopyPaused).Done(PrepareTarget, StartSource, HandOverTarget) with
        {
            Source = Copying with { Activity = TransferActivity.PostCopyPaused },
        };

        AssertStays(paused.Refused(RecoverTarget, times: 3, since: TimeSpan.FromSeconds(3)));
        AssertGives(paused.Refused(RecoverTarget, times: 3, since: TimeSpan.FromSeconds(4)), RecoverTarget);
    }

    [Theory]
    [InlineData(SessionEnding.Failed, FailureReason.Undecidable)]
    [InlineData(SessionEnding.EngineLost, FailureReason.GuestLost)]
    public void Next_SourceEndsInPostCopy_NeedsAttention(SessionEnding ending, FailureReason reason)
    {
        var step = AssertStep(
            Copy(Ended(ending, GuestRunState.Gone)).Done(HandOverTarget) with { Phase = MigrationPhase.PostCopy }, MigrationEvent.BecameUndecidable);

        Assert.Equal(reason, step.Attention?.Reason);
    }

    [Fact]
    public void Next_TargetGoneInPostCopy_NeedsAttention() => AssertStep(
        Copy(InPostCopy).Done(HandOverTarget) with
        {
            Phase = MigrationPhase.PostCopy,
            Target = Ended(SessionEnding.EngineLost, GuestRunState.Gone),
        },
        MigrationEvent.BecameUndecidable);

    [Fact]
    public void Next_Verifying_GoesThroughHandOverReleaseFinish()
    {
        var verifying = Copy(SourceCompleted) with { Phase = MigrationPhase.Verifying, Target = TargetWaits };
        AssertGives(verifying, HandOverTarget);
        var told = verifying.Done(HandOverTarget);
        AssertStays(told);
        var runs = told with { Target = TargetRuns };
        AssertGives(runs, FinishSource);
        AssertStays(runs.Pending(FinishSource));
        AssertGives(runs.Done(FinishSource), FinishTarget);
        AssertStep(runs.Done(FinishSource, FinishTarget), MigrationEvent.Verified);
    }

    [Fact]
    public void Next_GuestPausedByItsOwner_VerifiesPaused()
    {
        var verifying = Copy(SourceCompleted).Done(HandOverTarget) with
        {
            Phase = MigrationPhase.Verifying,
            GuestWasRunning = false,
            Target = TargetRuns with { RunState = GuestRunState.Paused, HasRun = false },
        };

        AssertGives(verifying, FinishSource);
        AssertStays(verifying with { Target = verifying.Target! with { RunState = GuestRunState.InMigrate } });
    }

    [Theory]
    [InlineData(GuestRunState.Running)]
    [InlineData(GuestRunState.FinishMigrate)]
    [InlineData(GuestRunState.Unknown)]
    public void Next_SourceNotStopped_IsNotReleased(GuestRunState source)
    {
        var verifying = Copy(SourceCompleted with { RunState = source }).Done(HandOverTarget) with
        {
            Phase = MigrationPhase.Verifying,
            Target = TargetRuns,
            Overdue = true,
        };

        AssertStep(verifying, MigrationEvent.BecameUndecidable);
    }

    [Fact]
    public void Next_TargetSilentWhileVerifying_NeedsAttentionAndGoesOnWhenItIsBack()
    {
        var silent = Copy(SourceCompleted).Pending(HandOverTarget) with { Phase = MigrationPhase.Verifying, TargetSilent = true };
        Assert.Equal(FailureReason.AgentLost, AssertStep(silent, MigrationEvent.BecameUndecidable).Attention?.Reason);

        var attention = silent with { Phase = MigrationPhase.NeedsAttention };
        AssertStays(attention);
        var back = attention.Done(HandOverTarget) with { Target = TargetRuns, TargetSilent = false };
        AssertGives(back, FinishSource);
        AssertGives(back.Done(FinishSource), FinishTarget);
        AssertStep(back.Done(FinishSource, FinishTarget), MigrationEvent.FoundOnTarget);
    }

    [Fact]
    public void Next_Cancelling_CancelsWaitsClearsAwayEnds()
    {
        var cancelling = Copy(Copying) with { Phase = MigrationPhase.Cancelling, Ending = IntendedEnding.Cancelled("not now") };
        AssertGives(cancelling, CancelSource);
        AssertStays(cancelling.Pending(CancelSource));
        var told = cancelling.Done(CancelSource);
        AssertStays(told);
        var ended = told with { Source = Ended(SessionEnding.Cancelled, GuestRunState.Running) };
        AssertGives(ended, AbandonTarget, AbandonSource);
        AssertStays(ended.Pending(AbandonTarget).Done(AbandonSource));
        AssertStep(ended.Done(AbandonTarget, AbandonSource), MigrationEvent.CancelFinished);
        AssertStep(
            ended.Refused(AbandonTarget, RefusalKind.SessionUnknown).Done(AbandonSource) with { Ending = Faulted() }, MigrationEvent.Faulted);
    }

    [Fact]
    public void Next_CancelledBeforeTheCopy_OnlyTheTargetIsCleared()
    {
        var cancelling = In(MigrationPhase.Cancelling).Pending(PrepareTarget) with { Ending = IntendedEnding.Cancelled("") };

        AssertGives(cancelling, AbandonTarget);
        AssertStep(In(MigrationPhase.Cancelling) with { Ending = IntendedEnding.Cancelled("") }, MigrationEvent.CancelFinished);
    }

    [Fact]
    public void Next_CopyCompletesInSpiteOfTheWish_IsVerified() => AssertStep(
        Copy(SourceCompleted).Done(CancelSource) with { Phase = MigrationPhase.Cancelling, Ending = IntendedEnding.Cancelled("") },
        MigrationEvent.TransferCompleted,
        HandOverTarget);

    [Fact]
    public void Next_StartHasNoAnswer_NothingIsUndoneBeforeIt() => AssertStays(
        In(MigrationPhase.Cancelling).Done(PrepareTarget).Pending(StartSource) with { Ending = IntendedEnding.Cancelled("") });

    [Fact]
    public void Next_TargetRefusesToBeAbandoned_NeedsAttention() => AssertStep(
        Copy(SourceBack).Refused(AbandonTarget, RefusalKind.WrongState).Done(AbandonSource) with
        {
            Phase = MigrationPhase.Cancelling,
            Ending = Faulted(),
        },
        MigrationEvent.BecameUndecidable);

    [Fact]
    public void Next_SourceEngineLostBeforeTheHandOver_FailsOnceTheTargetEnded()
    {
        var lost = Copy(Ended(SessionEnding.EngineLost, GuestRunState.Gone)) with
        {
            Phase = MigrationPhase.Cancelling,
            Ending = new IntendedEnding(FailureReason.GuestLost, ""),
            Target = TargetWaits,
        };
        AssertStays(lost);
        AssertStep(lost with { Overdue = true }, MigrationEvent.BecameUndecidable);
        var targetEnded = lost with { Target = Ended(SessionEnding.Failed, GuestRunState.Gone) };
        AssertGives(targetEnded, AbandonTarget, AbandonSource);
        var step = AssertStep(targetEnded.Done(AbandonTarget, AbandonSource), MigrationEvent.Faulted);
        Assert.Equal(FailureReason.GuestLost, step.Ending?.Reason);
    }

    [Fact]
    public void Next_SourceEngineLostAndTargetHasEverything_NothingIsThrownAway() => AssertStep(
        Copy(Ended(SessionEnding.EngineLost, GuestRunState.Gone)) with
        {
            Phase = MigrationPhase.Cancelling,
            Ending = new IntendedEnding(FailureReason.GuestLost, ""),
            Target = Ended(SessionEnding.Completed, GuestRunState.Paused),
        },
        MigrationEvent.BecameUndecidable);

    [Fact]
    public void Next_SourceEngineLostAfterTheAgentsHandedOver_IsFoundOnTheTarget()
    {
        var attention = Copy(Ended(SessionEnding.EngineLost, GuestRunState.Gone)) with { Phase = MigrationPhase.NeedsAttention, Target = TargetRuns };

        AssertGives(attention, FinishSource);
        AssertStep(attention.Done(FinishSource, FinishTarget), MigrationEvent.FoundOnTarget);
    }

    [Fact]
    public void Next_SilentInTheSwitchOver_NeedsAttentionAndGoesOnWhenItIsBack()
    {
        var switching = Copy(Copying with { Session = SessionStanding.SwitchingOver }) with { Phase = MigrationPhase.SwitchingOver };
        AssertStays(switching);
        AssertStep(switching with { SourceSilent = true }, MigrationEvent.BecameUndecidable);

        var attention = switching with { Phase = MigrationPhase.NeedsAttention };
        AssertStays(attention);
        AssertGives(attention with { Source = SourceCompleted, Target = TargetWaits }, HandOverTarget);
        AssertGives(attention with { Source = SourceBack, Target = TargetWaits }, AbandonTarget, AbandonSource);
        AssertStep(
            attention.Done(AbandonTarget, AbandonSource) with { Source = SourceBack }, MigrationEvent.FoundOnSource);
    }

    [Fact]
    public void Next_RefusedToTheLastWord_NeedsAttentionAndIsStillTriedThere()
    {
        var verifying = Copy(SourceCompleted).Done(HandOverTarget) with { Phase = MigrationPhase.Verifying, Target = TargetRuns };
        AssertGives(verifying.Refused(FinishSource, times: 4), FinishSource);
        AssertStep(verifying.Refused(FinishSource, times: 5), MigrationEvent.BecameUndecidable, FinishSource);
        AssertGives(verifying.Refused(FinishSource, times: 50) with { Phase = MigrationPhase.NeedsAttention }, FinishSource);
    }

    private static IntendedEnding Faulted() => new(FailureReason.EngineFailed, "");

    private static ProgressStep AssertStep(MigrationStanding standing, MigrationEvent happened, params AgentCommandKind[] commands)
    {
        var step = MigrationProgress.Next(standing);
        Assert.Equal(happened, step.Happened);
        Assert.Equal(commands, step.Commands);
        return step;
    }

    private static void AssertGives(MigrationStanding standing, params AgentCommandKind[] commands)
    {
        var step = MigrationProgress.Next(standing);
        Assert.Null(step.Happened);
        Assert.Equal(commands, step.Commands);
    }

    private static ProgressStep AssertStays(MigrationStanding standing)
    {
        var step = MigrationProgress.Next(standing);
        Assert.False(step.Acts, $"{step.Happened} {string.Join(", ", step.Commands)}: {step.Reason}");
        return step;
    }
}
