namespace Orchestrator.Policy.Evacuation;

/// <summary>A guest that is to move, before a target is found.</summary>
internal sealed record MoveWish
{
    public required GuestFacts Guest { get; init; }

    public required GuestTreatment Treatment { get; init; }

    public required string Policy { get; init; }

    public required TimeSpan MaxDowntime { get; init; }

    /// <summary>The only target that may be taken; null = whichever is best.</summary>
    public string? Fixed { get; init; }

    /// <summary>Where it failed last: taken only when there is no other.</summary>
    public string? Avoid { get; init; }
}

/// <summary>A guest with its target.</summary>
internal sealed record AssignedMove(MoveWish Wish, string Target, MoveForecast Forecast)
{
    public GuestFacts Guest => Wish.Guest;

    public string Source => Wish.Guest.HostId;

    public Flow Flow(int weight) => new(Source, Target, weight, Guest.MaxRate);
}

/// <summary>A move that has been begun and is not over.</summary>
/// <param name="Left">Still to be sent, further dirtying included.</param>
/// <param name="Slow">It has taken far longer than foreseen; nothing waits for it any more.</param>
internal sealed record BegunMove(string GuestId, Flow Flow, MoveStage Stage, DataSize Left, bool Slow);

internal enum MoveStage
{
    /// <summary>Waits for its guest's owner, as long as that takes: it holds room, and nothing waits for it.</summary>
    Announced,
    Preparing,

    /// <summary>Waits to be let through to its transfer.</summary>
    Prepared,
    Transferring,
    Finishing,
    Restarting,
}
