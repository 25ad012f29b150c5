using Orchestrator.Plant.Description;

namespace Orchestrator.Lab.Peers.Nova;

/// <summary>Nova's downtime_steps (nova/virt/libvirt/migration.py): linear, by the clock alone.</summary>
/// <param name="Rungs">Each is in force once more than its time has passed.</param>
internal sealed record DowntimeLadder(IReadOnlyList<(TimeSpan After, TimeSpan Limit)> Rungs)
{
    private const double LeastGibibytes = 2.0;

    /// <summary>
    /// What time is counted by, in GiB: the flavor's memory, at least 2. A device's state is no part of it; disks are not migrated here.
    /// </summary>
    public static double DataSize(GuestDescription guest) => Math.Max(LeastGibibytes, guest.Gibibytes);

    public static DowntimeLadder For(NovaOptions options, double gibibytes)
    {
        var delay = (int)(options.DowntimeDelay * gibibytes);
        var first = options.Downtime / (double)options.DowntimeSteps;
        var step = (options.Downtime - first) / options.DowntimeSteps;
        return new DowntimeLadder(
        [
            .. Enumerable.Range(0, options.DowntimeSteps + 1)
                .Select(index => (TimeSpan.FromSeconds((long)delay * index), TimeSpan.FromMilliseconds((int)(first + (step * index))))),
        ]);
    }

    /// <returns>Null before the first.</returns>
    public TimeSpan? At(TimeSpan elapsed)
    {
        TimeSpan? reached = null;
        foreach (var (after, limit) in Rungs)
        {
            reached = elapsed > after ? limit : reached;
        }

        return reached;
    }
}
