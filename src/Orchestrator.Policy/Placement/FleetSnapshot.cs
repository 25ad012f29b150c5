namespace Orchestrator.Policy.Placement;

/// <summary>The fleet as it was at one moment: what placement, admission and the evacuation planner decide on.</summary>
/// <param name="At">When it was read, by the database's clock: what recent failures are measured against.</param>
/// <param name="Hosts">In any order; ids are unique.</param>
/// <param name="Guests">
/// In any order; ids are unique. All that are on a host or on their way to one. What a host has left follows from them alone, so a guest
/// that is left out here is room that is not there.
/// </param>
public sealed record FleetSnapshot(DateTimeOffset At, IReadOnlyList<FleetHost> Hosts, IReadOnlyList<FleetGuest> Guests);
