namespace Orchestrator.Lab.Peers.Ovirt;

/// <summary>The policies that oVirt's engine is shipped with. Compression is left out: the engine's model has none.</summary>
internal static class ShippedPolicies
{
    private static readonly (int Limit, int Milliseconds)[] s_toHalfASecond = [(1, 150), (2, 200), (3, 300), (4, 400), (6, 500)];

    public static OvirtPolicy MinimalDowntime { get; } =
        new(2, AutoConverge: true, ConvergenceSchedule.Of(100, s_toHalfASecond, new ScheduledAction.Abort()));

    /// <summary>Suspends nothing, for all its name: one last step of five seconds.</summary>
    public static OvirtPolicy SuspendWorkload { get; } = new(
        1, AutoConverge: true, ConvergenceSchedule.Of(100, s_toHalfASecond, ScheduledAction.Downtime(5000), new ScheduledAction.Abort()));

    public static OvirtPolicy PostCopy { get; } = new(
        2,
        AutoConverge: true,
        ConvergenceSchedule.Of(100, [(1, 150), (2, 200)], new ScheduledAction.PostCopy(), new ScheduledAction.Abort()));

    /// <summary>Zero-copy, which asks for parallel connections.</summary>
    public static OvirtPolicy VeryLargeVms { get; } = new(
        1,
        AutoConverge: true,
        ConvergenceSchedule.Of(
            300, [(1, 400), (2, 500), (3, 700), (4, 1000), (6, 1500)], ScheduledAction.Downtime(5000), new ScheduledAction.Abort()))
    {
        ParallelConnections = true,
    };

    /// <summary>No schedule from the engine, so vdsm makes its own; auto-converge is then the cluster's flag, which is off by default.</summary>
    public static OvirtPolicy Legacy { get; } =
        new(2, AutoConverge: false, LegacySchedule.For(LegacySchedule.Downtime, LegacySchedule.Steps));
}
