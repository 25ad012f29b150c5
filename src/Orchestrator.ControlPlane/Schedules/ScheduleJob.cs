using Quartz;

namespace Orchestrator.ControlPlane.Schedules;

/// <summary>Says which schedule to look at, and does nothing else. Its triggers: a schedule's own, and one at the end of each window.</summary>
internal sealed class ScheduleJob(ScheduleRings rings) : IJob
{
    public const string ScheduleKey = "schedule";

    public static JobKey Key { get; } = new("look", "schedules");

    public ValueTask Execute(IJobExecutionContext context, CancellationToken cancellationToken = default)
    {
        rings.Ring(context.MergedJobDataMap.GetString(ScheduleKey) ?? "");
        return ValueTask.CompletedTask;
    }
}
