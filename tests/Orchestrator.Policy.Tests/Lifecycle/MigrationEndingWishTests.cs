using Orchestrator.Policy.Lifecycle;
using static Orchestrator.Policy.Lifecycle.AgentCommandKind;
using static Orchestrator.Policy.Tests.Lifecycle.Standings;

namespace Orchestrator.Policy.Tests.Lifecycle;

/// <summary>What becomes of the wish that a migration be given up: its caller's, or its policy's.</summary>
public class MigrationEndingWishTests
{
    [Theory]
    [InlineData(MigrationPhase.Requested, true)]
    [InlineData(MigrationPhase.Queued, true)]
    [InlineData(MigrationPhase.Preparing, true)]
    [InlineData(MigrationPhase.Copying, true)]
    [InlineData(MigrationPhase.SwitchingOver, false)]
    [InlineData(MigrationPhase.PostCopy, false)]
    [InlineData(MigrationPhase.PostCopyPaused, false)]
    [InlineData(MigrationPhase.Verifying, false)]
    [InlineData(MigrationPhase.NeedsAttention, false)]
    [InlineData(MigrationPhase.Completed, false)]
    public void Cancel_ByPhase_IsPossibleOnlyWhileThereIsAWayBack(MigrationPhase phase, bool possible)
    {
        var step = MigrationProgress.Cancel(Copy(Copying) with { Phase = phase }, "no longer wanted");

        Assert.Equal(possible, step is { Happened: MigrationEvent.CancelRequested, Ending: { Reason: null, Message: "no longer wanted" } });
    }

    [Fact]
    public void Cancel_WhileCopying_CarriesTheCommand() =>
        Assert.Equal([CancelSource], MigrationProgress.Cancel(Copy(Copying), "")!.Commands);

    [Fact]
    public void Cancel_Twice_IsTheSame() => Assert.False(MigrationProgress.Cancel(In(MigrationPhase.Cancelling), "")!.Acts);

    [Fact]
    public void Cancel_PostCopyCommanded_IsTooLate()
    {
        Assert.Null(MigrationProgress.Cancel(Copy(Copying).Pending(StartPostCopy), ""));
        Assert.NotNull(MigrationProgress.Cancel(Copy(Copying).Refused(StartPostCopy), ""));
    }

    [Fact]
    public void Abort_WhileCopying_IsUndoneAsThePolicysWish()
    {
        var step = MigrationProgress.Abort(Copy(Copying), "it does not converge")!;

        Assert.Equal((MigrationEvent.AbortDecided, CancelSource), (step.Happened, Assert.Single(step.Commands)));
        Assert.Equal(new IntendedEnding(FailureReason.AbortedByPolicy, "it does not converge"), step.Ending);
    }
}
