using Google.Protobuf.WellKnownTypes;
using Orchestrator.V1;
using Enum = System.Enum;
using LifecyclePhase = Orchestrator.Policy.Lifecycle.MigrationPhase;
using LifecycleReason = Orchestrator.Policy.Lifecycle.FailureReason;

namespace Orchestrator.ControlPlane.Migrations;

/// <summary>Words migrations for callers.</summary>
internal static class MigrationMessages
{
    /// <param name="latest">Newer than the row's own, when one is known.</param>
    public static V1.Migration Of(Migration migration, Reading? latest)
    {
        var (reason, message) = Failure(migration);
        return new V1.Migration
        {
            MigrationId = migration.MigrationId.ToString(),
            GuestId = migration.GuestId,
            SourceHostId = migration.SourceHostId,
            TargetHostId = migration.TargetHostId,
            Policy = migration.Policy,
            PolicyRevision = (uint)migration.PolicyRevision,
            Mode = migration.Mode,
            MaxDowntime = migration.MaxDowntime.ToDuration(),
            Deadline = migration.Deadline?.ToDuration(),
            MaxBytesPerSecond = (ulong)migration.MaxBytesPerSecond,
            RequestedBy = migration.RequestedBy,
            Phase = Phase(migration.Phase),
            PhaseSince = migration.PhaseSince.ToTimestamp(),
            CreatedAt = migration.CreatedAt.ToTimestamp(),
            EndedAt = migration.EndedAt?.ToTimestamp(),
            Revision = (ulong)migration.Revision,
            Epoch = (ulong)migration.Epoch,
            ReplicaId = migration.ReplicaId?.ToString() ?? "",
            FailureReason = reason,
            FailureMessage = message,
            GuestWasRunning = migration.GuestWasRunning,
            LatestReading = latest ?? migration.LatestReading,
            Summary = migration.EndedAt is { } ended ? Summary(migration, ended) : null,
            Engine = "qemu",
            SourceEngineVersion = migration.Tally.SourceEngineVersion,
            TargetEngineVersion = migration.Tally.TargetEngineVersion,
            PriorityClass = migration.PriorityClass,
            NotBefore = migration.NotBefore?.ToTimestamp(),
            EvacuationId = migration.EvacuationId?.ToString() ?? "",
            BandwidthShareBytesPerSecond = (ulong)(migration.Slot?.BandwidthShare ?? 0),
        };
    }

    public static V1.MigrationPhase Phase(LifecyclePhase phase) => phase switch
    {
        LifecyclePhase.Requested => V1.MigrationPhase.Requested,
        LifecyclePhase.Queued => V1.MigrationPhase.Queued,
        LifecyclePhase.Preparing => V1.MigrationPhase.Preparing,
        LifecyclePhase.Copying => V1.MigrationPhase.Copying,
        LifecyclePhase.SwitchingOver => V1.MigrationPhase.SwitchingOver,
        LifecyclePhase.PostCopy => V1.MigrationPhase.Postcopy,
        LifecyclePhase.PostCopyPaused => V1.MigrationPhase.PostcopyPaused,
        LifecyclePhase.Verifying => V1.MigrationPhase.Verifying,
        LifecyclePhase.Completed => V1.MigrationPhase.Completed,
        LifecyclePhase.Cancelling => V1.MigrationPhase.Cancelling,
        LifecyclePhase.Cancelled => V1.MigrationPhase.Cancelled,
        LifecyclePhase.Failed => V1.MigrationPhase.Failed,
        LifecyclePhase.NeedsAttention => V1.MigrationPhase.NeedsAttention,
    };

    /// <param name="stored">As the ledger names it.</param>
    public static V1.MigrationPhase Phase(string stored) => Phase(Enum.Parse<LifecyclePhase>(stored));

    /// <returns>Null for unspecified and for a number that this API does not know.</returns>
    public static LifecyclePhase? Phase(V1.MigrationPhase phase)
    {
        foreach (var known in Enum.GetValues<LifecyclePhase>())
        {
            if (Phase(known) == phase)
            {
                return known;
            }
        }

        return null;
    }

    private static (V1.FailureReason Reason, string Message) Failure(Migration migration) => migration.Phase switch
    {
        LifecyclePhase.NeedsAttention when migration.Attention is { } attention => (Reason(attention.Reason), attention.Message),
        LifecyclePhase.Failed when migration.Ending is { Reason: { } reason } ending => (Reason(reason), ending.Message),
        LifecyclePhase.Failed when migration.Attention is { } attention => (Reason(attention.Reason), attention.Message),
        _ => (V1.FailureReason.Unspecified, ""),
    };

    private static V1.FailureReason Reason(LifecycleReason reason) => reason switch
    {
        LifecycleReason.AbortedByPolicy => V1.FailureReason.AbortedByPolicy,
        LifecycleReason.TargetRefused => V1.FailureReason.TargetRefused,
        LifecycleReason.SourceRefused => V1.FailureReason.SourceRefused,
        LifecycleReason.EngineFailed => V1.FailureReason.EngineFailed,
        LifecycleReason.AgentLost => V1.FailureReason.AgentLost,
        LifecycleReason.Undecidable => V1.FailureReason.Undecidable,
        LifecycleReason.GuestLost => V1.FailureReason.GuestLost,
    };

    private static MigrationSummary Summary(Migration migration, DateTimeOffset ended)
    {
        var tally = migration.Tally;
        return new MigrationSummary
        {
            PredictedDowntime = tally.PredictedDowntime?.ToDuration(),
            ReportedDowntime = tally.ReportedDowntime?.ToDuration(),
            ObservedDowntime = tally.ObservedDowntime?.ToDuration(),
            TotalTime = (ended - migration.CreatedAt).ToDuration(),
            BytesTransferred = (ulong)tally.BytesTransferred,
            RamBytes = (ulong)tally.RamBytes,
            Passes = (uint)tally.Passes,
            ThrottlePercent = (uint)tally.ThrottlePercent,
            FinalLimit = tally.FinalLimit?.ToDuration(),
            PostCopyUsed = tally.PostCopyUsed,
            PausedToConverge = tally.PausedToConverge.ToDuration(),
        };
    }
}
