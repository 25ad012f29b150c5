using Orchestrator.Agent.V1;
using Orchestrator.Policy.Convergence;
using Orchestrator.Policy.Lifecycle;
using Orchestrator.Policy.Plausibility;

namespace Orchestrator.ControlPlane.Migrations.Supervision;

/// <summary>Translates what agents say into what policy sees.</summary>
internal static class ReportView
{
    public static SideView View(MigrationReport report) => new()
    {
        Session = Session(report.SessionState),
        Ending = Ending(report.Outcome),
        Activity = Activity(report.EngineStatus),
        RunState = RunStateOf(report.RunState),
        WasRunning = report.WasRunning,
        HasRun = report.Role is SessionRole.Target && report.ResumedAt is not null,
        Words = Words.Clean(report.ErrorDescription),
    };

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
    public static ReportedNumbers? Numbers(MigrationReport report)
    {
        if (report.Numbers is not { } numbers)
        {
            return null;
        }

        return new ReportedNumbers
        {
            Sequence = (long)Math.Min(report.Sequence, long.MaxValue),
            Elapsed = report.Elapsed?.ToTimeSpan() ?? TimeSpan.Zero,
            Activity = EngineActivityOf(report),
            Pass = numbers.HasPass ? (int)Math.Min(numbers.Pass, int.MaxValue) : null,
            PassesHonest = numbers.PassesHonest,
            FirstPass = numbers.FirstPass,
            RamTotal = numbers.RamTotalBytes,
            RamRemaining = numbers.HasRamRemainingBytes ? numbers.RamRemainingBytes : null,
            Remaining = numbers.HasRemainingBytes ? numbers.RemainingBytes : null,
            Transferred = numbers.HasTransferredBytes ? numbers.TransferredBytes : null,
            Bandwidth = numbers.HasBandwidthBytesPerSecond ? numbers.BandwidthBytesPerSecond : null,
            SwitchOverBandwidth = numbers.HasSwitchoverBytesPerSecond ? numbers.SwitchoverBytesPerSecond : null,
            DirtyRate = numbers.HasDirtyBytesPerSecond ? numbers.DirtyBytesPerSecond : null,
            ExpectedDowntime = numbers.ExpectedDowntime?.ToTimeSpan(),
            EngineExpectedDowntimeMilliseconds = numbers.HasEngineExpectedDowntimeMs ? numbers.EngineExpectedDowntimeMs : null,
            DowntimeLimit = numbers.DowntimeLimit?.ToTimeSpan() ?? TimeSpan.Zero,
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
            Unreadable = [.. numbers.Unreadable.Select(Words.Clean)],
        };
    }

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

    private static SessionStanding Session(SessionState state) => state switch
    {
        SessionState.Unspecified => SessionStanding.Unknown,
        SessionState.Opening => SessionStanding.Opening,
        SessionState.Listening => SessionStanding.Listening,
        SessionState.Running => SessionStanding.Running,
        SessionState.SwitchingOver => SessionStanding.SwitchingOver,
        SessionState.Ended => SessionStanding.Ended,
        SessionState.Closed => SessionStanding.Closed,

        // An agent newer than this control plane: nothing is decided on a word that nobody here knows.
        _ => SessionStanding.Unknown,
    };

    private static SessionEnding? Ending(SessionOutcome outcome) => outcome switch
    {
        SessionOutcome.Completed => SessionEnding.Completed,
        SessionOutcome.Failed => SessionEnding.Failed,
        SessionOutcome.Cancelled => SessionEnding.Cancelled,
        SessionOutcome.EngineLost => SessionEnding.EngineLost,
        _ => null,
    };

    private static GuestRunState RunStateOf(RunState state) => state switch
    {
        RunState.Running => GuestRunState.Running,
        RunState.Paused => GuestRunState.Paused,
        RunState.Inmigrate => GuestRunState.InMigrate,
        RunState.FinishMigrate => GuestRunState.FinishMigrate,
        RunState.Postmigrate => GuestRunState.PostMigrate,
        RunState.Shutdown => GuestRunState.Shutdown,
        RunState.Error => GuestRunState.Error,
        RunState.Gone => GuestRunState.Gone,
        _ => GuestRunState.Unknown,
    };
}
