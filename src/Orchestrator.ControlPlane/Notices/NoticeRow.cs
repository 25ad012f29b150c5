using Google.Protobuf.WellKnownTypes;
using Orchestrator.V1;
using Enum = System.Enum;

namespace Orchestrator.ControlPlane.Notices;

/// <summary>A row of notices with the driver's types. Positional on purpose: a column that does not fit throws.</summary>
internal sealed record NoticeRow(
    Guid NoticeId,
    Guid MigrationId,
    string GuestId,
    string SourceHostId,
    string Reason,
    string Terms,
    string State,
    DateTime OpenedAt,
    DateTime EndsAt,
    DateTime? ClosedAt,
    string AcknowledgedBy,
    int DeliveryAttempts,
    DateTime? DeliveredAt,
    string DeliveryError,
    long Revision)
{
    /// <summary>In the order of the record.</summary>
    public const string Columns = """
        n.notice_id AS NoticeId, n.migration_id AS MigrationId, n.guest_id AS GuestId, n.source_host_id AS SourceHostId, n.reason,
        n.terms::text AS Terms, n.state, n.opened_at AS OpenedAt, n.ends_at AS EndsAt, n.closed_at AS ClosedAt,
        n.acknowledged_by AS AcknowledgedBy, n.delivery_attempts AS DeliveryAttempts, n.delivered_at AS DeliveredAt,
        n.delivery_error AS DeliveryError, n.revision
        """;

    public StoredNotice ToNotice() => new()
    {
        NoticeId = NoticeId,
        MigrationId = MigrationId,
        GuestId = GuestId,
        SourceHostId = SourceHostId,
        Reason = Reason,
        Terms = ProtoJson.Read<NoticeTerms>(Terms),
        State = Enum.Parse<NoticeState>(State),
        OpenedAt = Utc(OpenedAt),
        EndsAt = Utc(EndsAt),
        ClosedAt = ClosedAt is { } closed ? Utc(closed) : null,
        AcknowledgedBy = AcknowledgedBy,
        DeliveryAttempts = DeliveryAttempts,
        DeliveredAt = DeliveredAt is { } delivered ? Utc(delivered) : null,
        DeliveryError = DeliveryError,
        Revision = Revision,
    };

    public static Notice ToMessage(StoredNotice notice) => new()
    {
        NoticeId = notice.NoticeId.ToString(),
        MigrationId = notice.MigrationId.ToString(),
        GuestId = notice.GuestId,
        SourceHostId = notice.SourceHostId,
        Reason = notice.Reason,
        State = notice.State,
        OpenedAt = notice.OpenedAt.ToTimestamp(),
        EndsAt = notice.EndsAt.ToTimestamp(),
        ClosedAt = notice.ClosedAt?.ToTimestamp(),
        AcknowledgedBy = notice.AcknowledgedBy,
        Terms = notice.Terms,
        DeliveryAttempts = (uint)notice.DeliveryAttempts,
        DeliveredAt = notice.DeliveredAt?.ToTimestamp(),
        DeliveryError = notice.DeliveryError,
    };

    private static DateTimeOffset Utc(DateTime at) => new(at, TimeSpan.Zero);
}
