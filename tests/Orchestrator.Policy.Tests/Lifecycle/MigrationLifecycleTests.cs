using Orchestrator.Policy.Lifecycle;

namespace Orchestrator.Policy.Tests.Lifecycle;

public class MigrationLifecycleTests
{
    [Fact]
    public void Next_FromAnEnd_NothingIsLegal()
    {
        foreach (var phase in Enum.GetValues<MigrationPhase>().Where(MigrationLifecycle.IsEnd))
        {
            Assert.All(Enum.GetValues<MigrationEvent>(), happened => Assert.Null(MigrationLifecycle.Next(phase, happened)));
        }
    }

    [Fact]
    public void Next_OnceTheGuestMayBeElsewhere_NeitherCancelNorAbortIsLegal()
    {
        MigrationPhase[] past =
            [MigrationPhase.SwitchingOver, MigrationPhase.PostCopy, MigrationPhase.PostCopyPaused, MigrationPhase.Verifying];
        foreach (var phase in past)
        {
            Assert.Null(MigrationLifecycle.Next(phase, MigrationEvent.CancelRequested));
            Assert.Null(MigrationLifecycle.Next(phase, MigrationEvent.AbortDecided));
        }
    }

    [Fact]
    public void Next_ToCompleted_OnlyFromVerifying()
    {
        var ways = from phase in Enum.GetValues<MigrationPhase>()
                   from happened in Enum.GetValues<MigrationEvent>()
                   where MigrationLifecycle.Next(phase, happened) is MigrationPhase.Completed
                   select (phase, happened);

        Assert.Equal([(MigrationPhase.Verifying, MigrationEvent.Verified)], ways);
    }

    [Fact]
    public void Next_FromPostCopyAndVerifying_NeverFails()
    {
        MigrationPhase[] past = [MigrationPhase.PostCopy, MigrationPhase.PostCopyPaused, MigrationPhase.Verifying];
        var failures = from phase in past
                       from happened in Enum.GetValues<MigrationEvent>()
                       where MigrationLifecycle.Next(phase, happened) is MigrationPhase.Failed or MigrationPhase.Cancelled or MigrationPhase.Cancelling
                       select (phase, happened);

        Assert.Empty(failures);
    }

    [Fact]
    public void Next_EveryPhaseButTheFirst_CanBeReached()
    {
        HashSet<MigrationPhase> reached = [MigrationPhase.Requested];
        while (true)
        {
            var further = reached.SelectMany(phase => Enum.GetValues<MigrationEvent>().Select(happened => MigrationLifecycle.Next(phase, happened)))
                .OfType<MigrationPhase>().Except(reached).ToList();
            if (further.Count == 0)
            {
                break;
            }

            reached.UnionWith(further);
        }

        Assert.Empty(Enum.GetValues<MigrationPhase>().Except(reached));
    }
}
