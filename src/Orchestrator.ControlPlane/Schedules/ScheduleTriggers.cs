using Quartz;

namespace Orchestrator.ControlPlane.Schedules;

/// <summary>
/// Keeps Quartz's triggers as our tables say. A trigger only rings; when one is missing, or one too many rings, the sweep and the look that
/// finds nothing due make it good. Hence a failure here is told and not passed on.
/// </summary>
/// <remarks>
/// Misfires: every trigger here rings once, late, for all it missed; whether that is too late is the schedule's own affair, which knows its
/// due times without Quartz.
/// </remarks>
internal sealed partial class ScheduleTriggers(ISchedulerFactory schedulers, TimeProvider clock, ILogger<ScheduleTriggers> logger)
{
    private const string Group = "schedules";

    public Task HangAsync(StoredSchedule schedule, CancellationToken cancellation) => TryAsync(
        schedule.Name,
        async scheduler =>
        {
            if (!schedule.Paused && schedule.NextDueAt is { } due)
            {
                await scheduler.ScheduleTrigger(Trigger(schedule, due), TriggerConflict.Replace, cancellation);
            }
        },
        cancellation);

    public Task TakeDownAsync(string name, CancellationToken cancellation) => TryAsync(
        name, async scheduler => await scheduler.UnscheduleJob(new TriggerKey(name, Group), cancellation), cancellation);

    /// <returns>Names of the schedules that have a trigger; null when Quartz does not say.</returns>
    public async Task<IReadOnlySet<string>?> ListAsync(CancellationToken cancellation)
    {
        IReadOnlySet<string>? names = null;
        await TryAsync(
            "*",
            async scheduler =>
            {
                var query = new TriggerQuery { Group = GroupMatcher<TriggerKey>.GroupEquals(Group), Take = PagedQuery.All };
                names = (await scheduler.QueryTriggers(query, cancellation)).Items.Select(trigger => trigger.Key.Name)
                    .ToHashSet(StringComparer.Ordinal);
            },
            cancellation);
        return names;
    }

    private ITrigger Trigger(StoredSchedule schedule, DateTimeOffset due)
    {
        var terms = ScheduleSpecParser.ParseStored(schedule.Spec);
        var trigger = TriggerBuilder.Create(clock)
            .ForJob(ScheduleJob.Key).WithIdentity(schedule.Name, Group).UsingJobData(ScheduleJob.ScheduleKey, schedule.Name);
        return terms.Cron is { } cron
            ? trigger.WithCronSchedule(
                cron, when => when.InTimeZone(cron.TimeZone).WithMisfireInstruction(CronTriggerMisfireInstruction.FireAndProceed)).Build()
            : trigger
                .StartAt(due)
                .WithSimpleSchedule(once => once.WithRepeatCount(0).WithMisfireInstruction(SimpleTriggerMisfireInstruction.FireNow))
                .Build();
    }

    private async Task TryAsync(string schedule, Func<IScheduler, Task> change, CancellationToken cancellation)
    {
        try
        {
            await change(await schedulers.GetScheduler(cancellation));
        }
        catch (Exception failure) when (failure is SchedulerException or InvalidOperationException)
        {
            LogNotHung(schedule, failure);
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "The trigger of schedule {Schedule} could not be brought up to date; the sweep fires it instead.")]
    private partial void LogNotHung(string schedule, Exception failure);
}
