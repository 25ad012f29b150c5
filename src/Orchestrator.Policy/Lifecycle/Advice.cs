namespace Orchestrator.Policy.Lifecycle;

/// <summary>What one stretch of a migration's life needs next. Closed.</summary>
internal abstract record Advice
{
    private Advice()
    {
    }

    public sealed record Give(IReadOnlyList<AgentCommandKind> Commands) : Advice;

    /// <param name="On">The side whose word is missing; null when only time is waited for.</param>
    public sealed record Wait(MigrationSide? On, TimeSpan? AskAgainAfter = null) : Advice;

    /// <summary>It does not go on by itself, or not that anybody could say so.</summary>
    public sealed record Stuck(FailureReason Reason, string Words) : Advice;

    /// <summary>All of it is done.</summary>
    /// <param name="Instead">An ending that overrides the intended one.</param>
    public sealed record Settled(IntendedEnding? Instead = null) : Advice;
}

/// <summary>How commands are brought to an answer, whatever they are.</summary>
internal static class Insisting
{
    /// <summary>So many refusals in one phase are taken for the agent's last word; in NEEDS_ATTENTION there is no last word.</summary>
    private const int LastWord = 5;

    private static readonly TimeSpan s_longestBackOff = TimeSpan.FromSeconds(30);

    /// <summary>0 before the first, then 1 s, 2 s, 4 s, ... up to 30 s.</summary>
    public static TimeSpan BackOff(int times) => times <= 0
        ? TimeSpan.Zero
        : TimeSpan.FromSeconds(Math.Min(s_longestBackOff.TotalSeconds, Math.Pow(2, Math.Min(times, 16) - 1)));

    /// <returns>Null when the command has been carried out.</returns>
    /// <param name="patient">Never takes a refusal for the last word.</param>
    public static Advice? On(MigrationStanding standing, AgentCommandKind kind, bool patient = false)
    {
        var given = standing.Of(kind);
        return given.Status switch
        {
            CommandStatus.NeverGiven => new Advice.Give([kind]),
            CommandStatus.Pending => WaitFor(standing, AgentCommand.SideOf(kind), $"{kind} has no answer"),
            CommandStatus.Done => null,
            CommandStatus.Refused => Again(standing, kind, given, patient || standing.Phase is MigrationPhase.NeedsAttention),
        };
    }

    /// <summary>Waits for a side's word and calls it lost when the side is silent.</summary>
    public static Advice WaitFor(MigrationStanding standing, MigrationSide side, string what) =>
        standing.IsDead(side) ? new Advice.Stuck(FailureReason.AgentLost, $"the {Name(side)} host is dead: {what}")
        : standing.IsSilent(side) ? new Advice.Stuck(FailureReason.AgentLost, $"the {Name(side)}'s agent does not answer: {what}")
        : new Advice.Wait(side);

    /// <summary>Waits for a state that should come by itself, for as long as that may take.</summary>
    public static Advice Expect(MigrationStanding standing, MigrationSide side, string what) => standing.Overdue
        ? new Advice.Stuck(FailureReason.Undecidable, what)
        : WaitFor(standing, side, what);

    public static string Name(MigrationSide side) => side is MigrationSide.Source ? "source" : "target";

    private static Advice Again(MigrationStanding standing, AgentCommandKind kind, CommandStanding given, bool patient)
    {
        if (!patient && given.TimesInPhase >= LastWord)
        {
            return new Advice.Stuck(FailureReason.Undecidable, $"{kind} was refused {given.TimesInPhase} times: {given.Refusal?.Words}");
        }

        var left = BackOff(given.TimesInPhase) - given.Since;
        return left > TimeSpan.Zero ? new Advice.Wait(null, left) : new Advice.Give([kind]);
    }
}
