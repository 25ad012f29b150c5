using Google.Protobuf.WellKnownTypes;
using Orchestrator.Agent.V1;
using Orchestrator.Policy.Convergence;
using Orchestrator.Policy.Lifecycle;
using Orchestrator.Policy.Plausibility;

namespace Orchestrator.PolicyMessages;

/// <summary>A report's numbers and the engine's words as policy sees them.</summary>
public static class ReportNumbers
{
    /// <summary>What QEMU's status words mean (qapi/migration.json, MigrationStatus, 7.2 to 11.1). A word newer than that means nothing here.</summary>
    public static TransferActivity Activity(string engineStatus) => engineStatus switch
    {
        "none" or "setup" or "wait-unplug" => TransferActivity.Setup,
        "active" => TransferActivity.Copying,
        "pre-switchover" or "device" or "postcopy-device" => TransferActivity.SwitchingOver,
        "postcopy-active" => TransferActivity.PostCopy,
        "postcopy-paused" => TransferActivity.PostCopyPaused,
        "postcopy-recover-setup" or "postcopy-recover" => TransferActivity.PostCopyRecovering,
        _ => TransferActivity.Unknown,
    };

    /// <returns>Null for a report without numbers: there is nothing to read.</returns>
    public static ReportedNumbers? Of(MigrationReport report)
    {
        if (report.Numbers is not { } numbers)
        {
            return null;
        }

        return new ReportedNumbers
        {
            Sequence = (long)Math.Min(report.Sequence, long.MaxValue),
            Elapsed = Time(report.Elapsed) ?? TimeSpan.Zero,
            Activity = EngineActivityOf(report),
            Pass = numbers.HasPass ? (int)Math.Min(numbers.Pass, int.MaxValue) : null,
            PassesHonest = numbers.PassesHonest,
            FirstPass = numbers.FirstPass,
            RamTotal = numbers.RamTotalBytes,
            RamRemaining = numbers.HasRamRemainingBytes ? numbers.RamRemainingBytes : null,
            Remaining = numbers.HasRemainingBytes ? numbers.RemainingBytes : null,
            Transferred = numbers.HasTransferredBytes ? numbers.TransferredBytes : null,
            Bandwidth = numbers.HasBandwidthBytesPerSecond ? numbers.BandwidthBytesPerSecond : null,
            Cap = numbers.MaxBytesPerSecond,
            SwitchOverBandwidth = numbers.HasSwitchoverBytesPerSecond ? numbers.SwitchoverBytesPerSecond : null,
            DirtyRate = numbers.HasDirtyBytesPerSecond ? numbers.DirtyBytesPerSecond : null,
            Probe = numbers.DirtyProbe is { } probe
                ? new ReportedProbe(Time(probe.Elapsed) ?? TimeSpan.Zero, Time(probe.Interval) ?? TimeSpan.Zero, probe.Bytes)
                : null,
            ExpectedDowntime = Time(numbers.ExpectedDowntime),
            EngineExpectedDowntimeMilliseconds = numbers.HasEngineExpectedDowntimeMs ? numbers.EngineExpectedDowntimeMs : null,
            DowntimeLimit = Time(numbers.DowntimeLimit) ?? TimeSpan.Zero,
            ThrottlePercent = (int)Math.Min(numbers.ThrottlePercent, int.MaxValue),
            GuestRunning = report.RunState is RunState.Running,
            PausedToConverge = report.PausedToConverge,
            Devices =
            [
                .. numbers.Devices.Select(device => new ReportedDevice(
                    device.DeviceId,
                    device.HasPrecopyBytes ? device.PrecopyBytes : null,
                    device.HasStopCopyBytes ? device.StopCopyBytes : null)),
            ],
            Unreadable = [.. numbers.Unreadable],
        };
    }

    /// <summary>In whole microseconds, as the record keeps times (Postgres' interval): a replay sees what was seen.</summary>
    private static TimeSpan? Time(Duration? duration) =>
        duration?.ToTimeSpan() is { } time ? new TimeSpan(time.Ticks - (time.Ticks % TimeSpan.TicksPerMicrosecond)) : null;

    private static EngineActivity EngineActivityOf(MigrationReport report) => report.SessionState switch
    {
        SessionState.Ended or SessionState.Closed => EngineActivity.Ended,
        SessionState.SwitchingOver => EngineActivity.SwitchingOver,
        SessionState.Unspecified or SessionState.Opening or SessionState.Listening => EngineActivity.Setup,
        SessionState.Running => Activity(report.EngineStatus) switch
        {
            TransferActivity.Copying => EngineActivity.PreCopy,
            TransferActivity.SwitchingOver => EngineActivity.SwitchingOver,
            TransferActivity.PostCopy or TransferActivity.PostCopyRecovering => EngineActivity.PostCopy,
            TransferActivity.PostCopyPaused => EngineActivity.PostCopyPaused,
            TransferActivity.Setup or TransferActivity.Unknown => EngineActivity.Setup,
        },
        _ => EngineActivity.Setup,
    };
}
