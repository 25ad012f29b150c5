namespace Orchestrator.Lab.Peers.KubeVirt;

/// <summary>KubeVirt's MigrationConfiguration with its defaults (pkg/virt-config/virt-config.go).</summary>
internal sealed record KubeVirtOptions
{
    /// <summary>How often the monitor looks (monitorSleepPeriodMS).</summary>
    public static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(400);

    /// <summary>QEMU takes no longer downtime-limit (QEMUMaxMigrationDowntimeMS).</summary>
    public const long LongestDowntimeMilliseconds = 2_000_000;

    private const double Gigabyte = 1e9;

    private readonly bool? _allowWorkloadDisruption;

    /// <summary>completionTimeoutPerGiB, seconds; 0 = none.</summary>
    public long CompletionTimeoutPerGigabyte { get; init; } = 150;

    /// <summary>Seconds; 0 = none.</summary>
    public long ProgressTimeout { get; init; } = 150;

    public long MaxDowntimeMilliseconds { get; init; } = 900;

    public bool AllowPostCopy { get; init; }

    /// <summary>Follows <see cref="AllowPostCopy"/> where nobody sets it.</summary>
    public bool AllowWorkloadDisruption
    {
        get => _allowWorkloadDisruption ?? AllowPostCopy;
        init => _allowWorkloadDisruption = value;
    }

    /// <summary>Seconds by which the migration has to be over. In decimal gigabytes rounded up, despite the setting's name.</summary>
    public long AcceptableCompletionTime(long bytes) => CompletionTimeoutPerGigabyte * (long)Math.Ceiling(bytes / Gigabyte);
}

/// <summary>migrationState.mode, once a migration is running.</summary>
internal enum MigrationMode
{
    PreCopy,
    Paused,
    PostCopy,
}
