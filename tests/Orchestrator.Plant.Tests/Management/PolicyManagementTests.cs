using Orchestrator.Plant.Description;
using Orchestrator.Plant.Management;
using Orchestrator.Policy;
using Orchestrator.Policy.Convergence;
using Xunit.Abstractions;

namespace Orchestrator.Plant.Tests.Management;

public class PolicyManagementTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(EngineVersion.Qemu72, 4_000_000_000, 50e9, 1e9)]
    [InlineData(EngineVersion.Qemu100, 4_000_000_000, 50e9, 1e9)]
    [InlineData(EngineVersion.Qemu100, 1_000_000_000, 40e9, 1.25e9)]
    [InlineData(EngineVersion.Qemu72, 1_000_000_000, 40e9, 1.25e9)]
    [InlineData(EngineVersion.Qemu100, 1_000_000_000, 10e9, 1.25e9)]
    public void Probe(EngineVersion version, long hot, double rate, double link)
    {
        var migration = new MigrationDescription
        {
            Guest = new GuestDescription { Memory = 16_000_000_000, HotSets = [new HotSet("hot", hot, rate, false, 1, [])] },
            Link = new LinkDescription { BytesPerSecond = link, Jitter = 0.05 },
            Engine = new EngineDescription { Version = version },
            MaxDowntime = TimeSpan.FromMilliseconds(300),
            Deadline = TimeSpan.FromMinutes(20),
        };
        var document = new ConvergenceDocument
        {
            InitialDowntime = TimeSpan.FromMilliseconds(50),
            MaxDowntime = TimeSpan.FromMilliseconds(300),
            Pacing = new Pacing.Predictive(),
            Steps =
            [
                new LadderStep(new LadderAction.RaiseDowntime(), []),
                new LadderStep(new LadderAction.Throttle(20, 10, 80), []),
                new LadderStep(new LadderAction.PostCopy(DataRate.Zero), []),
            ],
        };
        var policy = new PolicyManagement(document);
        var run = SimulatedRun.Play(migration, policy);
        output.WriteLine($"{run}");
        foreach (var taken in policy.Taken)
        {
            output.WriteLine($"{taken.Reading.Elapsed.TotalSeconds:0.0} {taken.Step.Decision} {taken.Step.Explanation!.Rule} {taken.Step.Explanation.Reason}");
        }
    }
}
