using Orchestrator.Lab.Running;
using Orchestrator.Lab.Workloads;

namespace Orchestrator.Lab.Invocation;

/// <summary>What there is to choose from.</summary>
internal static class Listing
{
    public static void Write(IReadOnlyList<Contestant> contestants, IReadOnlyList<Workload> workloads)
    {
        Console.WriteLine("Policies");
        foreach (var contestant in contestants)
        {
            Console.WriteLine($"  {contestant.Name,-30} {contestant.Project}: {contestant.Description}");
        }

        Console.WriteLine("Workloads");
        foreach (var workload in workloads)
        {
            Console.WriteLine($"  {workload.Name,-30} {workload.Migration.Description}");
        }
    }
}
