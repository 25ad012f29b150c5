using Orchestrator.Lab.Running;
using Orchestrator.Plant.Management;

namespace Orchestrator.Lab.Scores;

/// <summary>How ours stands: one score, the best peer in it, and what is aimed at.</summary>
/// <param name="Ours">NaN where there is nothing to score.</param>
/// <param name="BestPeer">Its name and value.</param>
/// <param name="Aim">In words; empty = only compared.</param>
/// <param name="Met">Null without an aim.</param>
internal sealed record Standing(string Score, double Ours, (string Name, double Value) BestPeer, string Aim, bool? Met)
{
    private const double SuccessAim = 0.97;
    private const double MedianAim = 1.15;
    private const double TailAim = 1.6;
    private const double GiveUpAim = 0.35;

    /// <summary>Ours over the best peer's; NaN where that is 0.</summary>
    public double Ratio => BestPeer.Value == 0 ? double.NaN : Ours / BestPeer.Value;

    public static IReadOnlyList<Standing> Of(IReadOnlyList<LabRun> runs)
    {
        var cards = runs.GroupBy(run => run.Policy).Select(group => ScoreCard.Of(group.Key, [.. group])).ToList();
        if (cards.Find(card => card.Policy == Contestant.OurName) is not { } ours || cards.Where(card => card != ours).ToList() is not [_, ..] peers)
        {
            return [];
        }

        var (median, worst, against) = GivingUp(runs);
        return
        [
            Most("done within budget and deadline, share of what the oracle can", card => card.Success, $"at least {SuccessAim:0.##}", value => value >= SuccessAim),
            Least("over-budget switch-overs", card => card.OverBudget, "", null),
            Least("over-budget switch-overs with two sound windows of data", card => card.OverBudgetThoughSound, "0", value => value == 0),
            Least("total time / oracle, median", card => card.TimeToOracleMedian, $"at most {MedianAim:0.##}", value => value <= MedianAim),
            Least("total time / oracle, 95th percentile", card => card.TimeToOracle95, $"at most {TailAim:0.##}", value => value <= TailAim),
            Least("downtime / budget, median", card => card.DowntimeToBudgetMedian, "", null),
            Least("bytes sent / RAM, median", card => card.BytesToRamMedian, "", null),
            Least("guest's CPU time lost to throttling, s", card => card.SlowDown.TotalSeconds, "", null),
            Least("time in migrations that came to nothing, s", card => card.TimeWasted.TotalSeconds, "", null),
            Least("bytes in migrations that came to nothing, TB", card => card.BytesWasted / 1e12, "", null),
            new("infeasible work: bytes until it gave up / best peer's, median", median, (against, 1), $"at most {GiveUpAim:0.##}", median <= GiveUpAim),
            new("infeasible work: the same, worst", worst, (against, 1), "", null),
        ];

        Standing Most(string score, Func<ScoreCard, double> of, string aim, Func<double, bool>? met) =>
            Make(score, of, peers.Where(peer => !double.IsNaN(of(peer))).MaxBy(of), aim, met);

        Standing Least(string score, Func<ScoreCard, double> of, string aim, Func<double, bool>? met) =>
            Make(score, of, peers.Where(peer => !double.IsNaN(of(peer))).MinBy(of), aim, met);

        Standing Make(string score, Func<ScoreCard, double> of, ScoreCard? best, string aim, Func<double, bool>? met) =>
            new(score, of(ours), best is null ? ("", double.NaN) : (best.Policy, of(best)), aim, met?.Invoke(of(ours)));
    }

    /// <summary>
    /// On what cannot be done: bytes until ours gave up, or took the ladder's last step, over those of the peer that gave up with the fewest.
    /// A peer that was refused at the start, or broke the budget, has not given up.
    /// </summary>
    private static (double Median, double Worst, string Against) GivingUp(IReadOnlyList<LabRun> runs)
    {
        List<double> ratios = [];
        List<string> best = [];
        foreach (var workload in runs.Where(run => !run.Oracle.Feasible).GroupBy(run => run.Workload.Name))
        {
            var peer = workload.Where(run => run.Policy != Contestant.OurName && run.Result is { End: RunEnd.GivenUp, Bytes: > 0 }).MinBy(run => run.Result.Bytes);
            if (peer is not null && workload.FirstOrDefault(run => run.Policy == Contestant.OurName) is { } ours)
            {
                ratios.Add((ours.Result.BytesAtLastStep ?? ours.Result.Bytes) / peer.Result.Bytes);
                best.Add(peer.Policy);
            }
        }

        ratios.Sort();
        return (ScoreCard.Quantile(ratios, 0.5), ratios.Count == 0 ? double.NaN : ratios[^1], best.Distinct().Count() == 1 ? best[0] : "the best on each");
    }
}
