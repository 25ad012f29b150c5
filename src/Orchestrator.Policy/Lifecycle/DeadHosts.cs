namespace Orchestrator.Policy.Lifecycle;

/// <summary>
/// What follows from a host that is off for good, which is more than one that is silent: what was on it runs nowhere, and never will.
/// Before the guest can have left the source, a dead target costs nothing and a dead source costs the guest. After that it is decided by
/// what the side that lives is seen to have, and where that does not show, not at all.
/// </summary>
internal static class DeadHosts
{
    private const string SourceDead = "the source host is dead";
    private const string TargetDead = "the target host is dead";

    private static readonly TimeSpan s_again = TimeSpan.FromSeconds(1);

    /// <returns>Null when both hosts live, or the phase goes on as ever.</returns>
    public static ProgressStep? Next(MigrationStanding standing) => standing switch
    {
        { SourceDead: false, TargetDead: false } => null,
        { Phase: MigrationPhase.Requested or MigrationPhase.Queued or MigrationPhase.Preparing } => BeforeTheCopy(standing),

        // Its last word: the guest has left it, whatever became of the host then.
        { Source: { IsOver: true, Ending: SessionEnding.Completed }, Phase: not MigrationPhase.NeedsAttention } => null,
        { Phase: MigrationPhase.Copying or MigrationPhase.SwitchingOver, SourceDead: true } => WithoutSource(standing),
        { Phase: MigrationPhase.Copying or MigrationPhase.SwitchingOver } => WithoutTarget(standing),
        { Phase: MigrationPhase.PostCopy or MigrationPhase.PostCopyPaused } => InPostCopy(standing),
        { Phase: MigrationPhase.Cancelling, SourceDead: true } when TargetHasAll(standing) => TargetWentOn(),
        { Phase: MigrationPhase.NeedsAttention, SourceDead: true, TargetDead: true } => new ProgressStep
        {
            Happened = MigrationEvent.FoundOnSource,
            Reason = "both hosts are dead",
            Ending = new IntendedEnding(FailureReason.GuestLost, "both hosts are dead"),
        },
        _ => null,
    };

    /// <summary>All of the guest is on the target, or runs there already.</summary>
    public static bool TargetHasAll(MigrationStanding standing) =>
        standing is { TargetDead: false, Target: { IsOver: true, Ending: SessionEnding.Completed } };

    private static ProgressStep BeforeTheCopy(MigrationStanding standing) => new()
    {
        Happened = MigrationEvent.AbortDecided,
        Reason = standing.SourceDead ? SourceDead : TargetDead,
        Ending = standing.SourceDead ? Lost(SourceDead) : new IntendedEnding(FailureReason.AgentLost, TargetDead),
    };

    /// <summary>The source's last report may be older than its last deed, so the target is asked.</summary>
    private static ProgressStep WithoutSource(MigrationStanding standing) => standing switch
    {
        { TargetDead: true } => Undo(Lost("both hosts are dead")),
        _ when TargetHasAll(standing) => TargetWentOn(),

        // An old word of the target will not do either: it may have received the rest since, and be all that there is of the guest.
        { Target: null } or { TargetSilent: true } or { TargetSpokeSinceSourceDied: false } => new ProgressStep { WaitsFor = MigrationSide.Target, AskAgainAfter = s_again },
        { Target: { IsOver: false, HasRun: true } } => Undecidable(FailureReason.GuestLost, $"{SourceDead} and the target runs without all of the guest"),
        _ => Undo(Lost(SourceDead)),
    };

    /// <summary>The source's own word comes first: it may have gone to post-copy, or ended.</summary>
    private static ProgressStep? WithoutTarget(MigrationStanding standing) => standing.Source switch
    {
        { IsOver: true } or { IsInPostCopy: true } => null,
        _ => Undo(new IntendedEnding(FailureReason.AgentLost, TargetDead)),
    };

    /// <summary>Each side has memory that the other lacks, but for a target that has received everything.</summary>
    private static ProgressStep InPostCopy(MigrationStanding standing) => standing switch
    {
        { SourceDead: true } when TargetHasAll(standing) => TargetWentOn(),
        { SourceDead: true, TargetDead: true } => Undecidable(FailureReason.GuestLost, "both hosts died in post-copy"),
        { SourceDead: true } => Undecidable(FailureReason.GuestLost, $"{SourceDead}, with memory that the target lacks"),
        _ => Undecidable(FailureReason.GuestLost, $"{TargetDead}, and the guest ran there"),
    };

    private static IntendedEnding Lost(string message) => new(FailureReason.GuestLost, message);

    private static ProgressStep TargetWentOn() =>
        new() { Happened = MigrationEvent.TransferCompleted, Reason = $"{SourceDead} and the target has all of the guest" };

    private static ProgressStep Undo(IntendedEnding ending) =>
        new() { Happened = MigrationEvent.EngineFailed, Reason = ending.Message, Ending = ending };

    private static ProgressStep Undecidable(FailureReason reason, string message) => new()
    {
        Happened = MigrationEvent.BecameUndecidable,
        Reason = message,
        Attention = new Attention(reason, message),
    };
}
