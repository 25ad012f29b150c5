using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Schedules;

/// <param name="NextDueAt">Blackouts not considered. Null = never again.</param>
/// <param name="Revision">Whoever writes names the one that was read.</param>
internal sealed record StoredSchedule(
    string Name, ScheduleSpec Spec, bool Paused, DateTimeOffset CreatedAt, string CreatedBy, DateTimeOffset? NextDueAt, long Revision)
{
    /// <summary>The newest; null when it never fired.</summary>
    public StoredFiring? LastFiring { get; init; }

    public bool IsDue(DateTimeOffset now) => !Paused && NextDueAt <= now;
}

/// <summary>One firing of one schedule.</summary>
internal sealed record StoredFiring(string ScheduleName, DateTimeOffset DueAt, DateTimeOffset FiredAt)
{
    /// <summary>Unspecified while what it begins is being begun.</summary>
    public FiringOutcome Outcome { get; init; }

    public string Message { get; init; } = "";

    public Guid? EvacuationId { get; init; }

    public Guid? MigrationId { get; init; }

    /// <summary>Null = no end.</summary>
    public DateTimeOffset? WindowEndsAt { get; init; }
}
