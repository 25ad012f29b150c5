namespace Orchestrator.Policy.Placement;

/// <summary>
/// Which hosts a guest may run on, and which is best. The same fleet and request always give the same answer, in whatever order hosts and
/// guests were listed; equal scores go to the lower host id.
/// </summary>
public static class PlacementPolicy
{
    /// <summary>Every host with everything that stands against it: candidates first, the best first, then the others by id.</summary>
    public static IReadOnlyList<Verdict> Explain(FleetLedger fleet, PlacementRequest request) => throw new NotImplementedException();

    /// <summary>The verdict on one host.</summary>
    /// <exception cref="KeyNotFoundException">No such host.</exception>
    public static Verdict Judge(FleetLedger fleet, PlacementRequest request, string hostId) => throw new NotImplementedException();

    /// <summary>The first thing that stands against one host, without words; null: it can take the guest. Cheap.</summary>
    /// <exception cref="KeyNotFoundException">No such host.</exception>
    public static Obstacle? FirstObstacle(FleetLedger fleet, PlacementRequest request, string hostId) => throw new NotImplementedException();

    /// <summary>The best candidate. Reserves nothing: <see cref="FleetLedger.Reserve"/> is the caller's next step.</summary>
    /// <param name="admits">
    /// Asked about hosts that can take the guest: false holds one back for a reason of the caller's own, e.g. its limit of arrivals is reached.
    /// Null = none is held back.
    /// </param>
    public static PlacementChoice Choose(FleetLedger fleet, PlacementRequest request, Predicate<string>? admits = null) =>
        throw new NotImplementedException();
}
