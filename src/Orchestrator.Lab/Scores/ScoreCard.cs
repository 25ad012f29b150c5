using Orchestrator.Plant.Management;

namespace Orchestrator.Lab.Scores;

/// <summary>What a policy made of all workloads.</summary>
internal sealed record ScoreCard
{
    public required string Policy { get; init; }

    /// <summary>Workloads that can be done, and how many of them it did within budget and deadline.</summary>
    public required int Feasible { get; init; }

    public required int Succeeded { get; init; }

    public required int OverBudget { get; init; }

    /// <summary>Over-budget switch-overs that the policy's own numbers should have prevented.</summary>
    public required int OverBudgetThoughSound { get; init; }

    public required int TooLate { get; init; }

    /// <summary>Gave up on what can be done.</summary>
    public required int GaveUpWrongly { get; init; }

    /// <summary>Of its successes; NaN without any.</summary>
    public required double TimeToOracleMedian { get; init; }

    public required double TimeToOracle95 { get; init; }

    public required double DowntimeToBudgetMedian { get; init; }

    public required double BytesToRamMedian { get; init; }

    /// <summary>Throttle times time, all workloads.</summary>
    public required TimeSpan SlowDown { get; init; }

    /// <summary>What went into migrations that came to nothing, or to something that was not wanted.</summary>
    public required TimeSpan TimeWasted { get; init; }

    public required double BytesWasted { get; init; }

    public double Success => Feasible == 0 ? double.NaN : (double)Succeeded / Feasible;

    public static ScoreCard Of(string policy, IReadOnlyCollection<LabRun> runs)
    {
        var feasible = runs.Where(run => run.Oracle.Feasible).ToList();
        var failed = runs.Where(run => !run.Succeeded).ToList();
        var times = runs.Select(run => run.TimeToOracle).OfType<double>().Order().ToList();
        return new ScoreCard
        {
            Policy = policy,
            Feasible = feasible.Count,
            Succeeded = feasible.Count(run => run.Succeeded),
            OverBudget = runs.Count(run => run.Result.End is RunEnd.OverBudget),
            OverBudgetThoughSound = runs.Count(run => run.Result.End is RunEnd.OverBudget && run.Sound is true),
            TooLate = feasible.Count(run => run.Result.End is RunEnd.TooLate or RunEnd.Never),
            GaveUpWrongly = feasible.Count(run => run.Result.End is RunEnd.GivenUp),
            TimeToOracleMedian = Quantile(times, 0.5),
            TimeToOracle95 = Quantile(times, 0.95),
            DowntimeToBudgetMedian = Quantile([.. runs.Where(run => run.Succeeded).Select(run => run.DowntimeToBudget).OfType<double>().Order()], 0.5),
            BytesToRamMedian = Quantile([.. runs.Where(run => run.Succeeded).Select(run => run.BytesToRam).Order()], 0.5),
            SlowDown = TimeSpan.FromSeconds(runs.Sum(run => run.Result.SlowDown.TotalSeconds)),
            TimeWasted = TimeSpan.FromSeconds(failed.Sum(run => run.Result.TotalTime.TotalSeconds)),
            BytesWasted = failed.Sum(run => run.Result.Bytes),
        };
    }

    /// <param name="sorted">Rising; NaN when it is empty.</param>
    public static double Quantile(IReadOnlyList<double> sorted, double share)
    {
        if (sorted.Count == 0)
        {
            return double.NaN;
        }

        var position = share * (sorted.Count - 1);
        var below = (int)position;
        var above = Math.Min(below + 1, sorted.Count - 1);
        return sorted[below] + ((sorted[above] - sorted[below]) * (position - below));
    }
}
