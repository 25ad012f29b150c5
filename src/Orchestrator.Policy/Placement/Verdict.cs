namespace Orchestrator.Policy.Placement;

/// <summary>Why a host is no candidate for a guest. Names and meanings are those of PlacementObstacle in placement.proto.</summary>
public enum Obstacle
{
    IsSource,
    NotConnected,
    Cordoned,
    HostSelector,
    Accelerator,
    MachineType,
    EngineVersion,
    CpuModel,
    RecentFailure,
    Memory,
    Cpus,
    Device,
    AntiAffinity,
    Affinity,
}

/// <summary>One host as a target for one guest, with everything that stands against it.</summary>
/// <param name="Obstacles">In the order of <see cref="Obstacle"/>. Empty: a candidate.</param>
/// <param name="Score">Of a candidate: the weighted sum of the parts. Zero otherwise.</param>
/// <param name="Parts">Of a candidate.</param>
public sealed record Verdict(string HostId, IReadOnlyList<ObstacleFound> Obstacles, double Score, IReadOnlyList<ScorePart> Parts)
{
    public bool IsCandidate => Obstacles.Count == 0;
}

/// <param name="Message">With figures, e.g. "needs 8 GiB, 3.2 GiB are free".</param>
public sealed record ObstacleFound(Obstacle Obstacle, string Message);

/// <param name="Value">0 to 1.</param>
public sealed record ScorePart(string Name, double Value, double Weight);

/// <summary>The host that was chosen, or why there is none.</summary>
/// <param name="HostId">Null: no host can take the guest now.</param>
/// <param name="Score">Of the chosen host.</param>
/// <param name="Tally">What the hosts that were not candidates lack.</param>
public sealed record PlacementChoice(string? HostId, double Score, ObstacleTally Tally);
