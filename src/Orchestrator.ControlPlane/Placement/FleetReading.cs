using Orchestrator.Policy.Placement;

namespace Orchestrator.ControlPlane.Placement;

/// <summary>The fleet as one reading of the database has it, with what is needed to ask for a host for any of its guests.</summary>
/// <param name="guests">By id: those on hosts and on their way, and the one that was asked for.</param>
/// <param name="failures">Recent failures by guest id.</param>
internal sealed class FleetReading(
    FleetSnapshot snapshot, IReadOnlyDictionary<string, GuestReading> guests, ILookup<string, FailedMove> failures)
{
    public FleetSnapshot Snapshot => snapshot;

    /// <returns>Null when the guest was neither on a host nor asked for.</returns>
    public PlacementRequest? RequestFor(string guestId) => guests.GetValueOrDefault(guestId) is { } guest
        ? new PlacementRequest(guest.Guest, guest.Machine, failures.Contains(guestId) ? [.. failures[guestId]] : [])
        : null;

    /// <returns>Null when the guest was neither on a host nor asked for.</returns>
    public WhereaboutsRow? WhereaboutsOf(string guestId) => guests.GetValueOrDefault(guestId)?.Row;
}

internal sealed record GuestReading(FleetGuest Guest, MachineNeeds Machine, WhereaboutsRow Row);
