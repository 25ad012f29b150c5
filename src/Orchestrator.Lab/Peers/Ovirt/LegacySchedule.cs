namespace Orchestrator.Lab.Peers.Ovirt;

/// <summary>What vdsm does for itself when the engine sends no schedule (_legacy_convergence_schedule, exponential_downtime).</summary>
internal static class LegacySchedule
{
    /// <summary>migration_downtime, milliseconds.</summary>
    public const int Downtime = 500;

    /// <summary>migration_downtime_steps.</summary>
    public const int Steps = 5;

    // Long after the ladder's top, the same value once more: time to converge before the abort.
    private const int PatienceAtTheTop = 42;

    public static ConvergenceSchedule For(int downtime, int steps)
    {
        var values = ExponentialDowntime(downtime, steps);
        return ConvergenceSchedule.Of(
            values[0],
            values.Skip(1).Select((value, index) => (index + 1, value)).Append((PatienceAtTheTop, values[^1])),
            new ScheduledAction.Abort());
    }

    /// <summary>int(offset + base^i) with offset = D / steps and base = (D - offset)^(1 / (steps - 1)), milliseconds.</summary>
    public static IReadOnlyList<int> ExponentialDowntime(int downtime, int steps)
    {
        var offset = downtime / (double)steps;
        var root = Math.Pow(downtime - offset, 1.0 / (steps - 1));
        return [.. Enumerable.Range(0, steps).Select(index => (int)(offset + Math.Pow(root, index)))];
    }
}
