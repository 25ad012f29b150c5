namespace Orchestrator.Policy.Evacuation;

/// <summary>What is going to happen, as far as can be told now.</summary>
public sealed record EvacuationPlan
{
    /// <summary>In the order of their start.</summary>
    public required IReadOnlyList<PlannedMove> Moves { get; init; }

    public required IReadOnlyList<StuckGuest> Stuck { get; init; }

    public required IReadOnlyList<string> SkippedGuestIds { get; init; }

    /// <summary>From now to the last guest's end, those under way included.</summary>
    public required TimeSpan Total { get; init; }

    /// <summary>No plan can be faster: the bytes over the links that must carry them.</summary>
    public required TimeSpan BandwidthBound { get; init; }

    public required IReadOnlyList<string> LateGuestIds { get; init; }

    public required int Waves { get; init; }
}

public sealed record PlannedMove
{
    public required string GuestId { get; init; }

    public required string SourceHostId { get; init; }

    public required string TargetHostId { get; init; }

    public required GuestTreatment Treatment { get; init; }

    /// <summary>From 1. Moves of one wave overlap at one moment.</summary>
    public int Wave { get; init; }

    public required TimeSpan StartsAfter { get; init; }

    public required TimeSpan Duration { get; init; }

    /// <summary>Null when nothing is known of the guest's dirtying.</summary>
    public TimeSpan? Downtime { get; init; }

    public required DataSize Bytes { get; init; }

    public required string Policy { get; init; }

    public TimeSpan EndsAfter => StartsAfter + Duration;
}

/// <summary>A guest that no host can take now.</summary>
/// <param name="Message">Which hosts refuse it and why.</param>
public sealed record StuckGuest(string GuestId, string SourceHostId, string Message);
