namespace Orchestrator.Policy.Convergence.Predictive;

/// <summary>
/// Where every turn of the loop syncs, passes say nothing and the amount is exact at any time: it falls by what is sent and rises by what
/// is dirtied, and comes to rest where the two are equal. That level is the floor.
/// </summary>
public sealed record LevelTrack
{
    private const double ShortestWindow = 0.75;

    // A window in which the amount falls by less than this share of what was sent has come to rest.
    private const double AtRest = 0.08;

    public double? OpenedAt { get; init; }

    public double OpenedAmount { get; init; }

    /// <summary>The lowest amount of the open window.</summary>
    public double OpenedLow { get; init; }

    /// <summary>How fast the amount fell in the last window, bytes per second; negative = it rose.</summary>
    public double Fall { get; init; }

    /// <summary>The lowest amount of the last window.</summary>
    public double Low { get; init; }

    /// <summary>Windows in a row that have come to rest.</summary>
    public int Resting { get; init; }

    public int Seen { get; init; }

    public LevelTrack See(double at, double amount, double bandwidth)
    {
        if (OpenedAt is not { } opened || at < opened)
        {
            return this with { OpenedAt = at, OpenedAmount = amount, OpenedLow = amount };
        }

        var lasted = at - opened;
        if (lasted < ShortestWindow)
        {
            return amount < OpenedLow ? this with { OpenedLow = amount } : this;
        }

        var fall = (OpenedAmount - amount) / lasted;
        var resting = bandwidth > 0 && fall < AtRest * bandwidth;
        return new LevelTrack
        {
            OpenedAt = at,
            OpenedAmount = amount,
            OpenedLow = amount,
            Fall = fall,
            Low = Math.Min(OpenedLow, amount),
            Resting = resting ? Resting + 1 : 0,
            Seen = Seen + 1,
        };
    }
}
