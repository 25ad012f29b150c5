using Orchestrator.Policy.Lifecycle;
using static Orchestrator.Policy.Lifecycle.AgentCommandKind;

namespace Orchestrator.Policy.Tests.Lifecycle;

/// <summary>What must hold in every standing there can be, sensible or not: each phase with each word of each side.</summary>
public class MigrationProgressPromiseTests
{
    private static readonly SideView?[] s_views = [null, SideView.Absent, .. Views()];

    [Theory]
    [MemberData(nameof(Phases))]
    public void Next_AnyStanding_KeepsThePromises(MigrationPhase phase)
    {
        var random = new Random((int)phase);
        for (var drawn = 0; drawn < 40_000; drawn++)
        {
            var standing = Draw(random, phase, s_views[random.Next(s_views.Length)], s_views[random.Next(s_views.Length)]);
            foreach (var step in new[] { MigrationProgress.Next(standing), MigrationProgress.Cancel(standing, ""), MigrationProgress.Abort(standing, "") })
            {
                if (step is not null)
                {
                    Check(standing, step);
                }
            }
        }
    }

    public static TheoryData<MigrationPhase> Phases() => [.. Enum.GetValues<MigrationPhase>()];

    private static void Check(MigrationStanding standing, ProgressStep step)
    {
        var (source, target) = (standing.Source, standing.Target);

        // These phases begin only on the source's word.
        var sourceHasLeft = standing.Phase is MigrationPhase.PostCopy or MigrationPhase.PostCopyPaused or MigrationPhase.Verifying;

        var (sourceDead, targetDead) = (standing.SourceDead, standing.TargetDead);
        var targetHasAll = target is { IsKnown: true, IsOver: true, Ending: SessionEnding.Completed };

        Hold(!step.Commands.Any(kind => standing.IsDead(AgentCommand.SideOf(kind))), "a dead host is told nothing");
        Hold(step.Happened is not { } happened || MigrationLifecycle.Next(standing.Phase, happened) is not null, "the step is legal");
        Hold(!step.Commands.Any(kind => standing.Of(kind).Status is CommandStatus.Pending or CommandStatus.Done
                && kind is not (RecoverTarget or RecoverSource)), "what is asked or done is not asked again");
        Hold(!step.Commands.Intersect([PrepareTarget, StartSource]).Any(kind => standing.Of(kind).IsGiven), "nothing is started over");
        Hold(step.Commands.Distinct().Count() == step.Commands.Count, "nothing is said twice");
        Hold(!Gives(HandOverTarget) || (sourceDead && targetHasAll) || ((sourceDead || source is not { IsKnown: true, RunState: GuestRunState.Running })
            && (source is { Ending: SessionEnding.Completed } or { IsInPostCopy: true } || standing.Of(FinishSource).IsGiven || sourceHasLeft)),
            "the target may run only once the source has stopped for good");
        Hold(!Gives(FinishSource) || standing.Of(FinishSource).IsGiven
            || ((targetHasAll || (targetDead && target is { IsKnown: true, HasRun: true }))
                && source is { IsKnown: true, RunState: GuestRunState.PostMigrate or GuestRunState.Gone }
                && target is { } arrived && (arrived.HasRun || !standing.GuestWasRunning || arrived.RunState is GuestRunState.Running)), "the source is released last");
        Hold(!Gives(AbandonTarget) || (!standing.Of(HandOverTarget).IsGiven && target is not { HasRun: true }
            && (standing.Of(StartSource).Status is CommandStatus.NeverGiven or CommandStatus.Refused
                || standing.Of(AbandonSource).Status is CommandStatus.Done
                || source is { IsOver: true, Ending: not SessionEnding.Completed } || (sourceDead && !targetHasAll))), "the target's half is kept while it may be the guest");
        Hold(!Gives(CancelSource) || source is not { IsInPostCopy: true } and not { IsOver: true }, "no cancel in post-copy or after the end");
        Hold(step.Happened is not MigrationEvent.Verified and not MigrationEvent.FoundOnTarget
            || ((sourceDead || standing.Of(FinishSource).Status is CommandStatus.Done)
                && (targetDead || standing.Of(FinishTarget).Status is CommandStatus.Done)), "verified means settled");
        Hold(step.Happened is not (MigrationEvent.CancelFinished or MigrationEvent.Faulted or MigrationEvent.FoundOnSource)
            || (sourceDead && targetDead && step.Ending?.Reason is FailureReason.GuestLost)
            || (source is not { IsKnown: true, IsOver: true, Ending: SessionEnding.Completed } || standing.Of(AbandonSource).Status is CommandStatus.Done),
            "a guest that went is not called undone");
        Hold(step.Happened is not MigrationEvent.BecameUndecidable || step.Attention is { Message.Length: > 0 }, "attention says why");
        Hold(step.Happened is not (MigrationEvent.AbortDecided or MigrationEvent.EngineFailed or MigrationEvent.CancelRequested)
            || step.Ending is not null, "undoing has an end in mind");
        return;

        bool Gives(AgentCommandKind kind) => step.Commands.Contains(kind);

        void Hold(bool kept, string promise)
        {
            if (!kept)
            {
                var given = string.Join(", ", standing.Commands.Select(entry => $"{entry.Key}={entry.Value.Status}"));
                Assert.Fail($"{promise}: {standing} commands {given} -> {step.Happened} {string.Join(", ", step.Commands)}");
            }
        }
    }

    private static MigrationStanding Draw(Random random, MigrationPhase phase, SideView? source, SideView? target)
    {
        var commands = new Dictionary<AgentCommandKind, CommandStanding>();
        foreach (var kind in Enum.GetValues<AgentCommandKind>())
        {
            var status = (CommandStatus)random.Next(4);
            if (status is CommandStatus.NeverGiven)
            {
                continue;
            }

            commands[kind] = new CommandStanding(
                status,
                random.Next(1, 20),
                random.Next(0, 7),
                TimeSpan.FromSeconds(random.Next(0, 60)),
                status is CommandStatus.Refused ? new CommandRefusal((RefusalKind)random.Next(3), "no") : null);
        }

        return new MigrationStanding
        {
            Phase = phase,
            GuestWasRunning = random.Next(2) == 0,
            Ending = random.Next(3) switch { 0 => null, 1 => IntendedEnding.Cancelled(""), _ => new IntendedEnding(FailureReason.EngineFailed, "") },
            Source = source,
            Target = target,
            SourceSilent = random.Next(2) == 0,
            TargetSilent = random.Next(2) == 0,
            SourceDead = random.Next(4) == 0,
            TargetDead = random.Next(4) == 0,
            Overdue = random.Next(2) == 0,
            Commands = commands,
        };
    }

    private static IEnumerable<SideView> Views() =>
        from session in Enum.GetValues<SessionStanding>()
        from ending in session is SessionStanding.Ended or SessionStanding.Closed
            ? Enum.GetValues<SessionEnding>().Select(ending => (SessionEnding?)ending).Append(null)
            : [null]
        from activity in ending is null ? Enum.GetValues<TransferActivity>() : [TransferActivity.Unknown]
        from runState in (GuestRunState[])
            [GuestRunState.Running, GuestRunState.Paused, GuestRunState.InMigrate, GuestRunState.PostMigrate, GuestRunState.Gone]
        from hasRun in (bool[])[false, true]
        select new SideView
        {
            Session = session,
            Ending = ending,
            Activity = activity,
            RunState = runState,
            HasRun = hasRun,
            WasRunning = hasRun,
        };
}
