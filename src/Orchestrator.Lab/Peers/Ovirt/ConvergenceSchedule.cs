namespace Orchestrator.Lab.Peers.Ovirt;

/// <summary>What oVirt's engine sends to vdsm with a migration (ConvergenceSchedule in vdsm-api.yml).</summary>
/// <param name="InitialDowntime">In force from the start.</param>
/// <param name="Stalling">In order; each fires once, and only when all before it have.</param>
internal sealed record ConvergenceSchedule(TimeSpan InitialDowntime, IReadOnlyList<StallingItem> Stalling)
{
    public bool HasPostCopy => Stalling.Any(item => item.Action is ScheduledAction.PostCopy);

    /// <summary>Milliseconds and pass limits as the shipped policies write them; the last items have the limit -1.</summary>
    public static ConvergenceSchedule Of(
        int initialMilliseconds, IEnumerable<(int Limit, int Milliseconds)> steps, params IEnumerable<ScheduledAction> last) =>
        new(
            TimeSpan.FromMilliseconds(initialMilliseconds),
            [
                .. steps.Select(step => new StallingItem(step.Limit, ScheduledAction.Downtime(step.Milliseconds))),
                .. last.Select(action => new StallingItem(-1, action)),
            ]);

    public ConvergenceSchedule WithoutPostCopy() =>
        this with { Stalling = [.. Stalling.Where(item => item.Action is not ScheduledAction.PostCopy)] };
}

/// <param name="Limit">Passes since the first poll that have to be exceeded; vdsm's schema calls it a time, its code compares passes.</param>
internal sealed record StallingItem(int Limit, ScheduledAction Action);

internal abstract record ScheduledAction
{
    private ScheduledAction()
    {
    }

    public static ScheduledAction Downtime(int milliseconds) => new SetDowntime(TimeSpan.FromMilliseconds(milliseconds));

    public sealed record SetDowntime(TimeSpan Limit) : ScheduledAction;

    public sealed record PostCopy : ScheduledAction;

    public sealed record Abort : ScheduledAction;
}
