namespace Orchestrator.Policy.Lifecycle;

/// <summary>
/// Brings a migration back to where the guest simply is on the source. The target's half is thrown away only after the source's engine has
/// ended without completing, since before that nobody knows which half will be the guest.
/// </summary>
internal static class Undoing
{
    /// <param name="cancel">False to only clear away after an engine that ended by itself, and to leave a running one alone.</param>
    public static Advice Next(MigrationStanding standing, bool cancel)
    {
        if (!(standing.SourceDead && standing.TargetDead)
            && (standing.Of(AgentCommandKind.HandOverTarget).IsGiven || standing.Target is { HasRun: true }
                || standing.Source is { IsInPostCopy: true }))
        {
            return new Advice.Stuck(FailureReason.Undecidable, "the target may have the guest already");
        }

        var guestLost = standing.SourceDead || standing.Source is { IsOver: true, Ending: SessionEnding.EngineLost };
        if (EndSource(standing, cancel) is { } ending)
        {
            return ending;
        }

        return ClearAway(standing) ?? new Advice.Settled(
            !guestLost ? null
            : new IntendedEnding(
                FailureReason.GuestLost,
                standing.SourceDead ? "the source host is dead" : $"the source's engine is gone: {standing.Source?.Words}"));
    }

    /// <returns>Null when the source's engine is out of it and the guest as it was.</returns>
    private static Advice? EndSource(MigrationStanding standing, bool cancel)
    {
        var start = standing.Of(AgentCommandKind.StartSource);
        if (standing.SourceDead && start.IsGiven)
        {
            return AfterTheGuestIsGone(standing);
        }

        if (!start.IsGiven || standing.Of(AgentCommandKind.AbandonSource).Status is CommandStatus.Done)
        {
            return null;
        }

        if (start.Status is CommandStatus.Pending && standing.Source is not { IsOver: true })
        {
            // It may have arrived, and its answer may be lost: only the answer says whether there is something to cancel.
            return Insisting.WaitFor(standing, MigrationSide.Source, "nobody knows whether the copy began");
        }

        return standing.Source switch
        {
            null when start.Status is CommandStatus.Refused => null,
            null => Insisting.WaitFor(standing, MigrationSide.Source, "nobody knows how the copy stands"),
            { IsKnown: false } when start.Status is CommandStatus.Refused => null,
            { IsKnown: false } =>
                new Advice.Stuck(FailureReason.Undecidable, "the source's agent knows nothing of a copy that it began"),
            { IsOver: false } when !cancel => Insisting.WaitFor(standing, MigrationSide.Source, "the copy has not ended"),
            { IsOver: false } => Insisting.On(standing, AgentCommandKind.CancelSource, patient: true)
                ?? Insisting.WaitFor(standing, MigrationSide.Source, "the copy has not ended"),
            { Ending: SessionEnding.EngineLost } => AfterTheGuestIsGone(standing),
            { Ending: SessionEnding.Failed or SessionEnding.Cancelled } source when IsBack(standing, source) => null,
            { Ending: SessionEnding.Failed or SessionEnding.Cancelled } source => Insisting.Expect(
                standing, MigrationSide.Source, $"the source's guest is {source.RunState} and was "
                    + (standing.GuestWasRunning ? "running before" : "paused before")),
            var source => new Advice.Stuck(
                FailureReason.Undecidable, $"the source's session ended as {source.Ending?.ToString() ?? "nobody knows what"}"),
        };
    }

    private static bool IsBack(MigrationStanding standing, SideView source) =>
        source.RunState == (standing.GuestWasRunning ? GuestRunState.Running : GuestRunState.Paused);

    /// <summary>
    /// The source's engine died. Its agent may have handed the guest over before, so the target's engine must be seen to have ended without
    /// completing; one that has everything may be the only copy left.
    /// </summary>
    private static Advice? AfterTheGuestIsGone(MigrationStanding standing) => standing.Target switch
    {
        _ when standing.TargetDead => null,
        { IsKnown: false } => null,
        { IsOver: true, Ending: SessionEnding.Completed } =>
            new Advice.Stuck(FailureReason.GuestLost, "the source's engine is gone and the target's has everything but was not told to run it"),
        { IsOver: true } => null,
        _ when !standing.Of(AgentCommandKind.PrepareTarget).IsGiven
            || standing.Of(AgentCommandKind.AbandonTarget).Status is CommandStatus.Done => null,

        // A dead host breaks no connection, so the target's engine waits for ever: it is ended, which is refused if it has run.
        not null when standing.SourceDead => null,
        _ => Insisting.Expect(standing, MigrationSide.Target, "the source's engine is gone and nobody knows what the target's has"),
    };

    /// <returns>Null when both sessions are closed.</returns>
    private static Advice? ClearAway(MigrationStanding standing)
    {
        List<AgentCommandKind> give = [];
        Advice? wait = null;
        foreach (var kind in new[] { AgentCommandKind.AbandonTarget, AgentCommandKind.AbandonSource })
        {
            var begun = standing.Of(kind is AgentCommandKind.AbandonTarget ? AgentCommandKind.PrepareTarget : AgentCommandKind.StartSource);
            var given = standing.Of(kind);
            if (!begun.IsGiven || standing.IsDead(AgentCommand.SideOf(kind)) || given.Refusal?.Kind is RefusalKind.SessionUnknown)
            {
                continue;
            }

            if (kind is AgentCommandKind.AbandonTarget && given.Refusal?.Kind is RefusalKind.WrongState)
            {
                return new Advice.Stuck(FailureReason.Undecidable, $"the target keeps its guest: {given.Refusal.Words}");
            }

            switch (Insisting.On(standing, kind))
            {
                case Advice.Give more:
                    give.AddRange(more.Commands);
                    break;
                case { } other when wait is not Advice.Stuck:
                    wait = other;
                    break;
            }
        }

        return give.Count > 0 ? new Advice.Give(give) : wait;
    }
}
