using System.Diagnostics;

namespace Orchestrator.Policy.Lifecycle;

/// <summary>
/// Decides what happened to a migration and what is to be commanded next. The same standing always gives the same step, so whoever takes a
/// migration over goes on where the last one stood.
/// </summary>
public static class MigrationProgress
{
    /// <summary>Legal in every phase; does nothing in an ended one. Ask until a step does not act.</summary>
    public static ProgressStep Next(MigrationStanding standing) => WithWhatFollows(standing, Decide(standing));

    /// <summary>A caller wants it undone.</summary>
    /// <returns>Null when there is nothing to go back to; a step that does not act when it is being undone already.</returns>
    public static ProgressStep? Cancel(MigrationStanding standing, string message)
    {
        if (standing.Phase is MigrationPhase.Cancelling
            || (standing.Phase is MigrationPhase.NeedsAttention && standing.Ending is not null))
        {
            return new ProgressStep();
        }

        // From the moment that post-copy is commanded it may have happened: the agent's answer may be all that is missing.
        var mayBePostCopy = standing.Of(AgentCommandKind.StartPostCopy).Status is CommandStatus.Pending or CommandStatus.Done;
        return mayBePostCopy || MigrationLifecycle.Next(standing.Phase, MigrationEvent.CancelRequested) is null
            ? null
            : WithWhatFollows(standing, Undo(MigrationEvent.CancelRequested, IntendedEnding.Cancelled(message)));
    }

    /// <summary>The policy gave up.</summary>
    /// <returns>Null when there is nothing to go back to.</returns>
    public static ProgressStep? Abort(MigrationStanding standing, string message) =>
        MigrationLifecycle.Next(standing.Phase, MigrationEvent.AbortDecided) is null
            ? null
            : WithWhatFollows(standing, GiveUp(FailureReason.AbortedByPolicy, message));

    /// <summary>How it is meant to end after an event: what was meant before is void once the guest is, or may be, on the target.</summary>
    public static IntendedEnding? EndingAfter(MigrationEvent happened, IntendedEnding? before, IntendedEnding? now) =>
        happened is MigrationEvent.PostCopyStarted or MigrationEvent.TransferCompleted or MigrationEvent.FoundOnTarget ? null : now ?? before;

    private static ProgressStep Decide(MigrationStanding standing) => DeadHosts.Next(standing) ?? standing.Phase switch
    {
        MigrationPhase.Requested => Happen(MigrationEvent.Queued, "admitted"),
        MigrationPhase.Queued when standing.Slot is SlotStanding.None => new ProgressStep(),
        MigrationPhase.Queued => Happen(MigrationEvent.Admitted, "its turn has come"),
        MigrationPhase.Preparing => Preparing(standing),
        MigrationPhase.Copying => Copying(standing),
        MigrationPhase.SwitchingOver => SwitchingOver(standing),
        MigrationPhase.PostCopy => PostCopy(standing),
        MigrationPhase.PostCopyPaused => PostCopyPaused(standing),
        MigrationPhase.Verifying => Verifying(standing),
        MigrationPhase.Cancelling => Cancelling(standing),
        MigrationPhase.NeedsAttention => NeedsAttention(standing),
        MigrationPhase.Completed or MigrationPhase.Cancelled or MigrationPhase.Failed => new ProgressStep(),
    };

    private static ProgressStep Preparing(MigrationStanding standing)
    {
        var prepare = standing.Of(AgentCommandKind.PrepareTarget);
        return prepare.Status switch
        {
            CommandStatus.NeverGiven => Give(AgentCommandKind.PrepareTarget),
            CommandStatus.Pending when standing.TargetSilent =>
                GiveUp(FailureReason.AgentLost, "the target's agent did not answer to the order to prepare"),
            CommandStatus.Pending => WaitFor(MigrationSide.Target),
            CommandStatus.Refused => GiveUp(FailureReason.TargetRefused, Words(prepare)),

            // It may wait for its transfer for long, and nothing has been copied yet.
            CommandStatus.Done when standing.Target is { IsOver: true } or { IsKnown: false } =>
                GiveUp(FailureReason.EngineFailed, $"the target's engine is gone: {standing.Target?.Words}"),
            CommandStatus.Done when standing.Slot is not SlotStanding.Transferring => new ProgressStep(),
            CommandStatus.Done => Happen(MigrationEvent.CopyStarted, "the target listens"),
        };
    }

