using Orchestrator.Policy.Lifecycle;
using static Orchestrator.Policy.Lifecycle.AgentCommandKind;
using static Orchestrator.Policy.Tests.Lifecycle.Standings;

namespace Orchestrator.Policy.Tests.Lifecycle;

/// <summary>A migration one of whose hosts is declared dead comes to a safe end.</summary>
public class DeadHostTests
{
    private static readonly SideView s_targetHasAll = Ended(SessionEnding.Completed, GuestRunState.InMigrate);

    [Theory]
    [InlineData(MigrationPhase.Requested)]
    [InlineData(MigrationPhase.Queued)]
    [InlineData(MigrationPhase.Preparing)]
    public void BeforeTheCopy_EitherHostDead_IsGivenUp(MigrationPhase phase)
    {
        Assert.Equal(FailureReason.GuestLost, After(MigrationEvent.AbortDecided, In(phase) with { SourceDead = true }).Ending?.Reason);
        Assert.Equal(FailureReason.AgentLost, After(MigrationEvent.AbortDecided, In(phase) with { TargetDead = true }).Ending?.Reason);
    }

    [Theory]
    [InlineData(MigrationPhase.Copying)]
    [InlineData(MigrationPhase.SwitchingOver)]
    public void SourceDeadInTheCopy_TargetIsAbandoned_AndTheGuestIsLost(MigrationPhase phase)
    {
        var standing = Copy(phase) with { SourceDead = true, Target = TargetWaits, TargetSpokeSinceSourceDied = true };

        var step = After(MigrationEvent.EngineFailed, standing, AbandonTarget);
        var end = MigrationProgress.Next(standing.Done(AbandonTarget) with { Phase = MigrationPhase.Cancelling, Ending = step.Ending });

        Assert.Equal((MigrationEvent.Faulted, FailureReason.GuestLost), (end.Happened, end.Ending?.Reason));
    }

    [Theory]
    [InlineData(MigrationPhase.Copying)]
    [InlineData(MigrationPhase.SwitchingOver)]
    public void SourceDead_TargetNotHeardLately_IsWaitedFor(MigrationPhase phase)
    {
        var standing = Copy(phase) with { SourceDead = true, TargetSpokeSinceSourceDied = true };
        var waits = standing with { Target = TargetWaits };

        // What it said before the source died may have been overtaken by the last that the source sent.
        foreach (var unheard in new[] { standing, waits with { TargetSilent = true }, waits with { TargetSpokeSinceSourceDied = false } })
        {
            var step = MigrationProgress.Next(unheard);
            Assert.False(step.Acts);
            Assert.Equal(MigrationSide.Target, step.WaitsFor);
        }
    }

    [Theory]
    [InlineData(MigrationPhase.Copying)]
    [InlineData(MigrationPhase.SwitchingOver)]
    [InlineData(MigrationPhase.PostCopy)]
    [InlineData(MigrationPhase.PostCopyPaused)]
    [InlineData(MigrationPhase.Cancelling)]
    public void SourceDead_TargetHasEverything_TheGuestGoesOnThere(MigrationPhase phase)
    {
        var standing = Copy(phase) with { SourceDead = true, Target = s_targetHasAll };

        After(MigrationEvent.TransferCompleted, standing, HandOverTarget);
        var runs = standing.Done(HandOverTarget) with { Phase = MigrationPhase.Verifying, Target = TargetRuns };
        Assert.Equal([FinishTarget], MigrationProgress.Next(runs).Commands);
        Assert.Equal(MigrationEvent.Verified, MigrationProgress.Next(runs.Done(FinishTarget)).Happened);
    }

    [Fact]
    public void SourceDead_WhenItHadCompleted_IsSettledWithoutIt()
    {
        var standing = Copy(MigrationPhase.Verifying).Done(HandOverTarget) with { SourceDead = true, Source = SourceCompleted, Target = TargetRuns };

        Assert.Equal([FinishTarget], MigrationProgress.Next(standing).Commands);
        Assert.Equal(MigrationEvent.Verified, MigrationProgress.Next(standing.Done(FinishTarget)).Happened);
    }

    [Fact]
    public void SourceDeadInPostCopy_NeedsAttention_AndStaysThere()
    {
        var step = After(
            MigrationEvent.BecameUndecidable,
            Copy(MigrationPhase.PostCopy) with { SourceDead = true, Source = InPostCopy, Target = InPostCopy with { HasRun = true } });
        Assert.Equal(FailureReason.GuestLost, step.Attention?.Reason);
        Assert.False(MigrationProgress.Next(
            Copy(MigrationPhase.NeedsAttention) with { SourceDead = true, Source = InPostCopy, Target = InPostCopy with { HasRun = true } }).Acts);
    }

