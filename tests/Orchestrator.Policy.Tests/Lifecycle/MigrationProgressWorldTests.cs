using Orchestrator.Policy.Lifecycle;

namespace Orchestrator.Policy.Tests.Lifecycle;

/// <summary>Whole lives in a world of dice: at no moment two running copies, none lost by us, and an end once things are calm.</summary>
public class MigrationProgressWorldTests
{
    [Fact]
    public void Next_ThousandsOfRoughLives_KeepOneCopyAndComeToAnEnd()
    {
        var ends = new Dictionary<MigrationPhase, int>();
        for (var seed = 0; seed < 4000; seed++)
        {
            var world = new SimulatedMove(seed);
            for (var tick = 0; tick < 1500 && !MigrationLifecycle.IsEnd(world.Phase); tick++)
            {
                world.Tick();
                Assert.False(world.SourceRuns && world.TargetRuns, $"seed {seed}: two copies run: {Tell(world)}");
            }

            ends[world.Phase] = ends.GetValueOrDefault(world.Phase) + 1;
            var atHome = world.GuestWasRunning ? world.SourceRuns && !world.TargetRuns : !world.SourceReleased && !world.TargetRuns;
            Assert.True(
                world.Phase switch
                {
                    MigrationPhase.Completed => world.SourceReleased && !world.SourceRuns && world.TargetRuns == world.GuestWasRunning,
                    MigrationPhase.Cancelled or MigrationPhase.Failed => atHome || world.GuestIsLost,
                    MigrationPhase.NeedsAttention => world.GuestIsLost,
                    _ => false,
                },
                $"seed {seed} ended {world.Phase}: {Tell(world)}");
        }

        // The dice must not have left a road untried.
        Assert.All(
            [MigrationPhase.Completed, MigrationPhase.Cancelled, MigrationPhase.Failed, MigrationPhase.NeedsAttention],
            phase => Assert.InRange(ends.GetValueOrDefault(phase), 20, 4000));
    }

    private static string Tell(SimulatedMove world) => string.Join(" | ", world.Story.TakeLast(20));
}
