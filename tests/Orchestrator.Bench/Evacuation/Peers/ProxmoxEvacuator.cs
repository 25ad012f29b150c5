namespace Orchestrator.Bench.Evacuation.Peers;

/// <summary>
/// Proxmox HA's maintenance mode: the manager looks every 10 s and sends each service, in the order of ids, to the node with the fewest services;
/// a node's worker takes up to 4 jobs at once, looking once a second during 8 of 10 s. A failed guest is sent again by the next round, without
/// back-off (pve-ha-manager Manager.pm, LRM.pm; max_workers 4). The basic scheduler does not look at memory; here it is kept from overfilling.
/// </summary>
internal sealed class ProxmoxEvacuator(Simulation simulation) : Evacuator(simulation)
{
    private const int Workers = 4;
    private const double Round = 10;
    private const double WorkersWindow = 8;
    private readonly Dictionary<SimulatedGuest, string> _targets = [];
    private double _round;
    private int _seen;

    public override string Name => "Proxmox";

    public override double Look()
    {
        for (; _seen < Simulation.Ended.Count; _seen++)
        {
            _targets.Remove(Simulation.Ended[_seen].Guest);
        }

        if (Simulation.Now >= _round)
        {
            _round += Round;
            Place();
        }

        var inRound = Simulation.Now - (_round - Round);
        if (inRound > WorkersWindow)
        {
            return _round;
        }

        foreach (var guest in Simulation.Left.Where(guest => _targets.ContainsKey(guest) && !Simulation.IsMoving(guest)).ToList())
        {
            if (Simulation.Running.Count(transfer => transfer.Guest.Home == guest.Home) < Workers)
            {
                Simulation.Begin(guest, _targets[guest], new ProxmoxRules(), reserved: true);
            }
        }

        return Math.Min(_round, Math.Floor(Simulation.Now) + 1);
    }

    private void Place()
    {
        foreach (var guest in Simulation.Left.Where(guest => !_targets.ContainsKey(guest)).ToList())
        {
            var target = Simulation.Setup.Hosts
                .Where(host => !host.IsSource && Simulation.Free(host.Id) >= guest.Memory)
                .OrderBy(host => Simulation.Setup.Guests.Count(other => other.Host == host.Id) + _targets.Count(pair => pair.Value == host.Id))
                .ThenBy(host => host.Id, StringComparer.Ordinal).FirstOrDefault();
            if (target is not null)
            {
                Simulation.Reserve(guest, target.Id, 1);
                _targets[guest] = target.Id;
            }
        }
    }
}

/// <summary>
/// 100 ms at first, doubled after every six rises of what remains, up to 2000 s; auto-converge on; never gives up (qemu-server
/// QemuMigrate.pm, phase 2).
/// </summary>
internal sealed class ProxmoxRules : ConvergenceRules
{
    private int _rises;

    public ProxmoxRules() => Limit = 0.1;

    public override PassVerdict AtPassEnd(PassEnd pass)
    {
        AutoConverge(pass);

        // Polled once a second: a sync is a rise unless the pass was shorter than that.
        _rises += pass.Dirtied > 0 && pass.Elapsed >= 1 ? 1 : 0;
        if (_rises > 5)
        {
            (_rises, Limit) = (0, Math.Min(2000, 2 * Limit));
        }

        return PassVerdict.GoOn;
    }
}
