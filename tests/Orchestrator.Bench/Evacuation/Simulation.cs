namespace Orchestrator.Bench.Evacuation;

/// <summary>The fleet in virtual time: links, memory, transfers. Evacuators see it through what is public here.</summary>
internal sealed class Simulation
{
    private readonly Dictionary<string, SimulatedHost> _hosts;
    private readonly Dictionary<string, double> _free;

    public Simulation(EvacuationSetup setup)
    {
        Setup = setup;
        _hosts = setup.Hosts.ToDictionary(host => host.Id, StringComparer.Ordinal);
        _free = setup.Hosts.ToDictionary(host => host.Id, host => host.Memory, StringComparer.Ordinal);
    }

    public EvacuationSetup Setup { get; }

    public double Now { get; private set; }

    public List<SimulatedTransfer> Running { get; } = [];

    /// <summary>In the order of their ends.</summary>
    public List<SimulatedTransfer> Ended { get; } = [];

    /// <summary>When each guest was off, in order.</summary>
    public List<double> Ends { get; } = [];

    public double BytesSent { get; private set; }

    public int MostAtOnce { get; private set; }

    public IEnumerable<SimulatedGuest> Left => Setup.Guests.Where(guest => guest.Host == guest.Home);

    public bool IsMoving(SimulatedGuest guest) => Running.Any(transfer => transfer.Guest == guest);

    public double Free(string host) => _free[host];

    public SimulatedHost? Roomiest(SimulatedGuest guest) => Setup.Hosts
        .Where(host => !host.IsSource && _free[host.Id] >= guest.Memory)
        .OrderByDescending(host => _free[host.Id]).ThenBy(host => host.Id, StringComparer.Ordinal).FirstOrDefault();

    /// <summary>Room that is held for a guest whose turn has not come.</summary>
    public void Reserve(SimulatedGuest guest, string target, int times) => _free[target] -= times * guest.Memory;

    /// <param name="reserved">Its room is held already.</param>
    public SimulatedTransfer Begin(
        SimulatedGuest guest, string target, ConvergenceRules rules, double cap = double.PositiveInfinity, bool reserved = false)
    {
        if (!reserved)
        {
            Reserve(guest, target, 1);
        }

        if (_free[target] < -1 || IsMoving(guest) || guest.Host != guest.Home)
        {
            throw new InvalidOperationException($"{guest.Id} cannot be moved to {target}.");
        }

        guest.Attempts++;
        var transfer = new SimulatedTransfer(guest, target, rules, cap, Now);
        Running.Add(transfer);
        MostAtOnce = Math.Max(MostAtOnce, Running.Count);
        return transfer;
    }

    /// <summary>Moves time on to the next thing that happens, but not beyond the given time.</summary>
    public void Advance(double until)
    {
        var sending = Running.Where(transfer => transfer.Sends).ToList();
        FairShares.Set(sending, _hosts);
        var next = Running.Select(transfer => transfer.NextEvent(Now)).Append(until).Min();
        foreach (var transfer in Running)
        {
            transfer.Spend(Math.Max(0, next - Now));
        }

        Now = Math.Max(Now, next);
        foreach (var transfer in Running.Where(transfer => transfer.NextEvent(Now) <= Now + 1e-7).ToList())
        {
            transfer.Happen(Now);
        }

        foreach (var transfer in Running.Where(transfer => transfer.End is not null).ToList())
        {
            Finish(transfer);
        }
    }

    private void Finish(SimulatedTransfer transfer)
    {
        Running.Remove(transfer);
        Ended.Add(transfer);
        BytesSent += transfer.Sent;
        if (transfer.End is TransferEnd.Completed)
        {
            transfer.Guest.Host = transfer.Target;
            Ends.Add(Now);
        }
        else
        {
            Reserve(transfer.Guest, transfer.Target, -1);
        }
    }
}
