namespace Orchestrator.Policy.Evacuation;

/// <summary>What the conductor sees.</summary>
/// <param name="Moves">The latest attempt of each guest that has one; one that is missing has not come about yet.</param>
public sealed record ConductorFacts(FleetFacts Fleet, IReadOnlyList<MoveReport> Moves);

/// <summary>How one attempt stands.</summary>
public sealed record MoveReport
{
    public required string GuestId { get; init; }

    public required int Attempt { get; init; }

    public required MoveProgress Progress { get; init; }

    /// <summary>Why it failed.</summary>
    public string Message { get; init; } = "";

    /// <summary>Memory still to be sent in this pass; null = not known.</summary>
    public DataSize? Remaining { get; init; }

    /// <summary>As last measured; null = not known.</summary>
    public DataRate? Rate { get; init; }

    /// <summary>Since the transfer began; zero before.</summary>
    public TimeSpan TransferringFor { get; init; }

    /// <summary>Queued, and its guest's owner has been told and is waited for.</summary>
    public bool AwaitsOwner { get; init; }

    /// <summary>It is being undone.</summary>
    public bool CancelAsked { get; init; }
}

public enum MoveProgress
{
    /// <summary>Waits in the queue.</summary>
    Queued,
    Preparing,

    /// <summary>Waits for its transfer to be let through.</summary>
    Prepared,
    Transferring,

    /// <summary>Switching over, or beyond: it cannot be undone.</summary>
    Finishing,
    Completed,

    /// <summary>Also: refused when it was asked for.</summary>
    Failed,
    Cancelled,

    /// <summary>Nobody knows which side is right; a human must look. It is never tried again.</summary>
    NeedsAttention,
}

/// <summary>What is to be done. Each may be done again without doing it twice: an attempt of a guest is one move, whoever asks how often.</summary>
public abstract record ConductorAction
{
    private ConductorAction()
    {
    }

    public sealed record Cordon(string HostId) : ConductorAction;

    public sealed record Uncordon(string HostId) : ConductorAction;

    /// <param name="MaxDowntime">Null = the policy's.</param>
    public sealed record Begin(string GuestId, int Attempt, string SourceHostId, string TargetHostId, string Policy, TimeSpan? MaxDowntime)
        : ConductorAction;

    public sealed record CancelMove(string GuestId, int Attempt, string Reason) : ConductorAction;

    /// <summary>First half of a restart elsewhere.</summary>
    public sealed record Stop(string GuestId, int Attempt) : ConductorAction;

    /// <summary>Second half of a restart elsewhere.</summary>
    public sealed record StartElsewhere(string GuestId, int Attempt, string TargetHostId) : ConductorAction;
}

/// <param name="State">To be stored before the actions are done.</param>
public sealed record ConductorStep(EvacuationState State, IReadOnlyList<ConductorAction> Actions);
