namespace Orchestrator.Policy.Placement;

/// <summary>How good a candidate is. Each part is 0 to 1; the weights add up to 1, so the sum is too.</summary>
internal static class Scores
{
    // What the guest's owner wished for counts more than what suits the fleet, yet not more than all of that together: a full and busy host
    // in the wished-for rack loses to an idle one elsewhere.
    public const double AffinityWeight = 0.4;

    // Memory is what runs out first: hosts that keep the largest share of theirs free can take the next large guest.
    public const double FreeMemoryWeight = 0.35;

    // How long the move takes goes by the share of the link it gets. Less than memory, for a move passes and the guest stays: an idle link
    // is no reason to fill a host up while others are half empty.
    public const double LinkWeight = 0.15;

    // Breaks ties between hosts that are alike in the rest: fewer guests of one service on one host, fewer busy processors.
    public const double SpreadWeight = 0.1;

    public static double Total(Search search, LedgerHost host) =>
        (AffinityWeight * Affinity(search, host))
        + (FreeMemoryWeight * FreeMemory(search, host))
        + (LinkWeight * Link(search, host))
        + (SpreadWeight * Spread(search, host));

    public static IReadOnlyList<ScorePart> Parts(Search search, LedgerHost host) =>
    [
        new("free-memory", FreeMemory(search, host), FreeMemoryWeight),
        new("link", Link(search, host), LinkWeight),
        new("spread", Spread(search, host), SpreadWeight),
        new("affinity", Affinity(search, host), AffinityWeight),
    ];

    // Share of the host's memory that is free once the guest is there.
    private static double FreeMemory(Search search, LedgerHost host) =>
        Share((search.MemoryFree(host) - search.Request.Guest.Memory).Bytes, host.Facts.MemoryAllocatable.Bytes);

    // Share of the fleet's fastest link that one more move would get. A link of unknown speed counts as the fastest: nothing is held
    // against it.
    private static double Link(Search search, LedgerHost host)
    {
        var speed = host.Facts.LinkSpeed > DataRate.Zero
            ? (double)host.Facts.LinkSpeed.BytesPerSecond / search.FastestLink.BytesPerSecond
            : 1;
        var moves = host.MovesIn + host.MovesOut - (search.IsHeldFor(host) ? 1 : 0);
        return speed / (1 + moves);
    }

    // Share of the vCPUs that is free once the guest is there, parted among the guests with the same labels.
    private static double Spread(Search search, LedgerHost host)
    {
        var free = Share(search.VcpusFree(host) - search.Request.Guest.Vcpus, host.Facts.VcpusAllocatable);
        var alike = search.Likeness == LedgerGuest.Nothing ? 0 : host.Alike(search.Likeness);
        return free / (1 + alike - (alike > 0 && search.IsHeldFor(host) ? 1 : 0));
    }

    // Weighted share of the soft terms that hold; all of them when there are none.
    private static double Affinity(Search search, LedgerHost host)
    {
        var all = 0;
        var held = 0;
        foreach (var soft in search.Soft)
        {
            all += soft.Term.Weight;
            held += soft.HoldsAt(host) ? soft.Term.Weight : 0;
        }

        return all == 0 ? 1 : (double)held / all;
    }

    private static double Share(double part, double whole) => whole <= 0 ? 0 : Math.Clamp(part / whole, 0, 1);
}
