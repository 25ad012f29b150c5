using Orchestrator.Bench.Agents;

namespace Orchestrator.Bench.Measuring;

/// <summary>All counters at one moment; two of them make a measurement.</summary>
/// <param name="At"><see cref="TimeProvider.GetTimestamp"/>.</param>
internal sealed record Moment(long At, AgentCounts Agents, CpuTimes Cpu, LedgerCounts Ledger, double LoadAverage)
{
    public static async Task<Moment> TakeAsync(ScriptedFleet agents, int controlPlane, LedgerProbe ledger, TimeProvider clock, CancellationToken cancellation)
    {
        var counts = await ledger.CountAsync(cancellation);
        return new Moment(clock.GetTimestamp(), agents.Tally.Read(), CpuTimes.Of(controlPlane, ledger.Postmaster), counts, Machine.LoadAverage());
    }
}

/// <summary>CPU time used so far.</summary>
/// <param name="Bench">This process: scripted agents and measuring.</param>
/// <param name="Machine">Everybody's.</param>
/// <param name="ControlPlaneWaited">How long threads that live now waited for a CPU.</param>
internal sealed record CpuTimes(
    TimeSpan ControlPlane, TimeSpan Postgres, TimeSpan Bench, TimeSpan Machine, TimeSpan ControlPlaneWaited, TimeSpan PostgresWaited)
{
    public static CpuTimes Of(int controlPlane, int postmaster) => new(
        ProcessTimes.Of(controlPlane),
        ProcessTimes.OfFamily(postmaster),
        ProcessTimes.Of(Environment.ProcessId),
        ProcessTimes.OfMachine(),
        ProcessTimes.WaitedBy(controlPlane),
        ProcessTimes.ChildrenOf(postmaster).Aggregate(TimeSpan.Zero, (sum, child) => sum + ProcessTimes.WaitedBy(child)));
}
