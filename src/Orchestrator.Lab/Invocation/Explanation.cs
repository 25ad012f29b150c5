using Orchestrator.Lab.Ours;
using Orchestrator.Lab.Reports;
using Orchestrator.Lab.Workloads;
using Orchestrator.Plant.Management;

namespace Orchestrator.Lab.Invocation;

/// <summary>One workload under our policy, told decision by decision.</summary>
internal static class Explanation
{
    /// <returns>The exit code.</returns>
    public static int Write(IReadOnlyList<Workload> workloads, string name)
    {
        if (workloads.FirstOrDefault(workload => workload.Name == name) is not { } chosen)
        {
            Console.Error.WriteLine($"--explain: {name} is no workload; --list names them all");
            return 2;
        }

        var policy = new PolicyManagement(OwnersLadder.Predictive(chosen.Migration), FleetHistory.OverheadOf(chosen.Migration));
        var result = SimulatedRun.Play(chosen.Migration, policy);
        Console.WriteLine($"{chosen.Name}: {chosen.Migration.Description}");
        foreach (var (reading, step) in policy.Taken)
        {
            Console.WriteLine(FormattableString.Invariant($"{reading.Elapsed.TotalSeconds,8:0.0} s  {step.Explanation?.Rule}"));
            Console.WriteLine($"            {step.Explanation?.Reason}");
            foreach (var option in step.Explanation?.Alternatives ?? [])
            {
                Console.WriteLine($"              {option.Action}{(option.ThrottlePercent > 0 ? $" {option.ThrottlePercent} %" : "")}: {option.Verdict}");
            }
        }

        Console.WriteLine(FormattableString.Invariant(
            $"{result.TotalTime.TotalSeconds,8:0.0} s  {Grids.End(result.End)}; the guest stood still for {result.Outage?.TotalMilliseconds ?? 0:0} ms"));
        return 0;
    }
}
