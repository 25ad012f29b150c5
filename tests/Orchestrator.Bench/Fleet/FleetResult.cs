using Orchestrator.Bench.Measuring;
using Orchestrator.Bench.Placement;

namespace Orchestrator.Bench.Fleet;

/// <summary>What was measured, as the JSON has it. Rates are means over the measured time; null = nothing of the kind happened.</summary>
internal sealed record FleetResult
{
    public required FleetOptions Options { get; init; }

    public required Machine Machine { get; init; }

    /// <summary>With 1, 2, ... replicas.</summary>
    public required IReadOnlyList<StageResult> Stages { get; init; }

    /// <summary>In this process, on a fleet of as many hosts and guests that is drawn.</summary>
    public required PlacementResult Placement { get; init; }
}

/// <summary>One number of replicas.</summary>
internal sealed record StageResult
{
    public required int Replicas { get; init; }

    public required RampFigures Ramp { get; init; }

    public required double MeasuredS { get; init; }

    public required double LoadAverageBefore { get; init; }

    public required double LoadAverageAfter { get; init; }

    /// <summary>At the begin and the end of the measured time.</summary>
    public required StandingCounts Before { get; init; }

    public required StandingCounts After { get; init; }

    public required RoundFigures Admission { get; init; }

    public required CallFigures Calls { get; init; }

    /// <summary>From a migration's recorded end to the next source's being told to copy.</summary>
    public required Distribution? SlotEmptyMs { get; init; }

    public required LoadShares Cpu { get; init; }

    public required IReadOnlyList<ulong> ReplicaBytes { get; init; }

    /// <summary>Of all its processes; pages that they share are counted once.</summary>
    public required ulong PostgresBytes { get; init; }

    public required double RowsInsertedPerS { get; init; }

    public required double RowsUpdatedPerS { get; init; }

    public required double CommitsPerS { get; init; }

    public required double WalBytesPerS { get; init; }

    public required double ReportsPerS { get; init; }

    /// <summary>New limits and rates that agents were told.</summary>
    public required double AdjustmentsPerS { get; init; }

    public required int LogWarnings { get; init; }

    public required int LogErrors { get; init; }
}

/// <summary>From an empty fleet with a full queue until as many copy as may.</summary>
/// <param name="BegunPerS">Over the whole of it.</param>
/// <param name="ArrivalsMost">On one host, of all that were let through by then.</param>
/// <param name="ArrivalsLeastPossible">If they were even.</param>
internal sealed record RampFigures(double TookS, double BegunPerS, RoundFigures Admission, int ArrivalsMost, int ArrivalsLeastPossible);

/// <param name="Running">Let through and not ended.</param>
internal sealed record StandingCounts(long Queued, long Running, long Completed, long Failed);

/// <summary>Cores kept busy, on average.</summary>
/// <param name="Others">What other processes of the machine, the kernel's included, used.</param>
internal sealed record LoadShares(IReadOnlyList<double> Replicas, double Postgres, double Bench, double Others)
{
    public static LoadShares Between(StageMoment began, StageMoment ended)
    {
        var took = ended.At - began.At;
        var replicas = ended.Replicas.Zip(began.Replicas, (after, before) => (after - before) / took).ToList();
        var (postgres, bench) = ((ended.Postgres - began.Postgres) / took, (ended.Bench - began.Bench) / took);
        return new LoadShares(
            replicas, postgres, bench, Math.Max(0, ((ended.Machine - began.Machine) / took) - replicas.Sum() - postgres - bench));
    }
}
