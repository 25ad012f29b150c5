using Orchestrator.Agent.V1;
using Orchestrator.HostAgent.Service;
using Orchestrator.Qmp;

namespace Orchestrator.HostAgent.Migrations;

/// <summary>Our terms in QEMU's capabilities and parameters (qapi/migration.json). Pure.</summary>
internal static class EngineTerms
{
    /// <summary>
    /// Throttling as good as off: QEMU lets auto-converge be switched only before a migration, so it is on wherever it may be wanted, and
    /// held at 1 % of a vCPU until it is. The threshold asks for more dirtied than sent, which a pass over a working set does not reach, so
    /// that mostly not even that 1 % comes.
    /// </summary>
    private static readonly ThrottleBounds s_idle = new() { InitialPercent = 1, IncrementPercent = 1, MaxPercent = 1 };

    private const int IdleThreshold = 100;

    /// <summary>QEMU's default of throttle-trigger-threshold.</summary>
    private const int WantedThreshold = 50;

    /// <summary>Both sides must have the same, except for what only a source acts on.</summary>
    /// <exception cref="AgentRefusedException">The engine lacks what the terms ask for.</exception>
    public static IReadOnlyDictionary<string, bool> Capabilities(TransferTerms terms, QemuMonitor monitor, SessionRole role)
    {
        if (terms.SwitchoverAck && !monitor.Features.SwitchoverAck)
        {
            throw AgentErrors.CapabilityMissing("switchover-ack", $"QEMU {monitor.Greeting.Version} has no switchover-ack (8.1).");
        }

        // A free-page hint comes from a balloon device, and our machines have none, so that term has nothing to switch.
        Dictionary<string, bool> capabilities = new(StringComparer.Ordinal)
        {
            ["events"] = true,
            ["return-path"] = true,
            ["postcopy-ram"] = terms.PostCopyPossible,
        };
        if (monitor.Features.SwitchoverAck)
        {
            capabilities["switchover-ack"] = terms.SwitchoverAck;
        }

        if (role == SessionRole.Source)
        {
            capabilities["pause-before-switchover"] = true;
            capabilities["auto-converge"] = terms.ThrottlePossible;
        }

        return capabilities;
    }

    public static MigrationParameters Parameters(StartSource start, QemuFeatures features) => new()
    {
        DowntimeLimitMilliseconds = DowntimeLimit(start.DowntimeLimit.ToTimeSpan()),

        // 0 lifts QEMU's cap of 128 MiB/s.
        MaxBandwidthBytesPerSecond = start.MaxBytesPerSecond,
        MaxPostcopyBandwidthBytesPerSecond = start.PostCopyBytesPerSecond,
        AvailSwitchoverBandwidthBytesPerSecond = features.AvailSwitchoverBandwidth ? start.SwitchoverBytesPerSecond : null,
        CpuThrottleInitialPercent = start.Terms.ThrottlePossible ? (int)s_idle.InitialPercent : null,
        CpuThrottleIncrementPercent = start.Terms.ThrottlePossible ? (int)s_idle.IncrementPercent : null,
        MaxCpuThrottlePercent = start.Terms.ThrottlePossible ? (int)s_idle.MaxPercent : null,
        ThrottleTriggerThresholdPercent = start.Terms.ThrottlePossible ? IdleThreshold : null,
    };

    /// <param name="throttled">What the engine throttles at now.</param>
    public static MigrationParameters Parameters(AdjustSource adjust, QemuFeatures features, int throttled) => new()
    {
        DowntimeLimitMilliseconds = adjust.DowntimeLimit is { } limit ? DowntimeLimit(limit.ToTimeSpan()) : null,
        MaxBandwidthBytesPerSecond = adjust.HasMaxBytesPerSecond ? adjust.MaxBytesPerSecond : null,
        AvailSwitchoverBandwidthBytesPerSecond =
            adjust.HasSwitchoverBytesPerSecond && features.AvailSwitchoverBandwidth ? adjust.SwitchoverBytesPerSecond : null,
        CpuThrottleInitialPercent = (int?)adjust.Throttle?.InitialPercent,
        CpuThrottleIncrementPercent = adjust.Throttle is { } bounds ? Increment(bounds, throttled) : null,
        MaxCpuThrottlePercent = (int?)adjust.Throttle?.MaxPercent,
        ThrottleTriggerThresholdPercent = adjust.Throttle is null ? null : WantedThreshold,
    };

    /// <summary>
    /// QEMU looks at cpu-throttle-initial only when it begins to throttle. Where the idle 1 % has come already, the first step has to do
    /// what the initial value would have done; the real increment follows once that is reached.
    /// </summary>
    public static int Increment(ThrottleBounds bounds, int throttled) =>
        throttled > 0 && throttled < bounds.InitialPercent ? (int)bounds.InitialPercent - throttled : (int)bounds.IncrementPercent;

    /// <summary>
    /// Whole milliseconds, never above what was asked for, except that 0 is no limit to give: some versions then switch over on an estimate
    /// (<see cref="QemuFeatures.SwitchesOverOnEstimate"/>).
    /// </summary>
    private static int DowntimeLimit(TimeSpan limit) => Math.Max(1, (int)limit.TotalMilliseconds);
}
