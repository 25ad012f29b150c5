using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Guests;

/// <summary>A guest as the ledger has it.</summary>
internal sealed record StoredGuest
{
    public required string GuestId { get; init; }

    /// <summary>As its caller defined it, defaults filled in.</summary>
    public required MachineSpec DefinedSpec { get; init; }

    /// <summary>With the machine type pinned at the first start: what source and target build.</summary>
    public required MachineSpec Spec { get; init; }

    public required StoredGuestState State { get; init; }

    public required DateTimeOffset StateSince { get; init; }

    /// <summary>Null exactly when it is shut off.</summary>
    public required string? HostId { get; init; }

    /// <summary>The start under way leaves its CPUs stopped.</summary>
    public required bool StartsPaused { get; init; }

    /// <summary>Its owner asked for a stop that is not known to be done.</summary>
    public required bool Stopping { get; init; }

    /// <summary>While set, only that migration writes this guest.</summary>
    public required Guid? ActiveMigrationId { get; init; }

    public required string? MigrationTargetHostId { get; init; }

    /// <summary>The migration's caller promised that the guest stays stopped.</summary>
    public required bool MigrationKeepsStopped { get; init; }

    public required DateTimeOffset DefinedAt { get; init; }

    /// <summary>What affinity of other guests goes by. A map field, which compares by content.</summary>
    public required IReadOnlyDictionary<string, string> Labels { get; init; }

    /// <summary>Empty when its caller gave none.</summary>
    public required PlacementTerms Placement { get; init; }

    /// <summary>Null: as whoever moves it says.</summary>
    public required NoticeTerms? Notice { get; init; }

    /// <summary>Path on its host; empty when it is shut off.</summary>
    public required string SerialSocket { get; init; }

    /// <summary>Whoever writes names the one that was read.</summary>
    public required long Revision { get; init; }
}

/// <summary>Last known state. Stored by name; the scripts list the same names.</summary>
internal enum StoredGuestState
{
    ShutOff,
    Starting,
    Running,
    Paused,
    Crashed,
}

internal enum DefineGuestOutcome
{
    Defined,
    DefinedBefore,

    /// <summary>The id has another spec or other terms.</summary>
    Exists,
}
