using Orchestrator.ControlPlane.Migrations;
using Orchestrator.ControlPlane.Migrations.Admission;
using Orchestrator.ControlPlane.Migrations.Ledger;
using Orchestrator.ControlPlane.Migrations.Wishes;
using Orchestrator.Rpc.Errors;
using Orchestrator.V1;
using MigrationPhase = Orchestrator.Policy.Lifecycle.MigrationPhase;

namespace Orchestrator.ControlPlane.Schedules;

/// <summary>
/// Begins what schedules begin, through the same doors as callers. Everything can be done twice: the id of what a firing begins follows
/// from the schedule's name and the due time.
/// </summary>
internal sealed class ScheduledWork(
    MigrationAdmission admission, MigrationStore migrations, MigrationWishes wishes, EvacuationPort evacuations, TimeProvider clock)
{
    private static readonly Guid s_space = new("7a9f2d7e-6d0c-4a52-9b7e-0f1a5c3f8d21");

    /// <summary>Stands in where a request has no id of its own yet.</summary>
    private static readonly Guid s_anyId = new("00000000-0000-4000-8000-000000000001");

    public static Guid IdOf(string schedule, DateTimeOffset dueAt) =>
        NameBasedId.Create(s_space, FormattableString.Invariant($"{schedule}\n{dueAt.UtcDateTime:O}"));

    public void Check(ScheduleSpec spec, Violations violations, string path)
    {
        switch (spec.WorkCase)
        {
            case ScheduleSpec.WorkOneofCase.Migration:
                CheckMigration(spec.Migration, violations, $"{path}.migration");
                break;
            case ScheduleSpec.WorkOneofCase.Evacuation:
                evacuations.Check(spec.Evacuation, violations, $"{path}.evacuation");
                break;
            case ScheduleSpec.WorkOneofCase.None:
                violations.Add($"{path}.work", "is missing: give evacuation or migration");
                break;
        }
    }

    public async Task<WorkAnswer> BeginAsync(StoredSchedule schedule, DateTimeOffset dueAt, CancellationToken cancellation)
    {
        var id = IdOf(schedule.Name, dueAt);
        return schedule.Spec.WorkCase switch
        {
            ScheduleSpec.WorkOneofCase.Migration => await StartAsync(id, schedule, cancellation),
            ScheduleSpec.WorkOneofCase.Evacuation =>
                await evacuations.StartAsync(id, schedule.Spec.Evacuation, AskedBy(schedule), cancellation),
            ScheduleSpec.WorkOneofCase.None => WorkAnswer.Refused("The schedule has nothing to begin."),
        };
    }

    /// <summary>Whether a firing began its work after all, though whoever began it did not live to say so.</summary>
    public async Task<bool> HasBegunAsync(StoredSchedule schedule, DateTimeOffset dueAt, CancellationToken cancellation) =>
        schedule.Spec.WorkCase is ScheduleSpec.WorkOneofCase.Evacuation
            ? await evacuations.GoesOnAsync(IdOf(schedule.Name, dueAt), cancellation)
            : await migrations.FindAsync(IdOf(schedule.Name, dueAt), cancellation) is not null;

    public async Task<bool> GoesOnAsync(StoredFiring firing, CancellationToken cancellation) =>
        (firing.EvacuationId is { } evacuation && await evacuations.GoesOnAsync(evacuation, cancellation))
        || (firing.MigrationId is { } migration && await migrations.FindAsync(migration, cancellation) is { HasEnded: false });

    /// <summary>A window has opened again for work that goes on.</summary>
    public Task ReopenAsync(StoredFiring firing, CancellationToken cancellation) =>
        firing.EvacuationId is { } evacuation ? evacuations.ResumeAsync(evacuation, cancellation) : Task.CompletedTask;

    /// <summary>The window has ended: what has not begun is not begun.</summary>
    /// <returns>False when that could not be brought about yet.</returns>
    public async Task<bool> CloseAsync(StoredFiring firing, CancellationToken cancellation)
    {
        var reason = FormattableString.Invariant($"the window of schedule {firing.ScheduleName} ended at {firing.WindowEndsAt:u}");
        if (firing.EvacuationId is { } evacuation)
        {
            await evacuations.PauseAsync(evacuation, reason, cancellation);
            return true;
        }

        if (firing.MigrationId is not { } id
            || await migrations.FindAsync(id, cancellation) is not { Phase: MigrationPhase.Requested or MigrationPhase.Queued })
        {
            return true;
        }

        return (await wishes.CancelAsync(id, reason, cancellation))?.Outcome switch
        {
            WishOutcome.NotAnswered => false,
            _ => true,
        };
    }

    private static string AskedBy(StoredSchedule schedule) =>
        schedule.CreatedBy.Length > 0 ? $"schedule {schedule.Name}, by {schedule.CreatedBy}" : $"schedule {schedule.Name}";

    private static StartMigrationRequest Request(Guid id, StoredSchedule schedule)
    {
        var request = new StartMigrationRequest(schedule.Spec.Migration) { MigrationId = id.ToString() };
        if (request.RequestedBy.Length == 0)
        {
            var asked = AskedBy(schedule);
            request.RequestedBy = asked[..Math.Min(asked.Length, StartMigrationCommand.MaxRequestedByCharacters)];
        }

        return request;
    }

    private void CheckMigration(StartMigrationRequest request, Violations violations, string path)
    {
        if (request.MigrationId.Length > 0)
        {
            violations.Add($"{path}.migration_id", "must be empty: each firing is a migration of its own");
        }

        if (request.NotBefore is not null)
        {
            violations.Add($"{path}.not_before", "must be absent: the schedule says when");
        }

        var complete = new StartMigrationRequest(request) { MigrationId = s_anyId.ToString(), NotBefore = null };
        if (!StartMigrationCommand.TryParse(complete, clock.GetUtcNow(), out _, out var inRequest))
        {
            foreach (var found in inRequest.Found)
            {
                violations.Add($"{path}.{found.Field}", found.Description);
            }
        }
    }

    private async Task<WorkAnswer> StartAsync(Guid id, StoredSchedule schedule, CancellationToken cancellation)
    {
        // It was sound when it was scheduled; a newer release may have become stricter since.
        if (!StartMigrationCommand.TryParse(Request(id, schedule), clock.GetUtcNow(), out var command, out var violations))
        {
            return WorkAnswer.Refused(Refusal.InvalidRequest(violations).Status.Detail);
        }

        var result = await admission.AdmitAsync(command, cancellation);
        return result.Outcome is AdmissionOutcome.Admitted or AdmissionOutcome.AdmittedBefore
            ? new WorkAnswer(FiringOutcome.Started, "") { MigrationId = id }
            : WorkAnswer.Refused(MigrationErrors.Of(result, command).Status.Detail);
    }
}
