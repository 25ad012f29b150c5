namespace Orchestrator.Bench.Evacuation.Peers;

/// <summary>
/// oVirt's maintenance: all guests are placed under one lock and launched at once; what holds them is vdsm's semaphores, 2 out of a host and 2
/// into one. A source that has a place and finds the target full gives it back and comes again after 10 s. The bandwidth of each is the smaller
/// link divided by 2, fixed at its start. What has failed is asked for again by the host's timer of 300 s and not before
/// (bll/MaintenanceVdsCommand.java, bll/MigrateMultipleVmsCommand.java, vdsm lib/vdsm/clientIF.py, virt/migration.py).
/// </summary>
internal sealed class OVirtEvacuator(Simulation simulation) : Evacuator(simulation)
{
    private const int Out = 2;
    private const int In = 2;
    private const double AskTargetAgain = 10;
    private const double IdleTimer = 300;
    private readonly Dictionary<SimulatedGuest, string> _targets = [];
    private readonly List<SimulatedGuest> _waiting = [];
    private readonly Dictionary<SimulatedGuest, double> _asleep = [];
    private double _timer;
    private int _seen;

    public override string Name => "oVirt";

    public override double Look()
    {
        for (; _seen < Simulation.Ended.Count; _seen++)
        {
            _targets.Remove(Simulation.Ended[_seen].Guest);
        }

        if (Simulation.Now >= _timer)
        {
            _timer += IdleTimer;
            Place();
        }

        foreach (var guest in _waiting.Where(guest => _asleep.GetValueOrDefault(guest) <= Simulation.Now).ToList())
        {
            if (Simulation.Running.Count(transfer => transfer.Guest.Home == guest.Home) >= Out)
            {
                continue;
            }

            var target = _targets[guest];
            _waiting.Remove(guest);
            if (Simulation.Running.Count(transfer => transfer.Target == target) >= In)
            {
                // Behind those that wait already.
                _waiting.Add(guest);
                _asleep[guest] = Simulation.Now + AskTargetAgain;
                continue;
            }

            var hosts = Simulation.Setup.Hosts.ToDictionary(host => host.Id, StringComparer.Ordinal);
            Simulation.Begin(guest, target, new OVirtRules(), Math.Min(hosts[guest.Home].Up, hosts[target].Down) / 2, reserved: true);
        }

        return _asleep.Values.Where(time => time > Simulation.Now).Append(_timer).Min();
    }

    private void Place()
    {
        foreach (var guest in Simulation.Left.Where(guest => !_targets.ContainsKey(guest)).ToList())
        {
            if (Simulation.Roomiest(guest) is { } target)
            {
                Simulation.Reserve(guest, target.Id, 1);
                _targets[guest] = target.Id;
                _waiting.Add(guest);
            }
        }
    }
}

/// <summary>
/// "Minimal downtime": 100 ms, then 150, 200, 300, 400 and 500 ms as passes go by since the first look, at most one step every 10 s, then an abort;
/// auto-converge on (packaging/dbscripts, MigrationPolicies; virt/migration.py MonitorThread).
/// </summary>
internal sealed class OVirtRules : ConvergenceRules
{
    private const double Tick = 10;
    private static readonly (int Above, double Limit)[] s_steps = [(1, 0.15), (2, 0.2), (3, 0.3), (4, 0.4), (6, 0.5)];
    private int _next;
    private int? _base;
    private double _nextTick = Tick;

    public OVirtRules() => Limit = 0.1;

    public override PassVerdict AtPassEnd(PassEnd pass)
    {
        AutoConverge(pass);
        if (pass.Elapsed < _nextTick)
        {
            return PassVerdict.GoOn;
        }

        _nextTick = pass.Elapsed + Tick;
        if (_base is null)
        {
            _base = pass.Number;
            return PassVerdict.GoOn;
        }

        if (_next == s_steps.Length)
        {
            return PassVerdict.Abort;
        }

        if (s_steps[_next].Above < pass.Number + 1 - _base)
        {
            Limit = s_steps[_next++].Limit;
        }

        return PassVerdict.GoOn;
    }
}
