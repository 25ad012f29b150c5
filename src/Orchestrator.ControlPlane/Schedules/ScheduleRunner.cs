using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Schedules;

/// <summary>
/// Looks what is due and does it. To look too often, twice, or on several replicas at once changes nothing: each step of a schedule is
/// taken by one, and what a step begins can be begun again.
/// </summary>
internal sealed partial class ScheduleRunner(
    ScheduleStore schedules, FiringStore firings, ScheduledWork work, TimeProvider clock, ILogger<ScheduleRunner> logger)
{
    // To begin something is a few statements; whoever has not done it by then is dead or cut off.
    internal static readonly TimeSpan ClaimHolds = TimeSpan.FromSeconds(15);

    private const int Page = 1000;

    /// <summary>At one schedule and the windows that have ended.</summary>
    public async Task LookAsync(string name, CancellationToken cancellation)
    {
        while (await schedules.FindAsync(name, cancellation) is { } schedule && schedule.IsDue(clock.GetUtcNow()))
        {
            await StepAsync(schedule, cancellation);
        }

        await CloseWindowsAsync(cancellation);
    }

    /// <summary>At all: what is due, what was begun and not finished, which windows have ended.</summary>
    public async Task SweepAsync(CancellationToken cancellation)
    {
        foreach (var schedule in await schedules.ListDueAsync(clock.GetUtcNow(), Page, cancellation))
        {
            try
            {
                await StepAsync(schedule, cancellation);
            }
            catch (InvalidOperationException unreadable)
            {
                // It must not keep the others from firing.
                LogUnreadable(schedule.Name, unreadable.Message);
            }
        }

        var claim = Claim();
        foreach (var firing in await firings.AdoptAsync(clock.GetUtcNow(), claim, cancellation))
        {
            LogAdopted(firing.ScheduleName, firing.DueAt);
            if (await schedules.FindAsync(firing.ScheduleName, cancellation) is { } schedule)
            {
                await FinishAsync(schedule, firing, claim, cancellation);
            }
        }

        await CloseWindowsAsync(cancellation);
    }

    private FiringClaim Claim() => new(Guid.NewGuid(), clock.GetUtcNow() + ClaimHolds);

    private async Task StepAsync(StoredSchedule schedule, CancellationToken cancellation)
    {
        var now = clock.GetUtcNow();
        if (schedule.NextDueAt is not { } due || due > now)
        {
            return;
        }

        var terms = ScheduleSpecParser.ParseStored(schedule.Spec);
        var step = terms.Step(due, now);
        var claim = Claim();
        foreach (var firing in await firings.TakeAsync(schedule, step.Next, [.. Word(schedule, terms, step, now)], claim, cancellation))
        {
            await BeginAsync(schedule, firing, claim, cancellation);
        }
    }

    private static IEnumerable<StoredFiring> Word(StoredSchedule schedule, ScheduleTerms terms, ScheduleStep step, DateTimeOffset now)
    {
        if (step.Missed is { } missed)
        {
            yield return new StoredFiring(schedule.Name, missed.Last, now)
            {
                Outcome = FiringOutcome.Missed,
                Message = FormattableString.Invariant(
                    $"{missed.Count?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "Very many"} missed from {missed.First:u} on, and more than {terms.MisfireGrace} ago when a replica looked at {now:u}."),
            };
        }

        if (step.Fires is { } due)
        {
            var firing = new StoredFiring(schedule.Name, due, now) { WindowEndsAt = due + terms.Window };
            yield return firing.WindowEndsAt <= now
                ? firing with { Outcome = FiringOutcome.Missed, Message = FormattableString.Invariant($"Its window had ended when a replica looked at {now:u}.") }
                : (terms.BlackoutAt(due) ?? terms.BlackoutAt(now)) is { } blackout
                    ? firing with { Outcome = FiringOutcome.BlackedOut, Message = $"In the blackout {blackout}." }
                    : firing with
                    {
                        Message = step.MadeUpFor > 1
                            ? FormattableString.Invariant($"Stands for {step.MadeUpFor} firings that were missed.")
                            : "",
                    };
        }
    }

    /// <summary>Of a firing that somebody else had begun: it may have gone unheard for longer than it may be late.</summary>
    private async Task FinishAsync(StoredSchedule schedule, StoredFiring firing, FiringClaim claim, CancellationToken cancellation)
    {
        var now = clock.GetUtcNow();
        var terms = ScheduleSpecParser.ParseStored(schedule.Spec);
        var late = now - firing.DueAt > terms.MisfireGrace + ClaimHolds || firing.WindowEndsAt <= now;
        if (late && !await work.HasBegunAsync(schedule, firing.DueAt, cancellation))
        {
            var missed = firing with
            {
                Outcome = FiringOutcome.Missed,
                Message = FormattableString.Invariant($"The replica that fired it went away, and it was too late when another looked at {now:u}."),
            };
            await firings.FinishAsync(missed, claim, cancellation);
            return;
        }

        await BeginAsync(schedule, firing, claim, cancellation);
    }

    private async Task BeginAsync(StoredSchedule schedule, StoredFiring firing, FiringClaim claim, CancellationToken cancellation)
    {
        var answer = await BeginAsync(schedule, firing, cancellation);
        var finished = firing with
        {
            Outcome = answer.Outcome,
            Message = string.Join(' ', new[] { firing.Message, answer.Message }.Where(text => text.Length > 0)),
            EvacuationId = answer.EvacuationId,
            MigrationId = answer.MigrationId,
        };
        await firings.FinishAsync(finished, claim, cancellation);
        LogFired(schedule.Name, firing.DueAt, finished.Outcome, finished.Message);
    }

    private async Task<WorkAnswer> BeginAsync(StoredSchedule schedule, StoredFiring firing, CancellationToken cancellation)
    {
        var before = await firings.FindBegunBeforeAsync(firing, cancellation);
        if (before is null || !await work.GoesOnAsync(before, cancellation))
        {
            return await work.BeginAsync(schedule, firing.DueAt, cancellation);
        }

        await work.ReopenAsync(before, cancellation);
        return new WorkAnswer(FiringOutcome.StillRunning, FormattableString.Invariant($"The one begun for {before.DueAt:u} goes on."))
        {
            EvacuationId = before.EvacuationId,
            MigrationId = before.MigrationId,
        };
    }

    private async Task CloseWindowsAsync(CancellationToken cancellation)
    {
        foreach (var firing in await firings.ListEndedWindowsAsync(clock.GetUtcNow(), cancellation))
        {
            if (await work.CloseAsync(firing, cancellation))
            {
                await firings.CloseWindowAsync(firing, cancellation);
                LogWindowClosed(firing.ScheduleName, firing.DueAt);
            }
        }
    }

    [LoggerMessage(1, LogLevel.Information, "Schedule {Name} fired for {DueAt}: {Outcome}. {Text}")]
    private partial void LogFired(string name, DateTimeOffset dueAt, FiringOutcome outcome, string text);

    [LoggerMessage(2, LogLevel.Warning, "Schedule {Name} was fired for {DueAt} by a replica that did not finish; taken over.")]
    private partial void LogAdopted(string name, DateTimeOffset dueAt);

    [LoggerMessage(4, LogLevel.Error, "Schedule {Name} cannot be fired: {Problem}.")]
    private partial void LogUnreadable(string name, string problem);

    [LoggerMessage(3, LogLevel.Information, "The window that schedule {Name} opened for {DueAt} is closed.")]
    private partial void LogWindowClosed(string name, DateTimeOffset dueAt);
}
