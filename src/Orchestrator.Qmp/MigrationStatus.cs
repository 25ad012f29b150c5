namespace Orchestrator.Qmp;

/// <summary>QEMU's MigrationStatus (qapi/migration.json), each with the release it came with where that is later than 4.0.</summary>
public enum MigrationStatus
{
    /// <summary>Nothing has been migrated on this side yet; QEMU then leaves the status out.</summary>
    None,
    Setup,
    Cancelling,
    Cancelled,
    Active,

    /// <summary>The device state is being loaded on the destination (10.2).</summary>
    PostcopyDevice,
    PostcopyActive,

    /// <summary>The link broke in postcopy. Neither side alone has the whole guest; waits without limit for recovery.</summary>
    PostcopyPaused,

    /// <summary>Connecting again for a recovery (9.1).</summary>
    PostcopyRecoverSetup,
    PostcopyRecover,
    Completed,

    /// <summary>On the way to <see cref="Failed"/> (11.0).</summary>
    Failing,
    Failed,
    Colo,

    /// <summary>Guest stopped, waiting without limit for migrate-continue or migrate_cancel.</summary>
    PreSwitchover,

    /// <summary>Guest stopped, last state on its way. Up to 9.2 only seen with pause-before-switchover.</summary>
    Device,

    /// <summary>The guest is asked to give up its passthrough network card (net failover).</summary>
    WaitUnplug,

    /// <summary>A status this list does not have. To be taken as running.</summary>
    Unknown,
}

public static class MigrationStatuses
{
    /// <param name="text">QEMU's word; null where QEMU left it out.</param>
    public static MigrationStatus Parse(string? text) => text switch
    {
        null or "none" => MigrationStatus.None,
        "setup" => MigrationStatus.Setup,
        "cancelling" => MigrationStatus.Cancelling,
        "cancelled" => MigrationStatus.Cancelled,
        "active" => MigrationStatus.Active,
        "postcopy-device" => MigrationStatus.PostcopyDevice,
        "postcopy-active" => MigrationStatus.PostcopyActive,
        "postcopy-paused" => MigrationStatus.PostcopyPaused,
        "postcopy-recover-setup" => MigrationStatus.PostcopyRecoverSetup,
        "postcopy-recover" => MigrationStatus.PostcopyRecover,
        "completed" => MigrationStatus.Completed,
        "failing" => MigrationStatus.Failing,
        "failed" => MigrationStatus.Failed,
        "colo" => MigrationStatus.Colo,
        "pre-switchover" => MigrationStatus.PreSwitchover,
        "device" => MigrationStatus.Device,
        "wait-unplug" => MigrationStatus.WaitUnplug,
        _ => MigrationStatus.Unknown,
    };

    extension(MigrationStatus status)
    {
        /// <summary>It ended, one way or the other; another one may be started.</summary>
        public bool IsTerminal => status is MigrationStatus.Completed or MigrationStatus.Failed or MigrationStatus.Cancelled;

        /// <summary>Under way, an unknown status included.</summary>
        public bool IsRunning => status is not MigrationStatus.None && !status.IsTerminal;

        /// <summary>
        /// Past the point of no return: the guest runs, or is about to, on the destination with its memory on both sides.
        /// A cancel is refused (10.0 and later) or destroys the guest (before).
        /// </summary>
        public bool IsPostcopy => status is MigrationStatus.PostcopyDevice or MigrationStatus.PostcopyActive
            or MigrationStatus.PostcopyPaused or MigrationStatus.PostcopyRecoverSetup or MigrationStatus.PostcopyRecover;
    }
}
