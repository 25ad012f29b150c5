using Orchestrator.Policy.Placement;

namespace Orchestrator.Policy.Evacuation;

/// <summary>
/// Who is where and what room is left, as moves are given out one after another: placement's ledger, asked by placement's filters. A guest on
/// its way is at both ends until it has arrived, so that neither end is given away too early.
/// </summary>
internal sealed class Ground
{
    private readonly FleetLedger _ledger;

    public Ground(FleetFacts facts)
    {
        _ledger = FleetLedger.Of(facts.Fleet);
        Targets = [.. _ledger.LedgerHosts.Where(host => host is { Cordoned: false, Facts.Condition: HostCondition.Connected })];
    }

    /// <summary>Hosts that take guests at all, in the order of their ids.</summary>
    public IReadOnlyList<LedgerHost> Targets { get; }

    /// <summary>
    /// Where it failed lately counts apart: an evacuation has back-offs and attempts of its own, and of hosts where a guest failed the only one
    /// that is left may be tried again.
    /// </summary>
    public Search Look(GuestFacts guest) => new(_ledger, guest.Placement with { RecentFailures = [] });

    public bool FailedLately(GuestFacts guest, LedgerHost host) =>
        guest.Placement.RecentFailures.Any(failure => failure.HostId == host.Facts.HostId && failure.Until > _ledger.At);

    public void Take(GuestFacts guest, string hostId) => _ledger.Reserve(guest.Placement.Guest, hostId);

    public void GiveUp(GuestFacts guest) => _ledger.Release(guest.GuestId);

    /// <summary>A move that is under way: its room is taken, whether the fleet says so already or not.</summary>
    public void Expect(GuestFacts guest, string hostId)
    {
        if (_ledger.HasHost(hostId))
        {
            Take(guest, hostId);
        }
    }

    /// <summary>Why none of the hosts takes the guest: the nearest to taking it, in words.</summary>
    public string WhyNone(GuestFacts guest, string? onlyHost)
    {
        const int Named = 4;
        var search = Look(guest);
        var refused = _ledger.LedgerHosts
            .Where(host => host != search.Source && (onlyHost is null || host.Facts.HostId == onlyHost))
            .Select(host => (Host: host, Obstacles: search.All(host)))
            .OrderBy(refusal => refusal.Obstacles.Count).ThenBy(refusal => refusal.Host.Index)
            .ToList();
        if (refused.Count == 0)
        {
            return onlyHost is null ? "There is no other host." : $"There is no host {onlyHost}.";
        }

        var words = string.Join("; ", refused.Take(Named).Select(refusal =>
            $"{refusal.Host.Facts.HostId}: {string.Join(", ", refusal.Obstacles.Select(obstacle => ObstacleText.Of(search, refusal.Host, obstacle)))}"));
        return refused.Count <= Named ? words : FormattableString.Invariant($"{words}; and {refused.Count - Named} more");
    }
}
