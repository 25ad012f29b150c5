namespace Orchestrator.Bench.Evacuation;

/// <summary>A guest with what nobody outside can see. Sizes in bytes, rates in bytes per second, times in seconds.</summary>
internal sealed class SimulatedGuest
{
    public required string Id { get; init; }

    public required string Home { get; init; }

    public required double Memory { get; init; }

    public required double DirtyRate { get; init; }

    /// <summary>It writes to this much of its memory, evenly.</summary>
    public required double WorkingSet { get; init; }

    /// <summary>What somebody measured of the dirtying before; null = nobody did. All that an evacuator may know.</summary>
    public required double? ReportedDirtyRate { get; init; }

    public required double Prepare { get; init; }

    /// <summary>How many attempts fail, wherever they go.</summary>
    public int Failures { get; init; }

    /// <summary>How far into the first pass they fail.</summary>
    public double FailsAt { get; init; }

    public string Host { get; set; } = "";

    public int Attempts { get; set; }

    /// <summary>Of its successful attempt.</summary>
    public double? Downtime { get; set; }

    /// <summary>Distinct memory dirtied in a time: it saturates at the working set.</summary>
    public double Dirtied(double seconds, double throttle) =>
        WorkingSet <= 0 ? 0 : WorkingSet * (1 - Math.Exp(-DirtyRate * (1 - throttle) * seconds / WorkingSet));
}

/// <param name="Up">Bytes per second, as is <paramref name="Down"/>.</param>
/// <param name="Memory">Room for guests that come, in bytes.</param>
internal sealed record SimulatedHost(string Id, double Up, double Down, double Memory, bool IsSource);

/// <summary>One fleet to be evacuated, the same for everybody.</summary>
internal sealed record EvacuationSetup(string Name, string Trouble, ulong Seed, IReadOnlyList<SimulatedHost> Hosts, IReadOnlyList<SimulatedGuest> Guests)
{
    /// <summary>No way to do it takes less: every byte of memory once, over the links there are, nothing dirtied, nothing prepared.</summary>
    public double Bound()
    {
        var (sources, targets) = (Hosts.Where(host => host.IsSource).ToList(), Hosts.Where(host => !host.IsSource).ToList());
        var bySource = sources.Max(host => Guests.Where(guest => guest.Home == host.Id).Sum(guest => guest.Memory) / host.Up);
        var byTargets = Guests.Sum(guest => guest.Memory) / targets.Sum(host => host.Down);
        var alone = Guests.Max(guest => guest.Memory) / Math.Min(sources.Max(host => host.Up), targets.Max(host => host.Down));
        return Math.Max(alone, Math.Max(bySource, byTargets));
    }
}
