namespace Orchestrator.Policy.Admission;

/// <summary>What one pass lets through, and where everything else stands.</summary>
public sealed record AdmissionPlan
{
    /// <summary>When the pass looked.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>To be prepared now, in the order in which they were let through.</summary>
    public required IReadOnlyList<AdmittedMigration> Admitted { get; init; }

    /// <summary>May transfer now.</summary>
    public required IReadOnlyList<Guid> Granted { get; init; }

    /// <summary>Of everything that may transfer, those of <see cref="Granted"/> included.</summary>
    public required IReadOnlyList<BandwidthShare> Shares { get; init; }

    /// <summary>What waits in the queue, in order.</summary>
    public required IReadOnlyList<WaitingMigration> Waiting { get; init; }

    /// <summary>What waits prepared for its transfer, in order.</summary>
    public required IReadOnlyList<WaitingMigration> WaitingPrepared { get; init; }
}

public readonly record struct AdmittedMigration(Guid MigrationId, string TargetHostId);

/// <param name="Rate">Zero = not limited.</param>
public readonly record struct BandwidthShare(Guid MigrationId, DataRate Rate);

/// <param name="Position">1 = next.</param>
/// <param name="EffectivePriority">The class's priority and what waiting has added.</param>
/// <param name="Reasons">Everything that holds it now; at least one.</param>
/// <param name="PredictedStart">Of its transfer. Null: nothing is known, or nothing that happens by itself would free it.</param>
public sealed record WaitingMigration(
    Guid MigrationId,
    int Position,
    string PriorityClass,
    double EffectivePriority,
    IReadOnlyList<WaitReason> Reasons,
    DateTimeOffset? PredictedStart);

/// <param name="Message">In words, with figures.</param>
/// <param name="Subject">What is full: a host id, or "rack=r12". Empty: the fleet.</param>
public sealed record WaitReason(WaitCause Cause, string Message, string Subject = "", long Used = 0, long Limit = 0);

/// <summary>Names and meanings are those of WaitCause in admission.proto.</summary>
public enum WaitCause
{
    ItsTurn,
    FleetLimit,
    PreparingLimit,
    SourceLimit,
    TargetLimit,
    LabelLimit,
    Link,
    NoTarget,
    TargetUnfit,
    SourceNotConnected,
    Notice,
    NotBefore,
    Paused,
}
