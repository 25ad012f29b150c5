using Orchestrator.Lab.Ours;
using Orchestrator.Lab.Workloads;
using Orchestrator.Plant.Management;

var (workloads, faults) = WorkloadFiles.ReadFolder(WorkloadFiles.OwnFolder);
foreach (var fault in faults)
{
    Console.Error.WriteLine(fault);
}

foreach (var workload in workloads.Where(w => args.Length == 0 || args.Contains(w.Name)))
{
    var watch = System.Diagnostics.Stopwatch.StartNew();
    var policy = new PolicyManagement(OwnersLadder.Predictive(workload.Migration))
    {
        Judged = args.Contains("-v") ? (r, s) => Console.WriteLine($"   {r.Elapsed.TotalSeconds:0.00} p{r.Pass} ram {r.RamRemaining} rem {r.Remaining} bw {r.Bandwidth} exp {r.ExpectedDowntime?.TotalMilliseconds:0} thr {r.ThrottlePercent} lim {s.Limit.TotalMilliseconds}") : null,
    };
    var result = SimulatedRun.Play(workload.Migration, policy);
    Console.WriteLine($"{workload.Name,-28} {result.End,-12} {result.TotalTime.TotalSeconds,8:0.0} s  out {result.Outage?.TotalMilliseconds,8:0} / {workload.Migration.MaxDowntime.TotalMilliseconds} (paused {result.Paused.TotalMilliseconds:0}) bytes/ram {result.Bytes / workload.Migration.Guest.Memory:0.00} passes {result.Passes} slow {result.SlowDown.TotalSeconds:0.0} pc {result.PostCopyUsed} cpu {watch.ElapsedMilliseconds} ms  dec {string.Join(" ", policy.Taken.Select(t => $"{t.Step.Explanation?.Rule.Replace("pacing.predictive", "p")}@{t.Reading.Elapsed.TotalSeconds:0.0}"))}");
    if (args.Contains("-v") || args.Contains("-d"))
    {
        foreach (var taken in policy.Taken)
        {
            Console.WriteLine($"     {taken.Reading.Elapsed.TotalSeconds:0.0}: {taken.Step.Explanation?.Reason}");
        }
    }
}
