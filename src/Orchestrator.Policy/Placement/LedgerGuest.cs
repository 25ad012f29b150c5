namespace Orchestrator.Policy.Placement;

/// <summary>A guest in the ledger. Whereabouts change; everything else is as it came.</summary>
internal sealed class LedgerGuest(FleetGuest facts, int likeness)
{
    public const int Nothing = -1;

    public FleetGuest Facts { get; } = facts;

    /// <summary>The same number for guests with the same labels; <see cref="Nothing"/> without any.</summary>
    public int Likeness { get; } = likeness;

    /// <summary>Counts of those that keep away from the same neighbours as this guest does, each once.</summary>
    public IReadOnlyList<PlaceCount> Shuns { get; init; } = [];

    public LedgerHost? Host { get; set; }

    public LedgerHost? Target { get; set; }

    /// <summary>Where it will be when its move ends well.</summary>
    public LedgerHost? Heading => Target ?? Host;

    public FleetGuest Now() => Facts with { HostId = Host?.Facts.HostId, TargetHostId = Target?.Facts.HostId };
}
