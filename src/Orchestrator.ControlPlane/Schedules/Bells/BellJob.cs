using Quartz;

namespace Orchestrator.ControlPlane.Schedules.Bells;

/// <summary>Rings the bell that its trigger is named after, and does nothing else.</summary>
internal sealed class BellJob(Bells bells) : IJob
{
    public const string Group = "bells";

    public static JobKey Key { get; } = new("bell", Group);

    public static TriggerKey TriggerKey(Bell bell) => new(bell.ToString(), Group);

    public ValueTask Execute(IJobExecutionContext context, CancellationToken cancellationToken = default)
    {
        // A newer release on the same database may have hung up a bell that this one does not know.
        if (Enum.TryParse<Bell>(context.Trigger.Key.Name, out var bell))
        {
            bells.Ring(bell);
        }

        return ValueTask.CompletedTask;
    }
}
