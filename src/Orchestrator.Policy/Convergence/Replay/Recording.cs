namespace Orchestrator.Policy.Convergence.Replay;

/// <summary>What the record has of one copy.</summary>
/// <param name="Readings">In any order.</param>
/// <param name="Decisions">In the order of their numbers.</param>
public sealed record Recording(IReadOnlyList<RecordedReading> Readings, IReadOnlyList<RecordedDecision> Decisions)
{
    /// <summary>Commands that were refused or might have been, in their order.</summary>
    public IReadOnlyList<RecordedCommand> Commands { get; init; } = [];
}

/// <param name="At">When its report arrived.</param>
/// <param name="Epoch">Of whoever read it. The next one goes on from what the one before had saved.</param>
public sealed record RecordedReading(ConvergenceReading Reading, ReadingUse Use, DateTimeOffset At, long Epoch);

/// <summary>What became of a reading.</summary>
public enum ReadingUse
{
    /// <summary>Nobody asked the policy.</summary>
    Recorded,

    /// <summary>The policy was asked and its answer taken.</summary>
    Judged,

    /// <summary>The policy was asked, and what it wanted was not taken: a command was under way.</summary>
    Waited,
}

/// <param name="Sequence">Its number within the migration.</param>
/// <param name="Decision">Wait for one that changes nothing of what the policy goes by, such as another bandwidth.</param>
/// <param name="Elapsed">Since the engine's start.</param>
public sealed record RecordedDecision(int Sequence, DecidedBy By, ConvergenceDecision Decision, TimeSpan Elapsed)
{
    /// <summary>When it was written down.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>The reading it was decided on; of an outsider's the last one before it. 0 = none.</summary>
    public required long ReadingSequence { get; init; }

    /// <summary>The source carried it out. Of importance for the agent's own: others count from the intention.</summary>
    public bool Applied { get; init; }

    /// <summary>For a switch of the policy that the replay is to follow: the terms from here on.</summary>
    public ConvergenceTerms? SwitchTo { get; init; }
}

public enum DecidedBy
{
    Policy,

    /// <summary>The source's agent, while nobody commanded.</summary>
    Agent,

    /// <summary>A caller, or admission.</summary>
    Outsider,
}

/// <param name="RefusedAt">Null when it was carried out or has no answer.</param>
public sealed record RecordedCommand(RefusableAct Act, DateTimeOffset IntendedAt, DateTimeOffset? RefusedAt);
