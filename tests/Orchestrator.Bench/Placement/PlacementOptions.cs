namespace Orchestrator.Bench.Placement;

/// <summary>What is placed on what.</summary>
internal sealed record PlacementOptions
{
    public required int Hosts { get; init; }

    public required int Guests { get; init; }

    /// <summary>Guests that are placed one after the other, each with its room held.</summary>
    public required int Place { get; init; }

    /// <summary>Times that a host is chosen without holding room.</summary>
    public required int Choices { get; init; }

    public required int Seed { get; init; }
}
