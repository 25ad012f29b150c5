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

    public Search Look(GuestFacts guest) => new(_ledger, guest.Placement);

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

    /// <summary>Why none of the hosts takes the guest: the nearest to taking it in words, the others by number.</summary>
    public string WhyNone(GuestFacts guest, string? onlyHost)
    {
        const int Named = 4;
        var verdicts = PlacementPolicy.Explain(_ledger, guest.Placement)
            .Where(verdict => verdict.HostId != guest.HostId && (onlyHost is null || verdict.HostId == onlyHost))
            .OrderBy(verdict => verdict.Obstacles.Count).ThenBy(verdict => verdict.HostId, StringComparer.Ordinal)
            .ToList();
        if (verdicts.Count == 0)
        {
            return onlyHost is null ? "There is no other host." : $"There is no host {onlyHost}.";
        }

        var words = string.Join("; ", verdicts.Take(Named).Select(verdict =>
            $"{verdict.HostId}: {string.Join(", ", verdict.Obstacles.Select(obstacle => obstacle.Message))}"));
        return verdicts.Count <= Named ? words : $"{words}; and {verdicts.Count - Named} more";
    }
}
