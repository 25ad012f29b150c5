using Orchestrator.Qmp;
using QemuState = Orchestrator.Qmp.RunState;
using RunState = Orchestrator.Agent.V1.RunState;

namespace Orchestrator.HostAgent.Guests;

/// <summary>A guest's run state in our words and in the engine's.</summary>
/// <param name="Text">The engine's own word; empty before it said any.</param>
internal sealed record GuestRunState(RunState State, string Text)
{
    /// <summary>Not asked yet.</summary>
    public static readonly GuestRunState Unknown = new(RunState.Unspecified, "");

    public static readonly GuestRunState Gone = new(RunState.Gone, "");

    /// <summary>It powered itself off, and its process ended after that.</summary>
    public static readonly GuestRunState PoweredOff = new(RunState.Shutdown, "shutdown");

    public bool ProcessEnded => this == Gone || this == PoweredOff;

    /// <summary>Suspended to RAM it sleeps, but is on: QEMU moves it as it is.</summary>
    public bool IsLive => State == RunState.Running || Text == "suspended";

    public static GuestRunState From(VmStatus status) => new(
        status.State switch
        {
            QemuState.Running => RunState.Running,
            QemuState.Paused or QemuState.PreLaunch => RunState.Paused,
            QemuState.InMigrate => RunState.Inmigrate,
            QemuState.FinishMigrate => RunState.FinishMigrate,
            QemuState.PostMigrate => RunState.Postmigrate,
            QemuState.Shutdown => RunState.Shutdown,
            QemuState.InternalError or QemuState.IoError or QemuState.GuestPanicked or QemuState.Watchdog => RunState.Error,
            QemuState.Debug or QemuState.RestoreVm or QemuState.SaveVm or QemuState.Suspended or QemuState.Colo or QemuState.Unknown
                => RunState.Other,
        },
        status.StateText);
}
