using System.Text.Json.Serialization;

namespace Orchestrator.Policy.Convergence;

/// <summary>
/// What policy remembers between readings. A value that survives in the database as JSON, so that whoever takes a migration over goes on
/// where the last one stood: public init properties of plain types only. All times are since the engine started.
/// </summary>
public sealed record ConvergenceState
{
    /// <summary>The limit last decided.</summary>
    public required TimeSpan Limit { get; init; }

    /// <summary>Of the last reading; one that is not above it decides nothing.</summary>
    public long? LastSequence { get; init; }

    public RoundProgress Rounds { get; init; } = new();

    /// <summary>The first of an unbroken row of readings that say the copy cannot get below the budget.</summary>
    public InfeasibleSighting? Infeasible { get; init; }

    public LadderPosition Ladder { get; init; } = new();

    public PacingProgress Pacing { get; init; } = new();

    /// <summary>What predictive pacing has measured; null with other pacings.</summary>
    public Predictive.PredictiveMemory? Predictive { get; init; }

    /// <summary>The pause that is on.</summary>
    public PauseInForce? Pause { get; init; }

    /// <summary>Post-copy or abort was decided: nothing is decided any more.</summary>
    public bool Committed { get; init; }

    /// <summary>The round that is on, from 1.</summary>
    [JsonIgnore]
    public int Round => Rounds.Number;

    public static ConvergenceState Start(ConvergenceTerms terms) => new()
    {
        Limit = terms.Document.InitialDowntime < terms.Budget ? terms.Document.InitialDowntime : terms.Budget,
    };

    /// <summary>A caller set the limit. Clamped to the budget at the next reading; the pacing goes on from it.</summary>
    public ConvergenceState WithLimit(TimeSpan limit) => this with { Limit = limit };

    /// <summary>A caller paused the guest. It is resumed like a pause of the ladder's; the ladder's own is not used up by it.</summary>
    /// <param name="elapsed">Since the engine started.</param>
    public ConvergenceState WithPause(TimeSpan elapsed, TimeSpan maxPause) =>
        this with { Pause = new PauseInForce(elapsed, maxPause, null) };

    /// <summary>Post-copy or abort was decided from outside.</summary>
    public ConvergenceState WithCommitted() => this with { Committed = true };
}

/// <summary>Where the ladder stands.</summary>
public sealed record LadderPosition
{
    /// <summary>Index of the step that is waited for. Equal to the number of steps when all are taken.</summary>
    public int Next { get; init; }

    /// <summary>Time without progress counts from here: the last step, the end of its pause, or the start.</summary>
    public TimeSpan CountFrom { get; init; }

    /// <summary>Stalled rounds count after this many judged ones.</summary>
    public int CountFromJudged { get; init; }

    /// <summary>Round in which a step last changed how the guest runs: its dirty rate says nothing about what follows. 0 = none.</summary>
    public int ActedInRound { get; init; }

    /// <summary>When the last pause ended: time at the cap counts anew from there.</summary>
    public TimeSpan? ResumedAt { get; init; }
}

/// <summary>Where the climb of the limit stands.</summary>
public sealed record PacingProgress
{
    /// <summary>Null while nothing is raised yet.</summary>
    public TimeSpan? RaisingSince { get; init; }

    /// <summary>The rule that began it, e.g. "steps[0]" or "steps[1].stalled".</summary>
    public string? BegunBy { get; init; }

    /// <summary>When the limit was last raised; the start of the raising before that.</summary>
    public TimeSpan BeatAt { get; init; }

    /// <summary>Judged rounds at that moment.</summary>
    public int BeatJudged { get; init; }

    /// <summary>Passes at that moment; null until known.</summary>
    public int? BeatPasses { get; init; }

    /// <summary>Index of the rung that is waited for.</summary>
    public int NextRung { get; init; }

    /// <summary>Since when there has been nothing higher to raise to.</summary>
    public TimeSpan? ExhaustedAt { get; init; }
}

/// <param name="Step">The ladder's step; null for a caller's pause.</param>
public sealed record PauseInForce(TimeSpan Since, TimeSpan MaxPause, int? Step);

/// <param name="Downtime">The downtime that reading expected at least.</param>
public sealed record InfeasibleSighting(TimeSpan At, TimeSpan Downtime);
