namespace Orchestrator.Policy.Placement;

/// <summary>
/// A draft of the fleet that placements are made on: built once from a snapshot, then changed step by step, each in constant time. Admission
/// makes one a pass; the planner plays its moves through on one. Not safe for use by two threads at once.
/// </summary>
public sealed class FleetLedger
{
    private FleetLedger()
    {
    }

    /// <summary>Where the snapshot was taken.</summary>
    public DateTimeOffset At { get; init; }

    /// <summary>In the order of ids.</summary>
    public IReadOnlyList<FleetHost> Hosts => throw new NotImplementedException();

    /// <exception cref="ArgumentException">Two hosts or two guests have one id.</exception>
    public static FleetLedger Of(FleetSnapshot snapshot) => throw new NotImplementedException();

    /// <exception cref="KeyNotFoundException">No such host.</exception>
    public HostLoad Load(string hostId) => throw new NotImplementedException();

    /// <returns>As it stands now, or null when the fleet does not have it.</returns>
    public FleetGuest? Guest(string guestId) => throw new NotImplementedException();

    /// <summary>
    /// Holds room for a guest on a host: it is on its way there. Checks nothing: ask <see cref="PlacementPolicy"/> first. A guest the ledger
    /// does not know is added; room that was held for it elsewhere is given back.
    /// </summary>
    /// <exception cref="KeyNotFoundException">No such host.</exception>
    public void Reserve(FleetGuest guest, string hostId) => throw new NotImplementedException();

    /// <summary>Gives the room held for a guest back; it stays where it is. Nothing happens when none is held.</summary>
    public void Release(string guestId) => throw new NotImplementedException();

    /// <summary>The guest has arrived where room was held for it and has left its source. Nothing happens when none is held.</summary>
    public void Arrive(string guestId) => throw new NotImplementedException();

    /// <summary>The guest is off the fleet: what it had and what was held for it is free. Nothing happens when it is not known.</summary>
    public void Remove(string guestId) => throw new NotImplementedException();

    /// <exception cref="KeyNotFoundException">No such host.</exception>
    public void Cordon(string hostId, string reason) => throw new NotImplementedException();

    /// <exception cref="KeyNotFoundException">No such host.</exception>
    public void Uncordon(string hostId) => throw new NotImplementedException();
}
