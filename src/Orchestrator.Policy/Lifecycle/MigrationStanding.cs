namespace Orchestrator.Policy.Lifecycle;

/// <summary>Everything that the next step of a migration is decided on.</summary>
public sealed record MigrationStanding
{
    public required MigrationPhase Phase { get; init; }

    /// <summary>How it is meant to end once it is being undone; null while it is meant to complete.</summary>
    public IntendedEnding? Ending { get; init; }

    /// <summary>The guest's run state before: what it must have afterwards.</summary>
    public required bool GuestWasRunning { get; init; }

    /// <summary>What admission has given it so far. One that began before there was a queue has no slot and needs none.</summary>
    public SlotStanding Slot { get; init; } = SlotStanding.Transferring;

    /// <summary>Null = not heard yet.</summary>
    public SideView? Source { get; init; }

    /// <summary>Null = not heard yet.</summary>
    public SideView? Target { get; init; }

    /// <summary>The source's agent has said nothing for longer than is waited for an answer.</summary>
    public bool SourceSilent { get; init; }

    /// <summary>The target's agent has said nothing for longer than is waited for an answer.</summary>
    public bool TargetSilent { get; init; }

    /// <summary>Somebody vouches that the source's host is off for good.</summary>
    public bool SourceDead { get; init; }

    /// <summary>Somebody vouches that the target's host is off for good.</summary>
    public bool TargetDead { get; init; }

    /// <summary>The target's agent has spoken since the source's host is known to be dead; what it said before may be older than the death.</summary>
    public bool TargetSpokeSinceSourceDied { get; init; }

    /// <summary>
    /// Neither the phase nor a session nor a run state has changed for longer than is waited for a state that should come by itself.
    /// </summary>
    public bool Overdue { get; init; }

    /// <summary>The latest command of each kind; a kind that is missing was never given.</summary>
    public IReadOnlyDictionary<AgentCommandKind, CommandStanding> Commands { get; init; } =
        new Dictionary<AgentCommandKind, CommandStanding>();

    public CommandStanding Of(AgentCommandKind kind) => Commands.GetValueOrDefault(kind, CommandStanding.NeverGiven);

    public bool IsDead(MigrationSide side) => side is MigrationSide.Source ? SourceDead : TargetDead;

    public bool IsSilent(MigrationSide side) => side is MigrationSide.Source ? SourceSilent : TargetSilent;
}

public enum SlotStanding
{
    /// <summary>It waits in the queue.</summary>
    None,

    /// <summary>It may be prepared.</summary>
    Preparing,

    /// <summary>It may transfer.</summary>
    Transferring,
}

/// <summary>How a migration that will not complete is meant to end.</summary>
/// <param name="Reason">Null when a caller wants it undone.</param>
public sealed record IntendedEnding(FailureReason? Reason, string Message)
{
    public static IntendedEnding Cancelled(string message) => new(null, message);

    public MigrationEvent Event => Reason is null ? MigrationEvent.CancelFinished : MigrationEvent.Faulted;
}

/// <summary>Why a human should look.</summary>
public sealed record Attention(FailureReason Reason, string Message);

/// <summary>Why a migration failed or needs attention; as in migrations.proto.</summary>
public enum FailureReason
{
    AbortedByPolicy,
    TargetRefused,
    SourceRefused,
    EngineFailed,
    AgentLost,
    Undecidable,
    GuestLost,
}

/// <summary>What is to be done next, all of it in one write and then towards the agents.</summary>
public sealed record ProgressStep
{
    /// <summary>Null = the phase stays.</summary>
    public MigrationEvent? Happened { get; init; }

    /// <summary>In words, for the record of the transition.</summary>
    public string Reason { get; init; } = "";

    /// <summary>To be given, in this order.</summary>
    public IReadOnlyList<AgentCommandKind> Commands { get; init; } = [];

    /// <summary>How it is meant to end from here on; null leaves what was meant before.</summary>
    public IntendedEnding? Ending { get; init; }

    /// <summary>Set with <see cref="MigrationEvent.BecameUndecidable"/>.</summary>
    public Attention? Attention { get; init; }

    /// <summary>Nothing can be decided before this side speaks.</summary>
    public MigrationSide? WaitsFor { get; init; }

    /// <summary>Ask again after this long even if nothing happens.</summary>
    public TimeSpan? AskAgainAfter { get; init; }

    /// <summary>True when there is something to write down.</summary>
    public bool Acts => Happened is not null || Commands.Count > 0;
}
