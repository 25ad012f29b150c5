using Orchestrator.Policy.Placement;

namespace Orchestrator.Policy.Admission;

/// <summary>Everything that one pass decides on.</summary>
public sealed record AdmissionSnapshot
{
    public required AdmissionLimits Limits { get; init; }

    /// <summary>Its time is the pass's time. Guests that are on their way have their target, so that its room is taken.</summary>
    public required FleetSnapshot Fleet { get; init; }

    /// <summary>In any order.</summary>
    public required IReadOnlyList<QueuedMigration> Queue { get; init; }

    /// <summary>Everything that has a slot, in any order.</summary>
    public required IReadOnlyList<RunningMigration> Running { get; init; }

    /// <summary>What transfers move, by those that ended lately: memory over time. Zero = not known.</summary>
    public DataRate TypicalRate { get; init; }
}

/// <summary>A migration that waits to be let through.</summary>
public sealed record QueuedMigration
{
    public required Guid MigrationId { get; init; }

    /// <summary>Who asked for it: turns are shared between callers.</summary>
    public required string Caller { get; init; }

    public required string PriorityClass { get; init; }

    public required DateTimeOffset QueuedAt { get; init; }

    /// <summary>The guest, its source and what it asks of a target.</summary>
    public required PlacementRequest Placement { get; init; }

    /// <summary>Where its caller wants it; null = placement chooses.</summary>
    public string? TargetHostId { get; init; }

    /// <summary>Its own cap; zero = none.</summary>
    public DataRate MaxRate { get; init; }

    public DateTimeOffset? NotBefore { get; init; }

    /// <summary>Its owner was told and may say no word until then.</summary>
    public DateTimeOffset? NoticeUntil { get; init; }

    /// <summary>Its evacuation is paused.</summary>
    public bool Paused { get; init; }

    public string GuestId => Placement.Guest.GuestId;

    public string SourceHostId => Placement.Guest.HostId ?? "";

    public DataSize Memory => Placement.Guest.Memory;

    /// <summary>From when its waiting counts.</summary>
    public DateTimeOffset Since => NotBefore > QueuedAt ? NotBefore.Value : QueuedAt;
}

public enum AdmissionPool
{
    /// <summary>Being prepared, or prepared and waiting for its transfer.</summary>
    Preparing,

    /// <summary>It may transfer.</summary>
    Transferring,
}

/// <summary>A migration that was let through and has not ended.</summary>
public sealed record RunningMigration
{
    public required Guid MigrationId { get; init; }

    public required string Caller { get; init; }

    public required string PriorityClass { get; init; }

    public required DateTimeOffset QueuedAt { get; init; }

    public required string SourceHostId { get; init; }

    public required string TargetHostId { get; init; }

    public required AdmissionPool Pool { get; init; }

    /// <summary>When its target was ready for the transfer; null before that.</summary>
    public DateTimeOffset? PreparedAt { get; init; }

    public DataSize Memory { get; init; }

    /// <summary>Its own cap; zero = none.</summary>
    public DataRate MaxRate { get; init; }

    /// <summary>Estimated by how it goes; null = not known.</summary>
    public TimeSpan? Remaining { get; init; }
}
