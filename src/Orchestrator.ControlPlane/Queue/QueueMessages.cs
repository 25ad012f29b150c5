using Google.Protobuf.WellKnownTypes;
using Orchestrator.Policy.Admission;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Queue;

/// <summary>Words the queue for callers.</summary>
internal static class QueueMessages
{
    public static QueueStanding Standing(WaitingMigration waiting) => new()
    {
        Position = (uint)waiting.Position,
        PriorityClass = waiting.PriorityClass,
        EffectivePriority = waiting.EffectivePriority,
        Reasons =
        {
            waiting.Reasons.Select(reason => new V1.WaitReason
            {
                Cause = Cause(reason.Cause), Message = reason.Message, Subject = reason.Subject, Used = reason.Used, Limit = reason.Limit,
            }),
        },
        PredictedStart = waiting.PredictedStart?.ToTimestamp(),
    };

    public static V1.QueuedMigration Queued(QueuedRow row, WaitingMigration waiting) => new()
    {
        MigrationId = row.MigrationId.ToString(),
        GuestId = row.GuestId,
        SourceHostId = row.SourceHostId,
        TargetHostId = row.TargetHostId,
        RequestedBy = row.RequestedBy,
        EvacuationId = row.EvacuationId?.ToString() ?? "",
        QueuedAt = DateTime.SpecifyKind(row.CreatedAt, DateTimeKind.Utc).ToTimestamp(),
        Standing = Standing(waiting),
    };

    private static V1.WaitCause Cause(Policy.Admission.WaitCause cause) => cause switch
    {
        Policy.Admission.WaitCause.ItsTurn => V1.WaitCause.ItsTurn,
        Policy.Admission.WaitCause.FleetLimit => V1.WaitCause.FleetLimit,
        Policy.Admission.WaitCause.PreparingLimit => V1.WaitCause.PreparingLimit,
        Policy.Admission.WaitCause.SourceLimit => V1.WaitCause.SourceLimit,
        Policy.Admission.WaitCause.TargetLimit => V1.WaitCause.TargetLimit,
        Policy.Admission.WaitCause.LabelLimit => V1.WaitCause.LabelLimit,
        Policy.Admission.WaitCause.Link => V1.WaitCause.Link,
        Policy.Admission.WaitCause.NoTarget => V1.WaitCause.NoTarget,
        Policy.Admission.WaitCause.TargetUnfit => V1.WaitCause.TargetUnfit,
        Policy.Admission.WaitCause.SourceNotConnected => V1.WaitCause.SourceNotConnected,
        Policy.Admission.WaitCause.Notice => V1.WaitCause.Notice,
        Policy.Admission.WaitCause.NotBefore => V1.WaitCause.NotBefore,
        Policy.Admission.WaitCause.Paused => V1.WaitCause.Paused,
    };
}
