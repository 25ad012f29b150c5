using Orchestrator.Bench.Measuring;

namespace Orchestrator.Bench.Results;

/// <summary>What the agents did in the measured time.</summary>
/// <param name="MissedBeats">Times that a host was still writing when its next beat came: the stream was not read fast enough, or the bench had no CPU.</param>
/// <param name="CommandsPerS">Adjustments that came in.</param>
/// <param name="RepeatedCommands">Commands that had been carried out before.</param>
internal sealed record LoadFigures(
    double MeasuredS,
    double LoadAverageBefore,
    double LoadAverageAfter,
    double SourceReportsPerS,
    double TargetReportsPerS,
    long MissedBeats,
    double CommandsPerS,
    long RepeatedCommands)
{
    public static LoadFigures Between(Moment began, Moment ended, TimeProvider clock)
    {
        var seconds = clock.GetElapsedTime(began.At, ended.At).TotalSeconds;
        var agents = ended.Agents - began.Agents;
        return new LoadFigures(
            seconds,
            began.LoadAverage,
            ended.LoadAverage,
            agents.SourceReports / seconds,
            agents.TargetReports / seconds,
            agents.MissedBeats,
            agents.Adjustments / seconds,
            agents.RepeatedCommands);
    }
}

/// <summary>Cores kept busy, on average.</summary>
/// <param name="ControlPlaneWaits">
/// Threads that could have run and had no CPU, on average: how much the figures suffer from a machine that is too small or too busy.
/// </param>
/// <param name="PostgresWaits">The same of the processes of Postgres.</param>
/// <param name="Others">What other processes of the machine, the kernel's included, used beside the three.</param>
internal sealed record CpuFigures(
    double ControlPlane, double Postgres, double Bench, double Others, double ControlPlaneWaits, double PostgresWaits)
{
    public static CpuFigures Between(Moment began, Moment ended, TimeProvider clock)
    {
        var measured = clock.GetElapsedTime(began.At, ended.At);
        var (before, after) = (began.Cpu, ended.Cpu);
        var controlPlane = (after.ControlPlane - before.ControlPlane) / measured;
        var postgres = (after.Postgres - before.Postgres) / measured;
        var bench = (after.Bench - before.Bench) / measured;
        var others = ((after.Machine - before.Machine) / measured) - controlPlane - postgres - bench;
        return new CpuFigures(
            controlPlane,
            postgres,
            bench,
            Math.Max(0, others),
            Math.Max(0, (after.ControlPlaneWaited - before.ControlPlaneWaited) / measured),
            Math.Max(0, (after.PostgresWaited - before.PostgresWaited) / measured));
    }
}

/// <summary>At the end of the measured time.</summary>
/// <param name="PostgresBytes">Of all its processes; pages that they share are counted once.</param>
internal sealed record MemoryFigures(ulong ControlPlaneBytes, ulong ControlPlanePeakBytes, ulong PostgresBytes, int PostgresProcesses)
{
    public static MemoryFigures Of(int controlPlane, int postmaster)
    {
        var children = ProcessTimes.ChildrenOf(postmaster);
        return new MemoryFigures(
            ProcessMemory.ResidentBytes(controlPlane),
            ProcessMemory.PeakResidentBytes(controlPlane),
            children.Append(postmaster).Aggregate(0UL, (sum, pid) => sum + ProcessMemory.ProportionalBytes(pid)),
            children.Count + 1);
    }
}

/// <summary>What Postgres wrote, by its own counts.</summary>
internal sealed record LedgerFigures(
    double RowsInsertedPerS, double RowsUpdatedPerS, double ReadingRowsPerS, double CommitsPerS, double WalBytesPerS)
{
    public static LedgerFigures Between(Moment began, Moment ended, TimeProvider clock)
    {
        var seconds = clock.GetElapsedTime(began.At, ended.At).TotalSeconds;
        var ledger = ended.Ledger - began.Ledger;
        return new LedgerFigures(
            ledger.Inserted / seconds, ledger.Updated / seconds, ledger.Readings / seconds, ledger.Commits / seconds, ledger.WalBytes / seconds);
    }
}

/// <summary>Whether what was sent was also recorded.</summary>
internal sealed record ReadingFigures
{
    /// <summary>By sources, in the measured time.</summary>
    public required long ReportsSent { get; init; }

    public required double ReportsSentPerS { get; init; }

    /// <summary>Of those, how many are readings in the ledger.</summary>
    public required long TakenIn { get; init; }

    public required double TakenInPerS { get; init; }

    /// <summary>Sequences that were sent and are not in the ledger: superseded before they were judged, dropped, or lost.</summary>
    public required long Missing { get; init; }

    public required double MissingShare { get; init; }

    public required int MigrationsWithMissing { get; init; }

    /// <summary>How long after the measured time its last reading was in the ledger; null when it was not within a minute.</summary>
    public required double? CaughtUpAfterS { get; init; }
}
