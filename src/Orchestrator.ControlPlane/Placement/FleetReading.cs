using Orchestrator.Policy.Placement;

namespace Orchestrator.ControlPlane.Placement;

/// <summary>The fleet as one reading of the database has it, with what is needed to ask for a host for any of its guests.</summary>
/// <param name="machines">By guest id, of all guests that were read.</param>
/// <param name="unplaced">Guests that were asked for and are on no host, by id.</param>
/// <param name="failures">Recent failures by guest id.</param>
internal sealed class FleetReading(
    FleetSnapshot snapshot,
    IReadOnlyDictionary<string, MachineNeeds> machines,
    IReadOnlyDictionary<string, FleetGuest> unplaced,
    ILookup<string, FailedMove> failures)
{
    private readonly Dictionary<string, FleetGuest> _placed = snapshot.Guests.ToDictionary(guest => guest.GuestId, StringComparer.Ordinal);

    public FleetSnapshot Snapshot => snapshot;

    /// <returns>Null when the guest was neither on a host nor asked for.</returns>
    public PlacementRequest? RequestFor(string guestId) =>
        (_placed.GetValueOrDefault(guestId) ?? unplaced.GetValueOrDefault(guestId)) is { } guest
            ? new PlacementRequest(guest, machines[guestId], [.. failures[guestId]])
            : null;
}
