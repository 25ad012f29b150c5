namespace Orchestrator.Policy.Lifecycle;

/// <summary>What can happen to a migration.</summary>
public enum MigrationEvent
{
    /// <summary>Admission accepted it.</summary>
    Queued,

    /// <summary>Its turn has come.</summary>
    Admitted,

    /// <summary>Both sides are set up and the source's engine has been told to start.</summary>
    CopyStarted,

    /// <summary>The guest is stopped for the switch-over.</summary>
    SwitchOverStarted,

    /// <summary>The guest runs on the target while pages are still missing.</summary>
    PostCopyStarted,

    /// <summary>The link broke in post-copy.</summary>
    PostCopyLinkLost,

    /// <summary>The link is back and the transfer goes on.</summary>
    PostCopyRecovered,

    /// <summary>The source's engine says completed.</summary>
    TransferCompleted,

    /// <summary>The target is as it must be and the source is released.</summary>
    Verified,

    /// <summary>A caller wants it undone.</summary>
    CancelRequested,

    /// <summary>We gave up: the policy, or because a side refused or is gone before the switch-over.</summary>
    AbortDecided,

    /// <summary>The source's engine ended without completing: what is left is to be cleared away.</summary>
    EngineFailed,

    /// <summary>Undone at a caller's wish: the source is as before.</summary>
    CancelFinished,

    /// <summary>Undone after giving up or after an error: the source is as before.</summary>
    Faulted,

    /// <summary>What happened cannot be decided safely.</summary>
    BecameUndecidable,

    /// <summary>Both sides can be asked again and the guest is on the target.</summary>
    FoundOnTarget,

    /// <summary>Both sides can be asked again and the guest is on the source.</summary>
    FoundOnSource,
}

/// <summary>The legal transitions, as a table.</summary>
public static class MigrationLifecycle
{
    /// <returns>The phase reached, or null when the event is not legal in this phase.</returns>
    public static MigrationPhase? Next(MigrationPhase phase, MigrationEvent happened) => (phase, happened) switch
    {
        (MigrationPhase.Requested, MigrationEvent.Queued) => MigrationPhase.Queued,
        (MigrationPhase.Queued, MigrationEvent.Admitted) => MigrationPhase.Preparing,
        (MigrationPhase.Preparing, MigrationEvent.CopyStarted) => MigrationPhase.Copying,

        // A switch-over can fall back to the copy's phase only through failure: the engine stops the guest once.
        (MigrationPhase.Copying, MigrationEvent.SwitchOverStarted) => MigrationPhase.SwitchingOver,
        (MigrationPhase.Copying or MigrationPhase.SwitchingOver, MigrationEvent.PostCopyStarted) => MigrationPhase.PostCopy,
        (MigrationPhase.PostCopy, MigrationEvent.PostCopyLinkLost) => MigrationPhase.PostCopyPaused,
        (MigrationPhase.PostCopyPaused, MigrationEvent.PostCopyRecovered) => MigrationPhase.PostCopy,
        (MigrationPhase.Copying or MigrationPhase.SwitchingOver or MigrationPhase.PostCopy or MigrationPhase.PostCopyPaused
            or MigrationPhase.Cancelling, MigrationEvent.TransferCompleted) => MigrationPhase.Verifying,
        (MigrationPhase.Verifying, MigrationEvent.Verified) => MigrationPhase.Completed,

        // Past the switch-over the source no longer holds the newest memory, so there is nothing to cancel back to.
        (MigrationPhase.Requested or MigrationPhase.Queued or MigrationPhase.Preparing or MigrationPhase.Copying,
            MigrationEvent.CancelRequested or MigrationEvent.AbortDecided) => MigrationPhase.Cancelling,
        (MigrationPhase.Copying or MigrationPhase.SwitchingOver, MigrationEvent.EngineFailed) => MigrationPhase.Cancelling,

        // The switch to post-copy won the race against the wish to undo: there is nothing to go back to any more.
        (MigrationPhase.Cancelling, MigrationEvent.PostCopyStarted) => MigrationPhase.PostCopy,
        (MigrationPhase.Cancelling, MigrationEvent.CancelFinished) => MigrationPhase.Cancelled,
        (MigrationPhase.Requested or MigrationPhase.Queued or MigrationPhase.Preparing or MigrationPhase.Copying
            or MigrationPhase.SwitchingOver or MigrationPhase.Cancelling, MigrationEvent.Faulted) => MigrationPhase.Failed,

        (MigrationPhase.Preparing or MigrationPhase.Copying or MigrationPhase.SwitchingOver or MigrationPhase.PostCopy
            or MigrationPhase.PostCopyPaused or MigrationPhase.Verifying or MigrationPhase.Cancelling,
            MigrationEvent.BecameUndecidable) => MigrationPhase.NeedsAttention,
        (MigrationPhase.NeedsAttention, MigrationEvent.FoundOnTarget) => MigrationPhase.Verifying,
        (MigrationPhase.NeedsAttention, MigrationEvent.FoundOnSource) => MigrationPhase.Failed,
        _ => null,
    };

    public static bool IsEnd(MigrationPhase phase) =>
        phase is MigrationPhase.Completed or MigrationPhase.Cancelled or MigrationPhase.Failed;
}
