using System.Collections.Concurrent;
using Orchestrator.Lab.Oracle;
using Orchestrator.Lab.Scores;
using Orchestrator.Lab.Workloads;
using Orchestrator.Plant.Management;

namespace Orchestrator.Lab.Running;

/// <summary>Plays every workload under every policy, and finds out what the best would have been.</summary>
internal static class LabSession
{
    /// <param name="played">After each workload, with how many are done; may come from several threads, one at a time.</param>
    /// <returns>By workload, in the order of the policies.</returns>
    public static IReadOnlyList<LabRun> Run(
        IReadOnlyList<Workload> workloads, IReadOnlyList<Contestant> contestants, Action<int> played, CancellationToken cancellation)
    {
        var runs = new ConcurrentDictionary<string, IReadOnlyList<LabRun>>(StringComparer.Ordinal);
        var done = 0;
        var telling = new Lock();
        Parallel.ForEach(workloads, new ParallelOptions { CancellationToken = cancellation }, workload =>
        {
            var oracle = OracleSearch.Of(workload.Migration);
            runs[workload.Name] = [.. contestants.Select(contestant => Play(workload, contestant, oracle))];
            lock (telling)
            {
                played(++done);
            }
        });
        return [.. workloads.SelectMany(workload => runs[workload.Name])];
    }

    private static LabRun Play(Workload workload, Contestant contestant, OracleVerdict oracle)
    {
        var policy = contestant.Create(workload.Migration);
        var result = SimulatedRun.Play(workload.Migration, policy);
        return new LabRun(workload, contestant.Name, oracle, result, policy is PolicyManagement ours ? ours.WasSound : null);
    }
}
