namespace Orchestrator.Policy.Lifecycle;

/// <summary>What is known of one side's session: the agent's latest word. Null stands for "not heard yet".</summary>
public sealed record SideView
{
    /// <summary>The agent was asked and has no such session.</summary>
    public static SideView Absent { get; } = new() { IsKnown = false };

    /// <summary>False when the agent answered that it has no such session; nothing else means anything then.</summary>
    public bool IsKnown { get; init; } = true;

    public SessionStanding Session { get; init; }

    /// <summary>Set from <see cref="SessionStanding.Ended"/> on.</summary>
    public SessionEnding? Ending { get; init; }

    public TransferActivity Activity { get; init; }

    public GuestRunState RunState { get; init; }

    /// <summary>The guest's run state when the session opened.</summary>
    public bool WasRunning { get; init; }

    /// <summary>Target: the guest has run here since it arrived.</summary>
    public bool HasRun { get; init; }

    /// <summary>What the engine says about an error; empty without one.</summary>
    public string Words { get; init; } = "";

    /// <summary>The guest is, or may be, on the target while pages are still missing there.</summary>
    public bool IsInPostCopy => IsKnown && !IsOver
        && Activity is TransferActivity.PostCopy or TransferActivity.PostCopyPaused or TransferActivity.PostCopyRecovering;

    public bool IsOver => IsKnown && Session is SessionStanding.Ended or SessionStanding.Closed;
}

/// <summary>As SessionState in agent.proto.</summary>
public enum SessionStanding
{
    Unknown,
    Opening,
    Listening,
    Running,
    SwitchingOver,
    Ended,
    Closed,
}

/// <summary>As SessionOutcome in agent.proto.</summary>
public enum SessionEnding
{
    Completed,
    Failed,
    Cancelled,
    EngineLost,
}

/// <summary>What the engine's own status word means for the migration's life.</summary>
public enum TransferActivity
{
    /// <summary>No word yet, a word of the end, or one newer than us: something goes on, nobody here knows what.</summary>
    Unknown,
    Setup,
    Copying,
    SwitchingOver,
    PostCopy,
    PostCopyPaused,
    PostCopyRecovering,
}

/// <summary>As RunState in agent.proto.</summary>
public enum GuestRunState
{
    Unknown,
    Running,
    Paused,
    InMigrate,
    FinishMigrate,
    PostMigrate,
    Shutdown,
    Error,
    Gone,
}
