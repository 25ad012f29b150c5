namespace Orchestrator.Policy.Convergence;

/// <summary>
/// What the rounds of a copy have shown so far. A round is a pass where the engine's passes are honest, else a time window. Amounts are
/// what remains above the devices' stop-copy floor: a floor never falls, and standing on it is no stall of the memory.
/// </summary>
public sealed record RoundProgress
{
    /// <summary>Of the round that is on, from 1. The first pass is round 1.</summary>
    public int Number { get; init; } = 1;

    /// <summary>Null before the first reading of a copy.</summary>
    public TimeSpan? StartedAt { get; init; }

    /// <summary>The round is the copy's first pass, which is not judged.</summary>
    public bool FirstPass { get; init; }

    /// <summary>The round is a pass of the engine's; false = a time window.</summary>
    public bool Honest { get; init; }

    /// <summary>Not seen from its start, or the guest was paused in it: the round is not judged.</summary>
    public bool Partial { get; init; } = true;

    /// <summary>The engine's pass, for an honest round; null until it is known.</summary>
    public int? Pass { get; init; }

    /// <summary>Length of a time window by the last believed bandwidth; null until there was one.</summary>
    public TimeSpan? Window { get; init; }

    /// <summary>
    /// Of the round that is on. In a pass the highest amount: what the pass before left dirty stands there right after the sync, and from
    /// then on the amount falls nearly to zero whether the copy converges or not. In a window the lowest: every value is exact there.
    /// </summary>
    public long? MeasureBytes { get; init; }

    /// <summary>Lowest amount of this pass, or of all windows so far.</summary>
    public long? LowBytes { get; init; }

    /// <summary>When <see cref="LowBytes"/> last fell.</summary>
    public TimeSpan? FellAt { get; init; }

    /// <summary>Lowest measure of the judged rounds.</summary>
    public long? BestBytes { get; init; }

    /// <summary>How many rounds were judged. Rounds without a believed amount are not.</summary>
    public int Judged { get; init; }

    /// <summary>When the last round was judged.</summary>
    public TimeSpan? JudgedAt { get; init; }

    /// <summary>When a round was last judged lower than all before it, by however little.</summary>
    public TimeSpan? ImprovedAt { get; init; }

    /// <summary>The last judged round that was lower than the best before by the usual share.</summary>
    public int LastGain { get; init; }

    /// <summary>Judged rounds that improved, each by more than every later one: all that the stall of any share needs.</summary>
    public IReadOnlyList<RoundImprovement> Improvements { get; init; } = [];

    /// <summary>A device's stop-copy floor has been seen.</summary>
    public bool HasFloor { get; init; }

    /// <summary>Rounds judged in a row, after the one of number <paramref name="since"/>, that did not improve by this share.</summary>
    /// <param name="since">A value that <see cref="Judged"/> had.</param>
    public int StalledRounds(double minImprovement, int since)
    {
        for (var index = Improvements.Count - 1; index >= 0; index--)
        {
            if (Improvements[index].Share >= minImprovement)
            {
                return Judged - Math.Max(since, Improvements[index].Judged);
            }
        }

        return Judged - since;
    }
}

/// <param name="Judged">Which of the judged rounds, from 1.</param>
/// <param name="Share">How much lower than the best before, 0.25 = a quarter; 1 for the first, and when nothing is above the floor.</param>
public sealed record RoundImprovement(int Judged, double Share);
