namespace Orchestrator.Policy.Convergence;

/// <summary>What predictive pacing expects when nothing is changed. Of each pair the low value is the hopeful end of the band.</summary>
public sealed record Forecast
{
    /// <summary>The band is narrow enough to act on.</summary>
    public required bool Sound { get; init; }

    /// <summary>Of the copy.</summary>
    public required DataRate BandwidthLow { get; init; }

    public required DataRate BandwidthHigh { get; init; }

    /// <summary>What pre-copy can get the remaining amount down to, devices' stop-copy included.</summary>
    public required DataSize FloorLow { get; init; }

    public required DataSize FloorHigh { get; init; }

    /// <summary>Of a switch-over at the floor, the fixed overhead included.</summary>
    public required TimeSpan DowntimeLow { get; init; }

    public required TimeSpan DowntimeHigh { get; init; }

    /// <summary>From now until the floor, or the budget if that comes first; null = never.</summary>
    public required TimeSpan? TimeLow { get; init; }

    public required TimeSpan? TimeHigh { get; init; }

    public required TimeSpan Overhead { get; init; }
}

/// <summary>One thing that could be done and what it would come to.</summary>
/// <param name="Action">In words of the ladder: "raise_downtime", "throttle", "pause", "post_copy", "abort".</param>
/// <param name="ThrottlePercent">The percentage that would be needed; 0 where it does not apply.</param>
/// <param name="Time">Until the end of the migration; null = never.</param>
/// <param name="Verdict">Chosen, or why not; half a sentence.</param>
public sealed record Alternative(
    string Action, int ThrottlePercent, bool Fits, TimeSpan DowntimeLow, TimeSpan DowntimeHigh, TimeSpan? Time, string Verdict);
