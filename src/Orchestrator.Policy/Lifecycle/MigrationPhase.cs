namespace Orchestrator.Policy.Lifecycle;

/// <summary>Where a migration stands. The order of the members is no order of events; <see cref="MigrationLifecycle"/> has that.</summary>
public enum MigrationPhase
{
    Requested,
    Queued,
    Preparing,
    Copying,
    SwitchingOver,
    PostCopy,
    PostCopyPaused,
    Verifying,
    Completed,
    Cancelling,
    Cancelled,
    Failed,
    NeedsAttention,
}
