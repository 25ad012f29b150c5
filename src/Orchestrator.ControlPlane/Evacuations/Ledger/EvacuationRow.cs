using Orchestrator.Policy.Evacuation;
using Orchestrator.V1;
using EvacuationCancelMode = Orchestrator.Policy.Evacuation.EvacuationCancelMode;
using EvacuationState = Orchestrator.Policy.Evacuation.EvacuationState;

namespace Orchestrator.ControlPlane.Evacuations.Ledger;

/// <summary>
/// A row of evacuations, with those of its hosts and guests, in the driver's types. Positional on purpose: a column that does not fit throws
/// instead of staying at its default.
/// </summary>
internal sealed record EvacuationRow(
    Guid EvacuationId,
    string Request,
    string Phase,
    string? CancelMode,
    DateTime? QuietSince,
    string Message,
    string? Plan,
    DateTime PlannedAt,
    DateTime CreatedAt,
    DateTime? EndedAt,
    long Revision,
    long Epoch,
    Guid? ReplicaId,
    string? Hosts,
    string? Guests)
{
    /// <summary>In the order of the record, in one statement and so of one moment. Wants @whole: guests and plan as well.</summary>
    public const string Select = """
        SELECT e.evacuation_id AS EvacuationId, e.request::text AS Request, e.phase, e.cancel_mode AS CancelMode, e.quiet_since AS QuietSince,
               e.message, CASE WHEN @whole THEN e.plan::text END AS Plan, e.planned_at AS PlannedAt, e.created_at AS CreatedAt,
               e.ended_at AS EndedAt, e.revision, e.epoch, e.replica_id AS ReplicaId,
               (SELECT jsonb_agg(to_jsonb(h) ORDER BY h.turn)::text FROM evacuation_hosts h WHERE h.evacuation_id = e.evacuation_id) AS Hosts,
               CASE WHEN @whole THEN (
                   SELECT jsonb_agg(to_jsonb(g) ORDER BY g.guest_id)::text
                     FROM evacuation_guests g
                    WHERE g.evacuation_id = e.evacuation_id) END AS Guests
          FROM evacuations e
        """;

    public Evacuation ToEvacuation() => new()
    {
        EvacuationId = EvacuationId,
        Request = ProtoJson.Read<StartEvacuationRequest>(Request),
        State = new EvacuationState
        {
            Phase = System.Enum.Parse<EvacuationPhase>(Phase),
            CancelMode = CancelMode is { } mode ? System.Enum.Parse<EvacuationCancelMode>(mode) : EvacuationCancelMode.StopHere,
            QuietSince = Utc(QuietSince),
            Hosts = StateJson.ReadHosts(Hosts),
            Guests = StateJson.ReadGuests(Guests),
        },
        Plan = Plan is { } plan ? ProtoJson.Read<V1.EvacuationPlan>(plan) : new V1.EvacuationPlan(),
        PlannedAt = new DateTimeOffset(PlannedAt, TimeSpan.Zero),
        Message = Message,
        CreatedAt = new DateTimeOffset(CreatedAt, TimeSpan.Zero),
        EndedAt = Utc(EndedAt),
        Revision = Revision,
        Epoch = Epoch,
        ReplicaId = ReplicaId,
    };

    private static DateTimeOffset? Utc(DateTime? time) => time is { } known ? new DateTimeOffset(known, TimeSpan.Zero) : null;
}
