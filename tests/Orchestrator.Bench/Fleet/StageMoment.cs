using Orchestrator.Bench.Agents;
using Orchestrator.Bench.Measuring;
using Orchestrator.LocalFleet.Processes;

namespace Orchestrator.Bench.Fleet;

/// <summary>All counters at one moment; two of them make a measurement.</summary>
/// <param name="Replicas">CPU time of each.</param>
/// <param name="Bench">CPU time of this process: scripted agents, callers and measuring.</param>
internal sealed record StageMoment(
    DateTimeOffset At, IReadOnlyList<TimeSpan> Replicas, TimeSpan Postgres, TimeSpan Bench, TimeSpan Machine, LedgerCounts Ledger, AgentCounts Agents,
    double LoadAverage)
{
    public static async Task<StageMoment> TakeAsync(
        IReadOnlyList<ControlPlaneServer> replicas, ScriptedFleet agents, LedgerProbe ledger, TimeProvider clock, CancellationToken cancellation)
    {
        var counts = await ledger.CountAsync(cancellation);
        return new StageMoment(
            clock.GetUtcNow(),
            [.. replicas.Select(replica => ProcessTimes.Of(replica.Process.ProcessId))],
            ProcessTimes.OfFamily(ledger.Postmaster),
            ProcessTimes.Of(Environment.ProcessId),
            ProcessTimes.OfMachine(),
            counts,
            agents.Tally.Read(),
            Measuring.Machine.LoadAverage());
    }
}
