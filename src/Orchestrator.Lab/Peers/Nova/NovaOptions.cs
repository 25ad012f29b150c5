namespace Orchestrator.Lab.Peers.Nova;

/// <summary>nova.conf, section [libvirt], with its defaults (nova/conf/libvirt.py): of a whole host, never of a guest or a request.</summary>
internal sealed record NovaOptions
{
    /// <summary>live_migration_downtime, milliseconds.</summary>
    public int Downtime { get; init; } = 500;

    /// <summary>live_migration_downtime_steps; one value more than that results.</summary>
    public int DowntimeSteps { get; init; } = 10;

    /// <summary>live_migration_downtime_delay, seconds per GiB and step.</summary>
    public int DowntimeDelay { get; init; } = 75;

    /// <summary>live_migration_completion_timeout, seconds per GiB; 0 = none.</summary>
    public int CompletionTimeout { get; init; } = 800;

    /// <summary>live_migration_timeout_action.</summary>
    public TimeoutAction TimeoutAction { get; init; } = TimeoutAction.Abort;

    /// <summary>live_migration_permit_post_copy.</summary>
    public bool PermitPostCopy { get; init; }
}

internal enum TimeoutAction
{
    Abort,

    /// <summary>Post-copy where permitted, else a pause.</summary>
    ForceComplete,
}