    private static ProgressStep Copying(MigrationStanding standing)
    {
        if (SourceMovedOn(standing) is { } moved)
        {
            return moved;
        }

        var start = standing.Of(AgentCommandKind.StartSource);
        return (start.Status, standing.Source, standing.Target) switch
        {
            (CommandStatus.NeverGiven, _, _) => Give(AgentCommandKind.StartSource),
            (CommandStatus.Refused, _, _) => GiveUp(FailureReason.SourceRefused, Words(start)),

            // Whoever has just taken over may hear the target first; why the copy ended is the source's to say.
            (CommandStatus.Done, null, { IsOver: true, Ending: not SessionEnding.Completed }) when !standing.SourceSilent =>
                WaitFor(MigrationSide.Source),
            (_, _, { IsOver: true, Ending: not SessionEnding.Completed } or { IsKnown: false }) => GiveUp(
                FailureReason.EngineFailed, $"the target's engine is gone: {standing.Target?.Words}"),
            (CommandStatus.Done, { IsKnown: false }, _) =>
                Undecidable(FailureReason.Undecidable, "the source's agent knows nothing of a copy that it began"),

            // The target has been told whether to run it by what was true at admission.
            (_, { Session: SessionStanding.Running } source, _) when source.WasRunning != standing.GuestWasRunning =>
                GiveUp(FailureReason.SourceRefused, "the guest was paused or resumed between the request and the copy"),

            // The source's agent may be away for as long as it likes: the transfer goes on by itself.
            _ => WaitFor(MigrationSide.Source),
        };
    }

    private static ProgressStep SwitchingOver(MigrationStanding standing) =>
        SourceMovedOn(standing)
        ?? (standing.SourceSilent
            ? Undecidable(FailureReason.Undecidable, "the source's agent fell silent in the switch-over")
            : WaitFor(MigrationSide.Source));

    /// <summary>What the source's own word alone says has happened, in the phases before the guest may be elsewhere.</summary>
    private static ProgressStep? SourceMovedOn(MigrationStanding standing) => standing.Source switch
    {
        { IsOver: true, Ending: SessionEnding.Completed } => Completed(),
        { IsOver: true, Ending: SessionEnding.EngineLost } source => Undo(
            MigrationEvent.EngineFailed, new IntendedEnding(FailureReason.GuestLost, $"the source's engine is gone: {source.Words}")),
        { IsOver: true } source when standing.Of(AgentCommandKind.StartSource).Status is CommandStatus.Refused => Undo(
            MigrationEvent.EngineFailed,
            new IntendedEnding(FailureReason.SourceRefused, FirstSaid(Words(standing.Of(AgentCommandKind.StartSource)), source.Words))),
        { IsOver: true } source => Undo(
            MigrationEvent.EngineFailed,
            new IntendedEnding(FailureReason.EngineFailed, FirstSaid(source.Words, standing.Target?.Words ?? ""))),
        { IsInPostCopy: true } => Happen(MigrationEvent.PostCopyStarted, "the source says post-copy"),
        { IsKnown: true, Session: SessionStanding.SwitchingOver } or { IsKnown: true, Activity: TransferActivity.SwitchingOver }
            when standing.Phase is MigrationPhase.Copying => Happen(MigrationEvent.SwitchOverStarted, "the source's guest is stopped"),
        _ => null,
    };

    private static ProgressStep PostCopy(MigrationStanding standing) =>
        PostCopyEnded(standing) ?? standing.Source switch
        {
            { Activity: TransferActivity.PostCopyPaused or TransferActivity.PostCopyRecovering } =>
                Happen(MigrationEvent.PostCopyLinkLost, "the source says the link is lost"),
            _ => Settlement.HandOver(standing) switch
            {
                Advice.Give give => new ProgressStep { Commands = give.Commands },
                Advice.Wait wait => new ProgressStep { WaitsFor = wait.On, AskAgainAfter = wait.AskAgainAfter },
                Advice.Stuck { Reason: not FailureReason.AgentLost } stuck => Undecidable(stuck.Reason, stuck.Words),

                // A silent side is no reason to stop waiting: the agents hand over among themselves and pages flow without us.
                _ => WaitFor(MigrationSide.Source),
            },
        };

