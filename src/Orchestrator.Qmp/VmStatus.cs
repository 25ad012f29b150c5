namespace Orchestrator.Qmp;

/// <summary>QEMU's RunState (qapi/run-state.json).</summary>
public enum RunState
{
    /// <summary>A state this list does not have.</summary>
    Unknown,
    Debug,

    /// <summary>Waiting for, or receiving, an incoming migration.</summary>
    InMigrate,
    InternalError,
    IoError,
    Paused,

    /// <summary>Migrated away, successfully. Continuing here would run a second copy of the guest.</summary>
    PostMigrate,

    /// <summary>Started with -S and not continued yet.</summary>
    PreLaunch,

    /// <summary>Stopped for the switchover.</summary>
    FinishMigrate,
    RestoreVm,
    Running,
    SaveVm,
    Shutdown,
    Suspended,
    Watchdog,
    GuestPanicked,
    Colo,
}

/// <summary>Reply of <c>query-status</c>.</summary>
/// <param name="StateText">QEMU's own word, for a state that is <see cref="RunState.Unknown"/>.</param>
/// <param name="Running">The vCPUs run.</param>
public sealed record VmStatus(RunState State, string StateText, bool Running)
{
    internal static VmStatus Parse(ReplyReader reply)
    {
        var text = reply.Text("status") ?? "";
        return new VmStatus(ParseState(text), text, reply.Flag("running") ?? false);
    }

    internal static RunState ParseState(string text) => text switch
    {
        "debug" => RunState.Debug,
        "inmigrate" => RunState.InMigrate,
        "internal-error" => RunState.InternalError,
        "io-error" => RunState.IoError,
        "paused" => RunState.Paused,
        "postmigrate" => RunState.PostMigrate,
        "prelaunch" => RunState.PreLaunch,
        "finish-migrate" => RunState.FinishMigrate,
        "restore-vm" => RunState.RestoreVm,
        "running" => RunState.Running,
        "save-vm" => RunState.SaveVm,
        "shutdown" => RunState.Shutdown,
        "suspended" => RunState.Suspended,
        "watchdog" => RunState.Watchdog,
        "guest-panicked" => RunState.GuestPanicked,
        "colo" => RunState.Colo,
        _ => RunState.Unknown,
    };
}
