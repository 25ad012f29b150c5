namespace Orchestrator.Policy.Placement;

/// <summary>One guest for which a host is sought. Room that is held for it already (its own target) does not stand in its way.</summary>
/// <param name="Guest">Its <see cref="FleetGuest.HostId"/> is the source; null when it runs nowhere.</param>
/// <param name="Machine">What the target has to build.</param>
/// <param name="RecentFailures">Of this guest only.</param>
public sealed record PlacementRequest(FleetGuest Guest, MachineNeeds Machine, params IReadOnlyList<FailedMove> RecentFailures);

/// <summary>The machine a guest sees.</summary>
public sealed record MachineNeeds
{
    /// <summary>QEMU machine type. An unversioned one ("q35") stands for whatever the engine has, so no host is refused for it.</summary>
    public required string MachineType { get; init; }

    /// <summary>QEMU CPU model with its flags, e.g. "Haswell,+aes,-hle".</summary>
    public required string CpuModel { get; init; }

    /// <summary>"tcg" or "kvm".</summary>
    public required string Accelerator { get; init; }

    /// <summary>Of the engine the guest runs on. Empty = not known, or it runs nowhere.</summary>
    public string EngineVersion { get; init; } = "";
}

/// <summary>A move of the guest to this host failed.</summary>
/// <param name="Until">It is not sent there again before this.</param>
public sealed record FailedMove(string HostId, DateTimeOffset At, DateTimeOffset Until);