    private static ProgressStep PostCopyPaused(MigrationStanding standing) =>
        PostCopyEnded(standing) ?? standing.Source switch
        {
            { Activity: TransferActivity.PostCopy } => Happen(MigrationEvent.PostCopyRecovered, "the source says post-copy again"),
            { Activity: TransferActivity.PostCopyPaused } when Settlement.HandOver(standing) is not Advice.Give => Recover(standing),
            _ => Settlement.HandOver(standing) is Advice.Give give ? Follow(give) : WaitFor(MigrationSide.Source),
        };

    /// <summary>Neither side can be gone in post-copy without the guest: each has memory that the other lacks.</summary>
    private static ProgressStep? PostCopyEnded(MigrationStanding standing) => (standing.Source, standing.Target) switch
    {
        ({ IsOver: true, Ending: SessionEnding.Completed }, _) => Completed(),
        ({ IsOver: true } source, _) => Undecidable(
            source.Ending is SessionEnding.EngineLost ? FailureReason.GuestLost : FailureReason.Undecidable,
            $"the source ended in post-copy as {source.Ending?.ToString() ?? "nobody knows what"}: {source.Words}"),
        ({ IsKnown: false }, _) => Undecidable(FailureReason.Undecidable, "the source's agent knows nothing of a post-copy that it ran"),
        (_, { IsOver: true, Ending: not SessionEnding.Completed } target) =>
            Undecidable(FailureReason.GuestLost, Settlement.TargetLost(target).Words),
        _ => null,
    };

    /// <summary>A new listener, then the source to it; round after round, since both sides wait without limit.</summary>
    private static ProgressStep Recover(MigrationStanding standing)
    {
        var target = standing.Of(AgentCommandKind.RecoverTarget);
        var source = standing.Of(AgentCommandKind.RecoverSource);
        if (!target.IsGiven || source.CommandId > target.CommandId)
        {
            // The round before has failed when the source is still paused after its turn; an answer is awaited first.
            return source.Status is CommandStatus.Pending
                ? WaitFor(MigrationSide.Source)
                : GiveAfter(Insisting.BackOff(source.TimesInPhase) - source.Since, AgentCommandKind.RecoverTarget);
        }

        return target.Status switch
        {
            CommandStatus.Done => Give(AgentCommandKind.RecoverSource),
            CommandStatus.Refused => GiveAfter(Insisting.BackOff(target.TimesInPhase) - target.Since, AgentCommandKind.RecoverTarget),
            CommandStatus.Pending or CommandStatus.NeverGiven => WaitFor(MigrationSide.Target),
        };
    }

    private static ProgressStep Verifying(MigrationStanding standing) => Settlement.Next(standing) switch
    {
        Advice.Settled => Happen(MigrationEvent.Verified, "the guest is on the target as it was, and the source is released"),
        var advice => Follow(advice),
    };

    private static ProgressStep Cancelling(MigrationStanding standing) => standing.Source switch
    {
        { IsOver: true, Ending: SessionEnding.Completed } => Completed(),
        { IsInPostCopy: true } => Happen(MigrationEvent.PostCopyStarted, "the source went to post-copy before it could be cancelled"),
        _ => Undoing.Next(standing, cancel: true) switch
        {
            Advice.Settled settled => End(settled.Instead ?? standing.Ending ?? new IntendedEnding(FailureReason.Undecidable, "")),
            var advice => Follow(advice),
        },
    };

