using Orchestrator.Bench.Agents;

namespace Orchestrator.Bench.Evacuation.Peers;

/// <summary>
/// KubeVirt's evacuation controller: a migration object for every guest at once, in no order (a race of goroutines); 5 in the cluster and 2 out
/// of a node, counted from the preparation on; one that finds no place looks again after 1 s; a guest that failed waits 20 s, doubling
/// (watch/migration/migration.go, watch/drain/evacuation/evacuation.go). The Kubernetes scheduler spreads by free memory.
/// </summary>
internal sealed class KubeVirtEvacuator(Simulation simulation) : Evacuator(simulation)
{
    private const int InTheCluster = 5;
    private const int OutOfANode = 2;
    private const double Requeue = 1;
    private const double FirstBackoff = 20;
    private readonly List<SimulatedGuest> _order =
        [.. simulation.Setup.Guests.OrderBy(guest => Draw.Share(simulation.Setup.Seed, 700_000 + simulation.Setup.Guests.ToList().IndexOf(guest)))];
    private readonly Dictionary<SimulatedGuest, double> _notBefore = [];
    private int _seen;

    public override string Name => "KubeVirt";

    public override double Look()
    {
        for (; _seen < Simulation.Ended.Count; _seen++)
        {
            var ended = Simulation.Ended[_seen];
            _notBefore[ended.Guest] = Simulation.Now + (FirstBackoff * Math.Pow(2, Math.Min(4, ended.Guest.Attempts - 1)));
        }

        foreach (var guest in _order.Where(guest => guest.Host == guest.Home && !Simulation.IsMoving(guest)))
        {
            if (Simulation.Running.Count < InTheCluster
                && Simulation.Running.Count(transfer => transfer.Guest.Home == guest.Home) < OutOfANode
                && _notBefore.GetValueOrDefault(guest) <= Simulation.Now
                && Simulation.Roomiest(guest) is { } target)
            {
                Simulation.Begin(guest, target.Id, new KubeVirtRules(guest.Memory));
            }
        }

        return Simulation.Now + Requeue;
    }
}

/// <summary>QEMU's 300 ms all the time, and an abort after 150 s for each 10^9 bytes, rounded up (virt-launcher, live-migration-source.go).</summary>
internal sealed class KubeVirtRules : ConvergenceRules
{
    public KubeVirtRules(double memory) => (Limit, Timeout) = (0.3, 150 * Math.Ceiling(memory / 1e9));

    public override PassVerdict AtPassEnd(PassEnd pass) => PassVerdict.GoOn;
}
