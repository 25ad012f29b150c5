namespace Orchestrator.Policy.Lifecycle;

/// <summary>
/// From "the source's engine says completed" to "the guest is an ordinary guest of the target": hand over, verify, release the source, and
/// only then the rest. The source is released on facts that cannot turn back: its engine completed and the guest stands on the target as
/// it stood before.
/// </summary>
internal static class Settlement
{
    public static Advice Next(MigrationStanding standing)
    {
        if (!standing.Of(AgentCommandKind.FinishSource).IsGiven)
        {
            if (HandOver(standing) is { } handOver)
            {
                return handOver;
            }

            if (Doubt(standing) is { } doubt)
            {
                return doubt;
            }
        }

        // A dead host has nothing left to release.
        return (standing.SourceDead ? null : Insisting.On(standing, AgentCommandKind.FinishSource))
            ?? (standing.TargetDead ? null : Insisting.On(standing, AgentCommandKind.FinishTarget))
            ?? new Advice.Settled();
    }

    /// <summary>In phases that begin only when the source has said that it stopped for good; its latest word may not contradict that.</summary>
    /// <returns>Null when the target has been told, or has been seen running because the source's agent told it directly.</returns>
    public static Advice? HandOver(MigrationStanding standing) => standing.Target switch
    {
        { HasRun: true } => null,
        _ when standing.TargetDead =>
            new Advice.Stuck(FailureReason.GuestLost, "the target host is dead and nobody has seen the guest run there"),

        // One report may carry the engine's new word with the run state of a moment ago.
        _ when !standing.SourceDead && standing.Source is { IsKnown: true, RunState: GuestRunState.Running } =>
            Insisting.Expect(standing, MigrationSide.Source, "the source's guest runs although its engine says that it left"),
        { IsKnown: false } => new Advice.Stuck(FailureReason.Undecidable, "the target's agent knows nothing of the guest it was sent"),
        { IsOver: true, Ending: not SessionEnding.Completed } lost => TargetLost(lost),

        // A source that is still in post-copy keeps its guest stopped until the target is told: there is nothing better than to insist.
        _ => Insisting.On(standing, AgentCommandKind.HandOverTarget, patient: standing.Phase is MigrationPhase.PostCopy),
    };

    public static Advice.Stuck TargetLost(SideView target) => new(
        FailureReason.GuestLost, $"the target's engine ended as {target.Ending?.ToString() ?? "nobody knows what"}: {target.Words}");

    /// <returns>Null when nothing is left to doubt: the guest may be taken off the source.</returns>
    private static Advice? Doubt(MigrationStanding standing)
    {
        if (standing.Target is not { } target)
        {
            return Insisting.WaitFor(standing, MigrationSide.Target, "nobody has seen the guest there");
        }

        if (!target.IsKnown)
        {
            return new Advice.Stuck(FailureReason.Undecidable, "the target's agent knows nothing of the guest it was sent");
        }

        if (target is { IsOver: true, Ending: not SessionEnding.Completed })
        {
            return TargetLost(target);
        }

        if (!standing.TargetDead && (!target.IsOver || !StandsAsBefore(standing, target)))
        {
            return Insisting.Expect(
                standing, MigrationSide.Target, $"the guest on the target is {target.RunState}, its session {target.Session}; it was "
                    + (standing.GuestWasRunning ? "running before" : "paused before"));
        }

        return standing.Source switch
        {
            _ when standing.SourceDead => null,

            // An engine that died after its guest ran on the target is as stopped as one that completed.
            { IsKnown: true, Ending: SessionEnding.Completed or SessionEnding.EngineLost, RunState: GuestRunState.PostMigrate or GuestRunState.Gone }
                => null,
            { IsKnown: false } => new Advice.Stuck(FailureReason.Undecidable, "the source's agent knows nothing of the guest it sent"),
            var source => Insisting.Expect(
                standing, MigrationSide.Source, $"the source's guest is {source?.RunState.ToString() ?? "not heard of"}, not stopped for good"),
        };
    }

    /// <summary>
    /// As recorded; or it has run there and its owner, or the guest itself, has since stopped it: what it is then is the truth about it.
    /// </summary>
    private static bool StandsAsBefore(MigrationStanding standing, SideView target) =>
        target.RunState == (standing.GuestWasRunning ? GuestRunState.Running : GuestRunState.Paused)
        || (target.HasRun && target.RunState is GuestRunState.Running or GuestRunState.Paused or GuestRunState.Shutdown);
}
