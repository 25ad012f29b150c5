namespace Orchestrator.Policy.Placement;

/// <summary>How alive a host is. The names and meanings are those of HostState in hosts.proto.</summary>
public enum HostCondition
{
    Connected,
    Suspect,
    Lost,
    Dead,
}

/// <summary>A host as placement sees it. What is taken of it follows from the guests of the snapshot.</summary>
public sealed record FleetHost
{
    public required string HostId { get; init; }

    public required HostCondition Condition { get; init; }

    public bool Cordoned { get; init; }

    /// <summary>Empty unless cordoned.</summary>
    public string CordonReason { get; init; } = "";

    public IReadOnlyDictionary<string, string> Labels { get; init; } = Terms.NoLabels;

    /// <summary>What guests may have, all together. Zero = nothing fits.</summary>
    public required DataSize MemoryAllocatable { get; init; }

    /// <summary>What guests may have, all together. Zero = nothing fits.</summary>
    public required int VcpusAllocatable { get; init; }

    /// <summary>Of the link that carries migrations. Zero = not known.</summary>
    public DataRate LinkSpeed { get; init; }

    /// <summary>As /proc/cpuinfo lists them. Empty = not known.</summary>
    public IReadOnlyList<string> CpuFlags { get; init; } = [];

    /// <summary>Empty: nothing can run there.</summary>
    public IReadOnlyList<FleetEngine> Engines { get; init; } = [];

    public IReadOnlyList<FleetDevice> Devices { get; init; } = [];
}

/// <summary>A migration engine of a host.</summary>
/// <param name="Version">As the engine says it, e.g. "7.2.22 (Debian 1:7.2+dfsg-7)". Empty = not known.</param>
/// <param name="Accelerators">Those a guest has answered on: "tcg", "kvm".</param>
/// <param name="MachineTypes">Versioned ones, e.g. "pc-q35-7.2". Empty = not known.</param>
public sealed record FleetEngine(string Version, IReadOnlyList<string> Accelerators, IReadOnlyList<string> MachineTypes);

/// <summary>A device that can be given to a guest.</summary>
/// <param name="SysfsPath">Path below /sys.</param>
/// <param name="Kind">PCI "vendor:device", or the mediated device's type.</param>
/// <param name="Driver">The bound one, e.g. "vfio-pci".</param>
/// <param name="DriverVersion">Empty = not known.</param>
/// <param name="MigrationFlags">VFIO_MIGRATION_STOP_COPY 1, P2P 2, PRE_COPY 4 (linux/vfio.h); 0 = none or not known.</param>
/// <param name="GuestId">Empty = free.</param>
public sealed record FleetDevice(
    string SysfsPath, string Kind, string Driver, string DriverVersion = "", ulong MigrationFlags = 0, string GuestId = "");
