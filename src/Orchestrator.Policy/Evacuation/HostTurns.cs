namespace Orchestrator.Policy.Evacuation;

/// <summary>Whose turn it is to be emptied.</summary>
internal static class HostTurns
{
    public static IReadOnlyList<HostStanding> Look(
        EvacuationTerms terms, IReadOnlyList<HostStanding> hosts, IReadOnlyList<GuestStanding> guests, FleetFacts fleet, bool mayBegin)
    {
        var cordoned = fleet.Fleet.Hosts.Where(host => host.Cordoned).Select(host => host.HostId).ToHashSet(StringComparer.Ordinal);
        var looked = hosts.Select(host => Looked(host, guests, cordoned)).ToList();
        var places = terms.MaxHostsOut == 0 ? int.MaxValue : terms.MaxHostsOut - looked.Count(host => IsOut(host, guests));
        for (var index = 0; index < looked.Count && mayBegin && places > 0; index++)
        {
            if (looked[index].Phase is HostPhase.Waiting)
            {
                looked[index] = looked[index] with { Phase = HostPhase.Emptying, WasCordoned = cordoned.Contains(looked[index].HostId) };
                places--;
            }
        }

        return looked;
    }

    /// <summary>Guests that are still on it and meant to leave.</summary>
    public static IEnumerable<GuestStanding> Left(HostStanding host, IEnumerable<GuestStanding> guests) => guests.Where(guest =>
        guest.SourceHostId == host.HostId
        && guest.Phase is GuestPhase.Waiting or GuestPhase.Moving or GuestPhase.BackingOff or GuestPhase.Stuck or GuestPhase.Failed);

    private static HostStanding Looked(HostStanding host, IReadOnlyList<GuestStanding> guests, HashSet<string> cordoned)
    {
        var isCordoned = cordoned.Contains(host.HostId);
        var seen = host.Phase is HostPhase.Emptying && isCordoned ? host with { Cordoned = true } : host;
        return seen.Phase switch
        {
            HostPhase.Waiting or HostPhase.Returned => seen,
            HostPhase.Emptying when !Left(seen, guests).Any() && seen.Cordoned => seen with { Phase = HostPhase.Empty },
            HostPhase.Empty when !isCordoned => seen with { Phase = HostPhase.Returned },
            HostPhase.Empty when Left(seen, guests).Any() => seen with { Phase = HostPhase.Emptying },
            HostPhase.Emptying or HostPhase.Empty => seen,
        };
    }

    // Nobody can work on a host that will not become empty, so it keeps no other from its turn.
    private static bool IsOut(HostStanding host, IReadOnlyList<GuestStanding> guests) =>
        host.Phase is HostPhase.Empty
        || (host.Phase is HostPhase.Emptying
            && (!Left(host, guests).Any() || Left(host, guests).Any(guest => guest.Phase is not (GuestPhase.Failed or GuestPhase.Stuck))));
}
