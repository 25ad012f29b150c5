using Orchestrator.Policy.Lifecycle;
using Orchestrator.V1;
using AdmissionLimits = Orchestrator.Policy.Admission.AdmissionLimits;
using MigrationPhase = Orchestrator.Policy.Lifecycle.MigrationPhase;

namespace Orchestrator.ControlPlane.Migrations;

/// <summary>A migration as the ledger has it.</summary>
internal sealed record Migration
{
    public required Guid MigrationId { get; init; }

    public required string GuestId { get; init; }

    public required string SourceHostId { get; init; }

    /// <summary>Empty until placement has chosen one.</summary>
    public required string TargetHostId { get; init; }

    /// <summary>As the caller sent it: what tells a repeat from a clash of ids.</summary>
    public required StartMigrationRequest Request { get; init; }

    /// <summary>What both sides build.</summary>
    public required MachineSpec Spec { get; init; }

    public required string Policy { get; init; }

    public required int PolicyRevision { get; init; }

    /// <summary>Never unspecified.</summary>
    public required MigrationMode Mode { get; init; }

    /// <summary>The budget that holds.</summary>
    public required TimeSpan MaxDowntime { get; init; }

    /// <summary>From <see cref="CreatedAt"/>; null = none.</summary>
    public TimeSpan? Deadline { get; init; }

    /// <summary>0 = no cap.</summary>
    public long MaxBytesPerSecond { get; init; }

    public string RequestedBy { get; init; } = "";

    public string PriorityClass { get; init; } = AdmissionLimits.UsualClass;

    /// <summary>The evacuation it is part of.</summary>
    public Guid? EvacuationId { get; init; }

    public DateTimeOffset? NotBefore { get; init; }

    /// <summary>What admission has given it, as last heard; null = nothing: it waits, has ended, or began before there was a queue.</summary>
    public MigrationSlot? Slot { get; init; }

    /// <summary>What its guest's owner is told when it is queued; null = nothing. Afterwards that stands with the notices, and not here.</summary>
    public Notices.StoredNotice? Notice { get; init; }

    /// <summary>What the guest must be afterwards.</summary>
    public required bool GuestWasRunning { get; init; }

    public required MigrationPhase Phase { get; init; }

    public required DateTimeOffset PhaseSince { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset? EndedAt { get; init; }

    /// <summary>Whoever writes names the one that was read.</summary>
    public required long Revision { get; init; }

    /// <summary>Of whoever commands it; one with a lower epoch writes nothing.</summary>
    public required long Epoch { get; init; }

    /// <summary>The replica that commands it; null while it waits for one, and after the end.</summary>
    public Guid? ReplicaId { get; init; }

    public int LastTransition { get; init; }

    public int LastDecision { get; init; }

    public long LastCommand { get; init; }

    /// <summary>Null while it is meant to complete.</summary>
    public IntendedEnding? Ending { get; init; }

    /// <summary>Set in NEEDS_ATTENTION, and after it for the record.</summary>
    public Attention? Attention { get; init; }

    /// <summary>Empty before the target listens.</summary>
    public string ListenUri { get; init; } = "";

    /// <summary>JSON of what policy remembers; null before the first reading.</summary>
    public string? ConvergenceState { get; init; }

    /// <summary>JSON of what the plausibility check remembers; null before the first report.</summary>
    public string? PlausibilityMemory { get; init; }

    /// <summary>As of the last write of the row.</summary>
    public Reading? LatestReading { get; init; }

    public MigrationTally Tally { get; init; } = new();

    public bool HasEnded => MigrationLifecycle.IsEnd(Phase);

    /// <summary>What the copy may take: its own cap, or its share of the links where that is less. Bytes per second; 0 = no cap.</summary>
    public long RateCap => Slot is { BandwidthShare: > 0 and var share } && !(MaxBytesPerSecond > 0 && MaxBytesPerSecond < share)
        ? share
        : MaxBytesPerSecond;
}

/// <summary>What admission has given a migration.</summary>
/// <param name="MayTransfer">It is past the second gate.</param>
/// <param name="BandwidthShare">Bytes per second; 0 = not limited.</param>
internal sealed record MigrationSlot(bool MayTransfer, long BandwidthShare);