    [Fact]
    public void TargetDeadInTheCopy_SourceIsCancelled_AndTheGuestRunsThere()
    {
        var standing = Copy(MigrationPhase.Copying) with { TargetDead = true, Source = Copying, Target = TargetWaits };

        var step = After(MigrationEvent.EngineFailed, standing, CancelSource);
        var back = standing.Done(CancelSource) with { Phase = MigrationPhase.Cancelling, Ending = step.Ending, Source = SourceBack };
        Assert.Equal([AbandonSource], MigrationProgress.Next(back).Commands);
        var end = MigrationProgress.Next(back.Done(AbandonSource));

        Assert.Equal((MigrationEvent.Faulted, FailureReason.AgentLost), (end.Happened, end.Ending?.Reason));
    }

    [Fact]
    public void TargetDeadInTheSwitchOver_SourceIsCalledBack() => After(
        MigrationEvent.EngineFailed,
        Copy(MigrationPhase.SwitchingOver) with { TargetDead = true, Source = Copying with { Session = SessionStanding.SwitchingOver } },
        CancelSource);

    [Fact]
    public void TargetDead_WhenTheSourceHasLeft_NeedsAttentionUnlessTheGuestWasSeenToRunThere()
    {
        var standing = Copy(MigrationPhase.Verifying) with { TargetDead = true, Source = SourceCompleted, Target = TargetWaits };

        Assert.Equal(FailureReason.GuestLost, After(MigrationEvent.BecameUndecidable, standing).Attention?.Reason);
        Assert.Equal([FinishSource], MigrationProgress.Next(standing with { Target = TargetRuns }).Commands);
        Assert.Equal(MigrationEvent.Verified, MigrationProgress.Next(standing.Done(FinishSource) with { Target = TargetRuns }).Happened);
    }

    [Fact]
    public void TargetDeadInPostCopy_NeedsAttention() => Assert.Equal(
        FailureReason.GuestLost,
        After(MigrationEvent.BecameUndecidable, Copy(MigrationPhase.PostCopy) with { TargetDead = true, Source = InPostCopy }).Attention?.Reason);

    [Theory]
    [InlineData(MigrationPhase.Copying)]
    [InlineData(MigrationPhase.SwitchingOver)]
    [InlineData(MigrationPhase.Cancelling)]
    [InlineData(MigrationPhase.PostCopy)]
    [InlineData(MigrationPhase.Verifying)]
    [InlineData(MigrationPhase.NeedsAttention)]
    public void BothDead_ComesToAnEndByItself(MigrationPhase phase)
    {
        var standing = Copy(phase) with { SourceDead = true, TargetDead = true, Source = Copying, Target = TargetWaits };
        for (var steps = 0; !MigrationLifecycle.IsEnd(standing.Phase) && steps < 5; steps++)
        {
            var step = MigrationProgress.Next(standing);
            Assert.Empty(step.Commands);
            standing = standing with { Phase = MigrationLifecycle.Next(standing.Phase, step.Happened!.Value)!.Value, Ending = step.Ending ?? standing.Ending };
        }

        Assert.Equal((MigrationPhase.Failed, FailureReason.GuestLost), (standing.Phase, standing.Ending?.Reason));
    }

    [Fact]
    public void NeedsAttention_SourceDeclaredDead_GoesOnByWhatTheTargetHas()
    {
        var standing = Copy(MigrationPhase.NeedsAttention) with { SourceDead = true, Source = Copying with { Session = SessionStanding.SwitchingOver } };

        Assert.Equal([AbandonTarget], MigrationProgress.Next(standing with { Target = TargetWaits }).Commands);
        Assert.Equal([HandOverTarget], MigrationProgress.Next(standing with { Target = s_targetHasAll }).Commands);
        Assert.Equal(
            MigrationEvent.FoundOnTarget, MigrationProgress.Next(standing.Done(HandOverTarget, FinishTarget) with { Target = TargetRuns }).Happened);
    }

    private static MigrationStanding Copy(MigrationPhase phase) => In(phase).Done(PrepareTarget, StartSource);

    private static ProgressStep After(MigrationEvent happened, MigrationStanding standing, params AgentCommandKind[] commands)
    {
        var step = MigrationProgress.Next(standing);
        Assert.Equal(happened, step.Happened);
        Assert.Equal(commands, step.Commands);
        return step;
    }
}
