using Microsoft.Extensions.Options;
using Quartz;

namespace Orchestrator.ControlPlane.Schedules.Bells;

/// <summary>
/// Bells are hung up once and for all replicas, and one that hangs is left alone at the start of another replica. So a period that was
/// changed in the settings is brought to its bell here.
/// </summary>
internal sealed partial class BellTuning(ISchedulerFactory schedulers, IOptions<BellOptions> options, ILogger<BellTuning> logger) : IHostedService
{
    /// <param name="bell">Which.</param>
    /// <param name="every">From now on.</param>
    public static ITrigger Trigger(Bell bell, TimeSpan every) => TriggerBuilder.Create(TimeProvider.System)
        .ForJob(BellJob.Key)
        .WithIdentity(BellJob.TriggerKey(bell))
        .WithSimpleSchedule(Period(every))
        .Build();

    /// <summary>Misfires: what was missed is not made up for, since a bell says no more rung ten times than once; the next ring comes in time.</summary>
    public static SimpleScheduleBuilder Period(TimeSpan every) => SimpleScheduleBuilder.Create()
        .WithInterval(every).RepeatForever().WithMisfireInstruction(SimpleTriggerMisfireInstruction.NextWithRemainingCount);

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var scheduler = await schedulers.GetScheduler(cancellationToken);
        foreach (var bell in Enum.GetValues<Bell>())
        {
            var every = options.Value.Every(bell);
            if (await scheduler.GetTrigger(BellJob.TriggerKey(bell), cancellationToken) is ISimpleTrigger hanging && hanging.RepeatInterval != every)
            {
                await scheduler.RescheduleJob(BellJob.TriggerKey(bell), Trigger(bell, every), cancellationToken);
                LogTuned(bell, hanging.RepeatInterval, every);
            }
        }
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    [LoggerMessage(1, LogLevel.Information, "Bell {Bell} rings every {Every} now; it was {Before}.")]
    private partial void LogTuned(Bell bell, TimeSpan before, TimeSpan every);
}
