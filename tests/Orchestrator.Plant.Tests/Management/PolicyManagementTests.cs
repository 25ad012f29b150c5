using Orchestrator.Plant.Description;
using Orchestrator.Plant.Management;
using Orchestrator.Policy;
using Orchestrator.Policy.Convergence;

namespace Orchestrator.Plant.Tests.Management;

public class PolicyManagementTests
{
    private static readonly LadderAction.Throttle s_throttle = new(20, 10, 80);
    private static readonly LadderAction.PostCopy s_postCopy = new(DataRate.Zero);

    /// <summary>Whether a throttle would do cannot be seen: the set is full in less than any pass or probe lasts.</summary>
    [Theory]
    [InlineData(EngineVersion.Qemu72, 4_000_000_000, 50e9, 1e9)]
    [InlineData(EngineVersion.Qemu72, 1_000_000_000, 40e9, 1.25e9)]
    [InlineData(EngineVersion.Qemu100, 4_000_000_000, 50e9, 1e9)]
    [InlineData(EngineVersion.Qemu100, 1_000_000_000, 40e9, 1.25e9)]
    [InlineData(EngineVersion.Qemu100, 1_000_000_000, 10e9, 1.25e9)]
    public void Play_AHotSetThatFillsFasterThanCanBeSeen_TheNextStepIsTakenAllTheSame(EngineVersion version, long hot, double rate, double link)
    {
        var policy = new PolicyManagement(Document(s_throttle, s_postCopy));

        var run = SimulatedRun.Play(Migration(version, hot, rate, link), policy);

        Assert.True(run.PostCopyUsed);
        Assert.DoesNotContain(policy.Taken, taken => taken.Step.Explanation!.Rule.StartsWith("stop.", StringComparison.Ordinal));
        Assert.True(run.TotalTime < TimeSpan.FromSeconds(90), $"{run}");
    }

    [Fact]
    public void Play_AQuietGuest_MovesWithinItsTerms()
    {
        var policy = new PolicyManagement(Document(s_throttle, s_postCopy));

        var run = SimulatedRun.Play(Migration(EngineVersion.Qemu100, 1_000_000_000, 0.1e9, 1e9), policy);

        Assert.Equal(RunEnd.WithinTerms, run.End);
        Assert.False(run.PostCopyUsed);
        Assert.Equal(TimeSpan.Zero, run.SlowDown);
        Assert.True(policy.WasSound);
    }

    [Fact]
    public void Play_ADeviceAboveTheBudget_IsGivenUpAndTheGuestGoesOn()
    {
        var migration = Migration(EngineVersion.Qemu100, 1_000_000_000, 0.1e9, 1e9);
        var device = new SimulatedDevice { Name = "gpu", StopCopy = 1_000_000_000 };
        var policy = new PolicyManagement(Document(s_throttle, new LadderAction.Abort()));

        var run = SimulatedRun.Play(migration with { Guest = migration.Guest with { Devices = [device] } }, policy);

        Assert.Equal(RunEnd.GivenUp, run.End);
        Assert.Null(run.Outage);
        Assert.True(run.Bytes < 8e9, $"{run.Bytes}");
    }

    [Fact]
    public void Play_APolicyThatLooksIntoThePast_IsAFault()
    {
        var migration = Migration(EngineVersion.Qemu100, 1_000_000_000, 0.1e9, 1e9);

        Assert.Throws<InvalidOperationException>(() => SimulatedRun.Play(migration, new Backwards()));
    }

    private static MigrationDescription Migration(EngineVersion version, long hot, double rate, double link) => new()
    {
        Guest = new GuestDescription { Memory = 16_000_000_000, HotSets = [new HotSet("hot", hot, rate, Sequential: false, CpuShare: 1, [])] },
        Link = new LinkDescription { BytesPerSecond = link, Jitter = 0.05 },
        Engine = new EngineDescription { Version = version },
        MaxDowntime = TimeSpan.FromMilliseconds(300),
        Deadline = TimeSpan.FromMinutes(20),
    };

    private static ConvergenceDocument Document(params LadderAction[] actions) => new()
    {
        InitialDowntime = TimeSpan.FromMilliseconds(50),
        MaxDowntime = TimeSpan.FromMilliseconds(300),
        Pacing = new Pacing.Predictive(),
        Steps = [new LadderStep(new LadderAction.RaiseDowntime(), []), .. actions.Select(action => new LadderStep(action, []))],
    };

    private sealed class Backwards : IManagementPolicy
    {
        public TimeSpan? NextLook => TimeSpan.FromSeconds(1);

        public bool FollowsPasses => false;

        public Orchestrator.Plant.Engine.EngineSetup SetUp(MigrationDescription migration) => new();

        public void Look(Orchestrator.Plant.Engine.EngineView view, Orchestrator.Plant.Engine.IEngineControls engine)
        {
        }

        public void SeePass(Orchestrator.Plant.Engine.EngineView view, Orchestrator.Plant.Engine.IEngineControls engine)
        {
        }
    }
}
