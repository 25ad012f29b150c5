namespace Orchestrator.Policy.Placement;

/// <summary>How many hosts were refused for what. A host counts once, under its first obstacle in the order of the enum.</summary>
/// <param name="Hosts">All hosts of the fleet.</param>
/// <param name="HeldBack">Hosts without obstacle that the caller did not admit.</param>
public sealed record ObstacleTally(int Hosts, int HeldBack, IReadOnlyList<ObstacleCount> Counts);

/// <param name="Hosts">At least 1.</param>
public readonly record struct ObstacleCount(Obstacle Obstacle, int Hosts);
