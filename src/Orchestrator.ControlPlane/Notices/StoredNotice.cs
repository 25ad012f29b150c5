using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Notices;

/// <summary>What the owner of one guest was told about one migration.</summary>
internal sealed record StoredNotice
{
    private static readonly Guid s_space = new("c1b6d9a4-4b0e-4a3f-8a8d-6f3f0f2f7b55");

    public required Guid NoticeId { get; init; }

    public required Guid MigrationId { get; init; }

    public required string GuestId { get; init; }

    public required string SourceHostId { get; init; }

    public required string Reason { get; init; }

    public required NoticeTerms Terms { get; init; }

    public required NoticeState State { get; init; }

    public required DateTimeOffset OpenedAt { get; init; }

    /// <summary>The guest waits no longer than that.</summary>
    public required DateTimeOffset EndsAt { get; init; }

    public DateTimeOffset? ClosedAt { get; init; }

    public string AcknowledgedBy { get; init; } = "";

    public int DeliveryAttempts { get; init; }

    public DateTimeOffset? DeliveredAt { get; init; }

    public string DeliveryError { get; init; } = "";

    /// <summary>Grows at every change.</summary>
    public long Revision { get; init; } = 1;

    /// <summary>Of a migration that is being queued. The same migration again is the same notice.</summary>
    public static StoredNotice Open(Migrations.Migration migration, NoticeTerms terms) => new()
    {
        NoticeId = NameBasedId.Create(s_space, migration.MigrationId.ToString()),
        MigrationId = migration.MigrationId,
        GuestId = migration.GuestId,
        SourceHostId = migration.SourceHostId,
        Reason = migration.RequestedBy,
        Terms = terms,
        State = NoticeState.Open,
        OpenedAt = migration.CreatedAt,
        EndsAt = migration.CreatedAt + (terms.LeadTime?.ToTimeSpan() ?? TimeSpan.Zero),
    };
}
