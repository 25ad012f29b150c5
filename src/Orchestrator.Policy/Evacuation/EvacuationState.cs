namespace Orchestrator.Policy.Evacuation;

/// <summary>Where an evacuation stands. A value that can be stored and read back; the next step is decided on nothing else of its past.</summary>
public sealed record EvacuationState
{
    public required EvacuationPhase Phase { get; init; }

    /// <summary>Meaningful while cancelling and after.</summary>
    public EvacuationCancelMode CancelMode { get; init; }

    /// <summary>In the order of their ids.</summary>
    public required IReadOnlyList<GuestStanding> Guests { get; init; }

    /// <summary>In the order of their turns.</summary>
    public required IReadOnlyList<HostStanding> Hosts { get; init; }

    /// <summary>Since when nothing is left but guests that no host takes; null = something else is.</summary>
    public DateTimeOffset? QuietSince { get; init; }

    public bool HasEnded => Phase is EvacuationPhase.Cancelled or EvacuationPhase.Completed or EvacuationPhase.Incomplete;
}

public enum EvacuationPhase
{
    Running,
    Paused,
    Cancelling,
    Cancelled,
    Completed,
    Incomplete,
}

public enum EvacuationCancelMode
{
    StopHere,
    BringBack,
}

/// <summary>One guest of an evacuation.</summary>
public sealed record GuestStanding
{
    public required string GuestId { get; init; }

    /// <summary>Where it was when the evacuation met it first: where it is brought back to.</summary>
    public required string HomeHostId { get; init; }

    /// <summary>The host it is to leave, or has left.</summary>
    public required string SourceHostId { get; init; }

    public required GuestPhase Phase { get; init; }

    /// <summary>Of the last or the present attempt.</summary>
    public string? TargetHostId { get; init; }

    /// <summary>Begun so far, in all. With the guest's id it names an attempt.</summary>
    public int Attempts { get; init; }

    /// <summary>Failed since it last arrived somewhere.</summary>
    public int Failures { get; init; }

    /// <summary>Where the last attempt failed.</summary>
    public string? FailedTarget { get; init; }

    /// <summary>Of the last or the present attempt.</summary>
    public string? Policy { get; init; }

    /// <summary>The present attempt is being taken back by us, because its target cannot be had any more; that is no failure.</summary>
    public bool Recalled { get; init; }

    /// <summary>Of a guest that backs off.</summary>
    public DateTimeOffset? NextAttemptAt { get; init; }

    public string Message { get; init; } = "";

    public required DateTimeOffset Since { get; init; }

    public bool IsUnderWay => Phase is GuestPhase.Moving or GuestPhase.Returning;

    internal GuestStanding Become(GuestPhase phase, string message, DateTimeOffset now) =>
        this with { Phase = phase, Message = message, NextAttemptAt = null, Recalled = false, Since = phase == Phase ? Since : now };
}

public enum GuestPhase
{
    Waiting,
    Moving,
    Moved,
    BackingOff,
    Stuck,
    Failed,
    Skipped,
    Gone,
    Returning,
    Returned,
}

/// <summary>One host of an evacuation.</summary>
/// <param name="WasCordoned">By somebody else, before its turn.</param>
/// <param name="Cordoned">It has been cordoned at its turn; if somebody uncordons it later, that is meant.</param>
public sealed record HostStanding(string HostId, HostPhase Phase, bool WasCordoned, bool Cordoned);

public enum HostPhase
{
    Waiting,
    Emptying,
    Empty,
    Returned,
}
