namespace Orchestrator.Policy.Convergence.Predictive;

/// <summary>
/// How many different bytes the guest dirties in an interval of its own time: D(t), known at a few intervals and read between them. Any mix
/// of hot sets gives a curve that rises, never faster than in proportion, and flattens where a set is full; that is all that is assumed.
/// </summary>
public sealed record DirtyCurve
{
    private const int MostPoints = 12;

    // Intervals within this factor of each other are one point.
    private const double SamePoint = 1.5;

    // A new point moves an old one at the same interval half the way.
    private const double NewShare = 0.5;

    // How far two points may contradict each other before the older one is taken for outdated: sampling and rounding stay well below.
    private const double Tolerance = 1.25;

    // An observation this far off what the curve said is another phase of the guest.
    private const double PhaseChange = 1.5;

    /// <summary>By rising interval.</summary>
    public IReadOnlyList<DirtyPoint> Points { get; init; } = [];

    /// <summary>When the guest was last seen to have changed what it does.</summary>
    public double ChangedAt { get; init; }

    /// <summary>Observations since then.</summary>
    public int Seen { get; init; }

    /// <param name="interval">Of the guest's own time, which a throttle stretches.</param>
    /// <param name="bytes">Found dirty at its end.</param>
    public DirtyCurve Add(double interval, double bytes, double at)
    {
        if (!(interval > 0) || !(bytes >= 0) || !double.IsFinite(interval) || !double.IsFinite(bytes))
        {
            return this;
        }

        var changed = Points.Count > 0 && Contradicts(interval, bytes);
        List<DirtyPoint> kept = new(MostPoints + 1);
        var merged = new DirtyPoint(interval, bytes, 1);
        foreach (var point in Points)
        {
            if (!changed && point.Interval < interval * SamePoint && interval < point.Interval * SamePoint)
            {
                var blended = point.Blend(merged, NewShare);
                merged = blended;
            }
            else if (AgreesWith(point, interval, bytes))
            {
                kept.Add(point);
            }
        }

        var index = kept.FindIndex(point => point.Interval > merged.Interval);
        kept.Insert(index < 0 ? kept.Count : index, merged);
        if (kept.Count > MostPoints)
        {
            // The longest intervals are those of the first passes, of the least use later.
            kept.RemoveAt(kept.Count - 1);
        }

        return new DirtyCurve { Points = kept, ChangedAt = changed ? at : ChangedAt, Seen = changed ? 1 : Seen + 1 };
    }

    /// <summary>
    /// D(t), the best guess: straight between the known points in double logarithms, below them one hot set that goes through the nearest two,
    /// H (1 - exp(-r t / H)), above them as the last two go on.
    /// </summary>
    public double At(double interval) => Read(interval, below: Slope.Saturating, above: Slope.Measured);

    /// <summary>What it dirties at least: beyond the known points in proportion below, and flat above.</summary>
    public double Least(double interval) => Read(interval, below: Slope.Proportional, above: Slope.Flat);

    /// <summary>What it dirties at most: below the known points as flat as the nearest two, in proportion above.</summary>
    public double Most(double interval) => Read(interval, below: Slope.Measured, above: Slope.Proportional);

    /// <summary>
    /// r t / H at the first point: how full the hot set is that goes through the first two. 1 while there is one point only: neither full nor
    /// empty.
    /// </summary>
    private double Fullness
    {
        get
        {
            const double Full = 12;
            if (Points.Count < 2 || Points[0].Bytes <= 0)
            {
                return 1;
            }

            var (times, ratio) = (Points[1].Interval / Points[0].Interval, Points[1].Bytes / Points[0].Bytes);
            var (low, high) = (1e-3, Full);
            for (var halvings = 0; halvings < 12; halvings++)
            {
                var middle = Math.Sqrt(low * high);
                (low, high) = Filled(middle * times) / Filled(middle) > ratio ? (middle, high) : (low, middle);
            }

            return low;
        }
    }

    private static double Filled(double fullness) => 1 - Math.Exp(-fullness);

    private bool Contradicts(double interval, double bytes)
    {
        var (least, most) = (Least(interval), Most(interval));
        return bytes > PhaseChange * Math.Max(most, 1) || bytes * PhaseChange < least;
    }

    /// <summary>A curve through both could rise, and no faster than in proportion.</summary>
    private static bool AgreesWith(DirtyPoint point, double interval, double bytes) => point.Interval < interval
        ? point.Bytes <= Tolerance * bytes && point.Bytes * Tolerance * interval >= bytes * point.Interval
        : point.Bytes * Tolerance >= bytes && point.Bytes * interval <= Tolerance * bytes * point.Interval;

    private double Read(double interval, Slope below, Slope above)
    {
        if (Points.Count == 0 || !(interval > 0))
        {
            return 0;
        }

        var first = Points[0];
        if (interval <= first.Interval)
        {
            return below switch
            {
                Slope.Proportional => first.Extend(interval, 1),
                Slope.Saturating => first.Bytes * Filled(Fullness * interval / first.Interval) / Filled(Fullness),
                _ => first.Extend(interval, Points.Count > 1 ? first.SlopeTo(Points[1]) : 0),
            };
        }

        for (var index = 1; index < Points.Count; index++)
        {
            if (interval <= Points[index].Interval)
            {
                return Points[index - 1].Extend(interval, Points[index - 1].SlopeTo(Points[index]));
            }
        }

        var last = Points[^1];
        return last.Extend(interval, above switch
        {
            Slope.Proportional => 1,
            Slope.Flat => 0,
            _ => Points.Count > 1 ? Points[^2].SlopeTo(last) : 0.5,
        });
    }

    private enum Slope
    {
        Flat,
        Measured,
        Saturating,
        Proportional,
    }
}

/// <param name="Interval">Seconds of the guest's own time.</param>
/// <param name="Count">How often it was observed.</param>
public sealed record DirtyPoint(double Interval, double Bytes, int Count)
{
    internal DirtyPoint Blend(DirtyPoint newer, double share) => new(
        Interval + ((newer.Interval - Interval) * share), Bytes + ((newer.Bytes - Bytes) * share), Math.Min(Count + 1, 1000));

    /// <summary>In double logarithms; 0 = flat, 1 = in proportion.</summary>
    internal double SlopeTo(DirtyPoint other) => Bytes <= 0 || other.Bytes <= 0
        ? 1
        : Math.Clamp(Math.Log(other.Bytes / Bytes) / Math.Log(other.Interval / Interval), 0, 1);

    internal double Extend(double interval, double slope) => slope switch
    {
        0 => Bytes,
        1 => Bytes * interval / Interval,
        _ => Bytes * Math.Pow(interval / Interval, slope),
    };
}
