namespace Orchestrator.Bench.Evacuation.Peers;

/// <summary>
/// `nova host-evacuate-live`: every server of the host is asked for at once, in the order of the API's list; the source's executor takes one at
/// a time (max_concurrent_live_migrations = 1) first in, first out, and holds its only slot while the target is prepared; a migration that fails
/// after its start is never tried again (nova/compute/manager.py, novaclient/v2/shell.py). The operator here repeats the command the moment
/// it has run out, which is kinder than Nova.
/// </summary>
internal sealed class NovaEvacuator(Simulation simulation) : Evacuator(simulation)
{
    private readonly Dictionary<string, Queue<(SimulatedGuest Guest, string Target)>> _queues = new(StringComparer.Ordinal);

    public override string Name => "Nova";

    public override double Look()
    {
        foreach (var source in Simulation.Setup.Hosts.Where(host => host.IsSource))
        {
            if (!_queues.TryGetValue(source.Id, out var queue) || (queue.Count == 0 && !Simulation.Running.Any(transfer => transfer.Guest.Home == source.Id)))
            {
                _queues[source.Id] = queue = Asked(source.Id);
            }

            if (queue.Count > 0 && !Simulation.Running.Any(transfer => transfer.Guest.Home == source.Id))
            {
                var (guest, target) = queue.Dequeue();
                Simulation.Begin(guest, target, new NovaRules(guest.Memory), reserved: true);
            }
        }

        return double.PositiveInfinity;
    }

    // The scheduler claims the target at once, where most memory is free (RAM weigher).
    private Queue<(SimulatedGuest Guest, string Target)> Asked(string source)
    {
        Queue<(SimulatedGuest Guest, string Target)> queue = [];
        foreach (var guest in Simulation.Left.Where(guest => guest.Home == source).ToList())
        {
            if (Simulation.Roomiest(guest) is { } target)
            {
                Simulation.Reserve(guest, target.Id, 1);
                queue.Enqueue((guest, target.Id));
            }
        }

        return queue;
    }
}

/// <summary>
/// Eleven rungs from 50 to 500 ms, each after 75 s a GiB, and an abort after 800 s a GiB (nova/conf/libvirt.py, migration.py downtime_steps).
/// No auto-converge by default.
/// </summary>
internal sealed class NovaRules : ConvergenceRules
{
    private readonly double _rung;

    public NovaRules(double memory)
    {
        var gibibytes = Math.Max(2, memory / (1024.0 * 1024 * 1024));
        (_rung, Timeout, Limit) = (75 * gibibytes, 800 * gibibytes, 0.05);
    }

    public override PassVerdict AtPassEnd(PassEnd pass)
    {
        Limit = Math.Min(0.5, 0.05 + (0.045 * Math.Floor(pass.Elapsed / _rung)));
        return PassVerdict.GoOn;
    }
}
