using Orchestrator.Lab.Oracle;
using Orchestrator.Lab.Workloads;
using Orchestrator.Plant.Management;

namespace Orchestrator.Lab.Scores;

/// <summary>One workload under one policy.</summary>
/// <param name="Sound">The forecast behind the last change of the limit stood on two windows of data; null for a peer, which has none.</param>
internal sealed record LabRun(Workload Workload, string Policy, OracleVerdict Oracle, RunResult Result, bool? Sound)
{
    public bool Succeeded => Result.End is RunEnd.WithinTerms;

    /// <summary>Of those that can be done.</summary>
    public double? TimeToOracle => Succeeded && Oracle.Time is { } best ? Result.TotalTime / best : null;

    /// <summary>A pause that the owner permits is not the budget's affair.</summary>
    public double? DowntimeToBudget => Result.Outage is { } outage ? (outage - Result.Paused) / Workload.Migration.MaxDowntime : null;

    public double BytesToRam => Result.Bytes / Workload.Migration.Guest.Memory;
}
