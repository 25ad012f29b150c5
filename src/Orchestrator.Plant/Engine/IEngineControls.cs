namespace Orchestrator.Plant.Engine;

/// <summary>The knobs of a running engine. Each takes effect as QEMU's does: at once, or at its next 100 ms window.</summary>
public interface IEngineControls
{
    /// <summary>1 ms to 2000 s (QEMU's bounds of downtime-limit).</summary>
    void SetDowntimeLimit(TimeSpan limit);

    /// <param name="bytesPerSecond">0 = no cap.</param>
    void SetMaxBandwidth(long bytesPerSecond);

    /// <param name="bytesPerSecond">0 = the engine estimates. Without effect before QEMU 8.2.</param>
    void SetSwitchOverBandwidth(long bytesPerSecond);

    void SetThrottle(ThrottleKnobs throttle);

    /// <summary>Stops the guest's CPUs.</summary>
    void Pause();

    void Resume();

    /// <returns>False when the engine refuses: the capability is off.</returns>
    bool StartPostCopy();

    /// <summary>Ends the migration; the guest runs on at the source. Without effect in post-copy.</summary>
    void Cancel();
}

/// <summary>QEMU's cpu-throttle-initial, cpu-throttle-increment, max-cpu-throttle and throttle-trigger-threshold, in percent.</summary>
public readonly record struct ThrottleKnobs(int Initial, int Increment, int Max, int TriggerThreshold = 50)
{
    /// <summary>What QEMU does when nobody says anything.</summary>
    public static ThrottleKnobs Usual => new(20, 10, 99);
}

/// <summary>Capabilities and parameters a migration is started with.</summary>
public sealed record EngineSetup
{
    public bool AutoConverge { get; init; }

    /// <summary>Capability postcopy-ram. With a VFIO device the engine then refuses to migrate.</summary>
    public bool PostCopy { get; init; }

    /// <summary>Capability switchover-ack; without effect before QEMU 8.1.</summary>
    public bool SwitchoverAck { get; init; } = true;

    /// <summary>QEMU's own default is 300 ms.</summary>
    public TimeSpan DowntimeLimit { get; init; } = TimeSpan.FromMilliseconds(300);

    /// <summary>0 = no cap. QEMU's own default is 128 MiB/s; libvirt and most others lift it.</summary>
    public long MaxBandwidth { get; init; }

    /// <summary>The same once in post-copy, where QEMU has no cap by default.</summary>
    public long MaxPostCopyBandwidth { get; init; }

    public long SwitchOverBandwidth { get; init; }

    public ThrottleKnobs Throttle { get; init; } = ThrottleKnobs.Usual;
}
