namespace Orchestrator.Policy.Placement;

/// <summary>A guest as placement sees it: its size, its terms, and where it is.</summary>
public sealed record FleetGuest
{
    public required string GuestId { get; init; }

    public required DataSize Memory { get; init; }

    public required int Vcpus { get; init; }

    public IReadOnlyDictionary<string, string> Labels { get; init; } = Terms.NoLabels;

    public PlacementTerms Placement { get; init; } = PlacementTerms.None;

    public IReadOnlyList<DeviceNeed> Devices { get; init; } = [];

    /// <summary>Null: on none.</summary>
    public string? HostId { get; init; }

    /// <summary>Where room is held for it; null = nowhere.</summary>
    public string? TargetHostId { get; init; }
}

/// <summary>A device that a guest needs wherever it runs, as its present host describes it.</summary>
/// <param name="DeviceId">The guest's own name for it.</param>
/// <param name="SysfsPath">Where it is on its present host.</param>
/// <param name="Kind">Empty: the present host does not list it, so nobody knows what could take its state over.</param>
public sealed record DeviceNeed(string DeviceId, string SysfsPath, string Kind, string Driver = "", string DriverVersion = "");
