namespace Orchestrator.LocalFleet.Processes;

/// <summary>What a fleet on this machine consists of.</summary>
public sealed record FleetPlan
{
    /// <summary>Everything is kept here. Short: the path of a Unix socket has 107 bytes.</summary>
    public required string Folder { get; init; }

    public required IReadOnlyList<HostPlan> Hosts { get; init; }

    /// <summary>Of the first replica, the others follow; 0 takes free ones.</summary>
    public int ControlPlanePort { get; init; }

    /// <summary>How many processes are the control plane together. With more than one the database has a process of its own.</summary>
    public int Replicas { get; init; } = 1;

    /// <summary>Settings of the control plane, e.g. "Migrations:DefaultPolicy".</summary>
    public IReadOnlyDictionary<string, string> ControlPlaneSettings { get; init; } = new Dictionary<string, string>();
}

/// <param name="HostId">Name of the host.</param>
/// <param name="Address">A loopback address of its own, e.g. 127.0.0.2: both for its agent and for migration streams to it.</param>
/// <param name="QemuProgram">The QEMU it runs guests with; null = the one on PATH.</param>
public sealed record HostPlan(string HostId, string Address, string? QemuProgram)
{
    /// <summary>Settings of the agent.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();
}
