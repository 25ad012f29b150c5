using System.Globalization;
using Orchestrator.Lab.Oracle;
using Orchestrator.Lab.Running;
using Orchestrator.Lab.Scores;
using Orchestrator.Plant.Management;

namespace Orchestrator.Lab.Reports;

/// <summary>The laboratory's results as tables.</summary>
internal static class Grids
{
    public static Grid Policies(IReadOnlyList<LabRun> runs)
    {
        var cards = runs.GroupBy(run => run.Policy).Select(group => ScoreCard.Of(group.Key, [.. group])).ToList();
        return new Grid(
            "Policies: what they made of all workloads",
            [
                "policy", "done in terms", "over budget", "late or never", "gave up wrongly", "time/oracle", "95th", "downtime/budget", "bytes/RAM",
                "slow-down s", "wasted", "wasted TB",
            ],
            [
                .. cards.OrderByDescending(card => card.Policy == Contestant.OurName).ThenByDescending(card => card.Success).ThenBy(card => card.OverBudget)
                    .Select(card => (IReadOnlyList<string>)
                    [
                        card.Policy, $"{card.Succeeded}/{card.Feasible}", Count(card.OverBudget), Count(card.TooLate), Count(card.GaveUpWrongly),
                        Number(card.TimeToOracleMedian), Number(card.TimeToOracle95), Number(card.DowntimeToBudgetMedian), Number(card.BytesToRamMedian),
                        Number(card.SlowDown.TotalSeconds, "0"), Time(card.TimeWasted), Number(card.BytesWasted / 1e12, "0.0"),
                    ]),
            ]);
    }

    public static Grid Standings(IReadOnlyList<Standing> standings) => new(
        "Ours against the best peer in each score",
        ["score", "predictive", "best peer", "its value", "ratio", "aim", "met"],
        [
            .. standings.Select(standing => (IReadOnlyList<string>)
            [
                standing.Score, Number(standing.Ours), standing.BestPeer.Name, Number(standing.BestPeer.Value), Number(standing.Ratio), standing.Aim,
                standing.Met switch { true => "yes", false => "NO", null => "" },
            ]),
        ]);

    /// <summary>Ours on every workload, beside the oracle and the best peer there.</summary>
    public static Grid Workloads(IReadOnlyList<LabRun> runs) => new(
        "Workloads: ours beside the oracle and the best peer on each",
        ["workload", "oracle", "its time", "predictive", "time", "x oracle", "outage ms", "budget ms", "bytes/RAM", "best peer", "its time or bytes/RAM"],
        [.. runs.GroupBy(run => run.Workload.Name).Select(Workload)]);

    private static IReadOnlyList<string> Workload(IGrouping<string, LabRun> runs)
    {
        var first = runs.First();
        var (oracle, ours) = (first.Oracle, runs.FirstOrDefault(run => run.Policy == Contestant.OurName));
        var peer = oracle.Feasible
            ? runs.Where(run => run.Policy != Contestant.OurName && run.Succeeded).MinBy(run => run.Result.TotalTime)
            : runs.Where(run => run.Policy != Contestant.OurName && run.Result is { End: RunEnd.GivenUp, Bytes: > 0 }).MinBy(run => run.Result.Bytes);
        var means = oracle.Means switch
        {
            OracleMeans.Copy => "copy",
            OracleMeans.Throttle => $"throttle {oracle.ThrottlePercent} %",
            OracleMeans.Pause => "pause",
            OracleMeans.PostCopy => "post-copy",
            OracleMeans.None => "cannot be done",
        };
        return
        [
            runs.Key, means, oracle.Time is { } best ? Time(best) : "",
            ours is null ? "" : End(ours.Result.End) + (ours.Result.PostCopyUsed ? ", post-copy" : ""),
            ours is null ? "" : Time(ours.Result.TotalTime), Number(ours?.TimeToOracle ?? double.NaN),
            ours?.Result.Outage is { } outage ? Number(outage.TotalMilliseconds, "0") : "", Number(first.Workload.Migration.MaxDowntime.TotalMilliseconds, "0"),
            Number(ours?.BytesToRam ?? double.NaN), peer?.Policy ?? "none",
            peer is null ? "" : oracle.Feasible ? Time(peer.Result.TotalTime) : Number(peer.BytesToRam),
        ];
    }

    public static string End(RunEnd end) => end switch
    {
        RunEnd.WithinTerms => "done",
        RunEnd.OverBudget => "over budget",
        RunEnd.TooLate => "too late",
        RunEnd.NotPermitted => "not permitted",
        RunEnd.GivenUp => "gave up",
        RunEnd.Never => "never ended",
    };

    public static string Number(double value, string format = "0.00") =>
        double.IsNaN(value) ? "" : value.ToString(format, CultureInfo.InvariantCulture);

    private static string Count(int value) => value.ToString(CultureInfo.InvariantCulture);

    private static string Time(TimeSpan time) => time.TotalHours >= 1
        ? FormattableString.Invariant($"{(int)time.TotalHours} h {time.Minutes:00} m")
        : time.TotalMinutes >= 10 ? FormattableString.Invariant($"{(int)time.TotalMinutes} m {time.Seconds:00} s")
        : FormattableString.Invariant($"{time.TotalSeconds:0.0} s");
}
