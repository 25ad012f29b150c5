namespace Orchestrator.Policy.Convergence;

/// <summary>How a migration is brought to its end: the stored policy as values. Units and ranges as in policy_document.proto.</summary>
public sealed record ConvergenceDocument
{
    public required TimeSpan InitialDowntime { get; init; }

    /// <summary>Cap of the downtime limit; the caller's smaller budget lowers it.</summary>
    public required TimeSpan MaxDowntime { get; init; }

    /// <summary>How the limit climbs; null when no step raises it.</summary>
    public Pacing? Pacing { get; init; }

    /// <summary>In order. The last one ends the migration.</summary>
    public required IReadOnlyList<LadderStep> Steps { get; init; }

    public StopConditions Stop { get; init; } = new();

    public BandwidthTerms Bandwidth { get; init; } = new();

    public bool FreePageHint { get; init; }

    public ControlPlaneLoss OnControlPlaneLoss { get; init; }

    /// <summary>Null = whoever tries again has terms of its own.</summary>
    public RetryTerms? Retry { get; init; }
}

/// <summary>What the source's agent does while no control plane commands or listens.</summary>
public enum ControlPlaneLoss
{
    /// <summary>Nothing: the engine goes on with the terms it has.</summary>
    Continue,

    /// <summary>Goes on with the document by itself.</summary>
    AgentDecides,

    /// <summary>Nothing until the time is over, then cancels.</summary>
    AbortAtDeadline,
}

/// <summary>How a guest is tried again.</summary>
/// <param name="Backoff">Before the second attempt; doubles each time.</param>
/// <param name="NextPolicy">Of the next attempt; null = this one.</param>
public sealed record RetryTerms(int Attempts, TimeSpan Backoff, string? NextPolicy);

/// <summary>How the downtime limit climbs. Closed: every kind is declared here.</summary>
public abstract record Pacing
{
    private Pacing()
    {
    }

    /// <summary>Times a factor at every beat. Exactly one of <paramref name="EveryTime"/> and <paramref name="EveryStalledRounds"/> is set.</summary>
    public sealed record Exponential(double Factor, TimeSpan? EveryTime, int? EveryStalledRounds, TimeSpan StartAfter) : Pacing;

    public sealed record Ladder(IReadOnlyList<Rung> Rungs) : Pacing;

    /// <summary>To where the numbers say that it has to be; the ladder's steps are taken when they are needed, as far as they are needed.</summary>
    public sealed record Predictive : Pacing;
}

/// <summary>One listed limit and what must pass before it.</summary>
public sealed record Rung(TimeSpan Limit, RungWait After);

/// <summary>What must pass since the rung before. Closed.</summary>
public abstract record RungWait
{
    private RungWait()
    {
    }

    public sealed record Passes(int Count) : RungWait;

    public sealed record Time(TimeSpan Duration) : RungWait;

    /// <summary>Times the guest's memory in GiB, at least 1.</summary>
    public sealed record TimePerGibibyte(TimeSpan Duration) : RungWait;

    public sealed record StalledRounds(int Count) : RungWait;
}

/// <summary>An action and when to take it: as soon as any trigger holds. No trigger = at the start (only for RaiseDowntime).</summary>
public sealed record LadderStep(LadderAction Action, IReadOnlyList<Trigger> When);

/// <summary>What a step does. Closed.</summary>
public abstract record LadderAction
{
    private LadderAction()
    {
    }

    public sealed record RaiseDowntime : LadderAction;

    /// <summary>Percentages, 1 to 99.</summary>
    public sealed record Throttle(int InitialPercent, int IncrementPercent, int MaxPercent) : LadderAction;

    public sealed record PostCopy(DataRate MaxRate) : LadderAction;

    public sealed record Pause(TimeSpan MaxPause) : LadderAction;

    public sealed record Abort : LadderAction;
}

/// <summary>When a step is taken. Closed.</summary>
public abstract record Trigger
{
    private Trigger()
    {
    }

    /// <param name="MinImprovement">Share by which a round's measure must undercut the best before to be progress. 0 means 0.05.</param>
    public sealed record Stalled(int Rounds, double MinImprovement) : Trigger;

    public sealed record Infeasible : Trigger;

    public sealed record PassesAbove(int Passes) : Trigger;

    public sealed record TransferredAbove(double RamTimes) : Trigger;

    public sealed record ElapsedAbove(TimeSpan Duration) : Trigger;

    public sealed record ElapsedAbovePerGibibyte(TimeSpan Duration) : Trigger;

    public sealed record NoProgressFor(TimeSpan Duration) : Trigger;

    public sealed record LimitExhausted(TimeSpan For) : Trigger;
}

/// <summary>Null = not used.</summary>
public sealed record StopConditions
{
    public int? MaxPasses { get; init; }

    public double? MaxTransferFactor { get; init; }

    public TimeSpan? MaxTotalTime { get; init; }

    public TimeSpan? MaxTotalTimePerGibibyte { get; init; }
}

public sealed record BandwidthTerms
{
    /// <summary>Null = no cap.</summary>
    public DataRate? Max { get; init; }

    /// <summary>The link's honest rate; null = the engine estimates.</summary>
    public DataRate? SwitchOver { get; init; }
}