    /// <summary>
    /// Everything that is safe is still done, so that it goes on by itself once both sides can be asked; the phase is left only when there
    /// is nothing more to do.
    /// </summary>
    private static ProgressStep NeedsAttention(MigrationStanding standing)
    {
        var source = standing.Source;
        var gone = source is { IsKnown: true, Ending: SessionEnding.Completed }
            || (source is { IsKnown: true, Ending: SessionEnding.EngineLost } && standing.Target is { HasRun: true })
            || standing.Of(AgentCommandKind.FinishSource).IsGiven
            || (standing.SourceDead && DeadHosts.TargetHasAll(standing));
        if (gone)
        {
            return Settlement.Next(standing) is Advice.Settled
                ? Happen(MigrationEvent.FoundOnTarget, "both sides answered: the guest is on the target")
                : Patiently(Settlement.Next(standing));
        }

        return source switch
        {
            // Kept for somebody to look at: the guest ran where nothing is left of it, or without what the source had.
            { IsInPostCopy: true } when standing.SourceDead || standing.TargetDead => new ProgressStep(),
            { IsInPostCopy: true } when Settlement.HandOver(standing) is { } handOver => Patiently(handOver),
            { IsInPostCopy: true, Activity: TransferActivity.PostCopyPaused } => Recover(standing),
            { IsInPostCopy: true } => WaitFor(MigrationSide.Source),
            _ => Undoing.Next(standing, cancel: standing.Ending is not null) switch
            {
                Advice.Settled settled => new ProgressStep
                {
                    Happened = MigrationEvent.FoundOnSource,
                    Reason = "both sides answered: the guest is on the source",
                    Ending = settled.Instead,
                },
                var advice => Patiently(advice),
            },
        };
    }

    private static ProgressStep Follow(Advice advice) => advice switch
    {
        Advice.Give give => new ProgressStep { Commands = give.Commands },
        Advice.Wait wait => new ProgressStep { WaitsFor = wait.On, AskAgainAfter = wait.AskAgainAfter },
        Advice.Stuck stuck => Undecidable(stuck.Reason, stuck.Words),
        _ => throw new UnreachableException($"No arm for {advice}."),
    };

    private static ProgressStep Patiently(Advice advice) => advice is Advice.Stuck ? new ProgressStep() : Follow(advice);

    /// <summary>A transition carries the commands that its new phase begins with, so that both are written at once.</summary>
    private static ProgressStep WithWhatFollows(MigrationStanding standing, ProgressStep step)
    {
        if (step.Happened is not { } happened)
        {
            return step;
        }

        var phase = MigrationLifecycle.Next(standing.Phase, happened)
            ?? throw new UnreachableException($"{happened} is not legal in {standing.Phase}.");
        var ending = EndingAfter(happened, standing.Ending, step.Ending);
        var follows = Decide(standing with { Phase = phase, Ending = ending, Overdue = false });
        return follows.Happened is null
            ? step with { Commands = follows.Commands, WaitsFor = follows.WaitsFor, AskAgainAfter = follows.AskAgainAfter }
            : step;
    }

    private static ProgressStep Completed() => Happen(MigrationEvent.TransferCompleted, "the source's engine says completed");

    private static ProgressStep End(IntendedEnding ending) => Happen(ending.Event, ending.Message) with { Ending = ending };

    private static ProgressStep Happen(MigrationEvent happened, string reason) => new() { Happened = happened, Reason = reason };

    private static ProgressStep Undo(MigrationEvent happened, IntendedEnding ending) =>
        Happen(happened, ending.Message) with { Ending = ending };

    private static ProgressStep GiveUp(FailureReason reason, string message) =>
        Undo(MigrationEvent.AbortDecided, new IntendedEnding(reason, message));

    private static ProgressStep Undecidable(FailureReason reason, string message) =>
        Happen(MigrationEvent.BecameUndecidable, message) with { Attention = new Attention(reason, message) };

    private static ProgressStep Give(AgentCommandKind kind) => new() { Commands = [kind] };

    private static ProgressStep GiveAfter(TimeSpan wait, AgentCommandKind kind) =>
        wait > TimeSpan.Zero ? new ProgressStep { AskAgainAfter = wait } : Give(kind);

    private static ProgressStep WaitFor(MigrationSide side) => new() { WaitsFor = side };

    private static string Words(CommandStanding command) => command.Refusal?.Words ?? "";

    private static string FirstSaid(string first, string second) => first.Length > 0 ? first : second;
}
