using Orchestrator.Lab.Oracle;
using Orchestrator.Lab.Ours;
using Orchestrator.Lab.Peers;
using Orchestrator.Lab.Scores;
using Orchestrator.Lab.Workloads;
using Orchestrator.Plant.Management;

var (workloads, faults) = WorkloadFiles.ReadFolder(WorkloadFiles.OwnFolder);
foreach (var fault in faults)
{
    Console.Error.WriteLine(fault);
}

var names = args.Where(a => !a.StartsWith('-')).ToHashSet();
List<LabRun> all = [];
var total = System.Diagnostics.Stopwatch.StartNew();
Parallel.ForEach(workloads.Where(w => names.Count == 0 || names.Contains(w.Name)), workload =>
{
    var oracle = OracleSearch.Of(workload.Migration);
    List<LabRun> mine = [];
    var policy = new PolicyManagement(OwnersLadder.Predictive(workload.Migration))
    {
        Judged = args.Contains("-v") ? (r, s) => Console.WriteLine($"   {r.Elapsed.TotalSeconds:0.00} p{r.Pass} ram {r.RamRemaining} rem {r.Remaining} bw {r.Bandwidth} exp {r.ExpectedDowntime?.TotalMilliseconds:0} thr {r.ThrottlePercent} lim {s.Limit.TotalMilliseconds} probe {r.Probe?.Interval.TotalSeconds:0.0} {r.Probe?.Dirtied} curve {string.Join(" ", s.Predictive!.Curve.Points.Select(p => $"{p.Interval:0.00}s:{p.Bytes / (1 << 20):0}M"))} lean {s.Predictive.Leaning}") : null,
    };
    var result = SimulatedRun.Play(workload.Migration, policy);
    mine.Add(new LabRun(workload, "predictive", oracle, result, policy.Taken.LastOrDefault(t => t.Step.Explanation?.Forecast is not null)?.Step.Explanation?.Forecast?.Sound ?? false));
    if (!args.Contains("-o"))
    {
        foreach (var peer in PeerCatalogue.All)
        {
            mine.Add(new LabRun(workload, peer.Name, oracle, SimulatedRun.Play(workload.Migration, peer.Create()), null));
        }
    }

    lock (all)
    {
        all.AddRange(mine);
        var best = mine.Skip(1).Where(r => oracle.Feasible ? r.Succeeded : r.Result.End is RunEnd.GivenUp).OrderBy(r => oracle.Feasible ? r.Result.TotalTime.TotalSeconds : r.Result.Bytes).FirstOrDefault();
        Console.WriteLine($"{workload.Name,-26} {oracle.Means,-8} {oracle.Time?.TotalSeconds,7:0.0} {oracle.Outage?.TotalMilliseconds,6:0} | {result.End,-11} {result.TotalTime.TotalSeconds,7:0.0} x{mine[0].TimeToOracle ?? double.NaN:0.00} out {result.Outage?.TotalMilliseconds,6:0}/{workload.Migration.MaxDowntime.TotalMilliseconds} p{result.Paused.TotalMilliseconds:0} B {mine[0].BytesToRam:0.00} slow {result.SlowDown.TotalSeconds:0.0} {(result.PostCopyUsed ? "PC" : "")} | best {best?.Policy} {(oracle.Feasible ? best?.Result.TotalTime.TotalSeconds : best?.BytesToRam):0.00} | {string.Join(" ", policy.Taken.Select(t => $"{t.Step.Explanation?.Rule.Replace("pacing.predictive", "p")}@{t.Reading.Elapsed.TotalSeconds:0.0}"))}");
        if (args.Contains("-d"))
        {
            foreach (var taken in policy.Taken)
            {
                Console.WriteLine($"     {taken.Reading.Elapsed.TotalSeconds:0.0}: {taken.Step.Explanation?.Reason}");
            }
        }
    }
});
Console.WriteLine($"total {total.Elapsed.TotalSeconds:0.0} s");
foreach (var group in all.GroupBy(r => r.Policy))
{
    var c = ScoreCard.Of(group.Key, group.ToList());
    Console.WriteLine($"{c.Policy,-28} {c.Succeeded,3}/{c.Feasible} over {c.OverBudget,2} ({c.OverBudgetThoughSound}) late {c.TooLate,2} gaveup {c.GaveUpWrongly,2} time {c.TimeToOracleMedian:0.00}/{c.TimeToOracle95:0.00} down {c.DowntimeToBudgetMedian:0.00} bytes {c.BytesToRamMedian:0.00} slow {c.SlowDown.TotalSeconds:0} wasted {c.TimeWasted.TotalSeconds:0} s {c.BytesWasted / 1e12:0.0} TB");
}
