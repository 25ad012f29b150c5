using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Schedules;

/// <summary>A row of schedule_firings with the driver's types. Positional on purpose: a column that does not fit throws.</summary>
internal sealed record FiringRow(
    string ScheduleName,
    DateTime DueAt,
    DateTime FiredAt,
    string? Outcome,
    string Message,
    Guid? EvacuationId,
    Guid? MigrationId,
    DateTime? WindowEndsAt)
{
    /// <summary>In the order of the record.</summary>
    public const string Columns = """
        f.schedule_name AS ScheduleName, f.due_at AS DueAt, f.fired_at AS FiredAt, f.outcome, f.message, f.evacuation_id AS EvacuationId,
        f.migration_id AS MigrationId, f.window_ends_at AS WindowEndsAt
        """;

    public StoredFiring ToFiring() => new(ScheduleName, new DateTimeOffset(DueAt, TimeSpan.Zero), new DateTimeOffset(FiredAt, TimeSpan.Zero))
    {
        Outcome = Outcome is null ? FiringOutcome.Unspecified : Enum.Parse<FiringOutcome>(Outcome),
        Message = Message,
        EvacuationId = EvacuationId,
        MigrationId = MigrationId,
        WindowEndsAt = WindowEndsAt is { } ends ? new DateTimeOffset(ends, TimeSpan.Zero) : null,
    };
}
