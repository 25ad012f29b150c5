namespace Orchestrator.Policy.Convergence.Predictive;

/// <summary>
/// How pre-copy goes on: a pass sends what the last sync found, M / B long, and the next sync finds what was dirtied meanwhile, D(M / B).
/// The amounts fall until one is small enough or they come to rest: the fixed point M = D(M / B) is the floor.
/// </summary>
internal ref struct CopyPath
{
    public const int MostPasses = 48;

    private readonly Span<PathPoint> _points;

    // Beyond the points: what the amount is multiplied by in each further pass; 0 when it has come to rest.
    private readonly double _ratio;
    private readonly double _bandwidth;

    private CopyPath(Span<PathPoint> points, double floor, double ratio, double bandwidth)
    {
        _points = points;
        _ratio = ratio;
        _bandwidth = bandwidth;
        Floor = ratio > 0 ? 0 : floor;
    }

    /// <summary>What the syncs find, one after the other. The first is a switch-over now.</summary>
    public readonly ReadOnlySpan<PathPoint> Points => _points;

    /// <summary>The lowest amount on the way.</summary>
    public double Floor { get; }

    /// <param name="curve">One end of the band, or its middle.</param>
    /// <param name="pace">Share of its time that the guest would run.</param>
    /// <param name="rest">A pass that improves by less than this share has come to rest.</param>
    /// <param name="points">Room for at most <see cref="MostPasses"/>.</param>
    public static CopyPath Follow(
        CopyNumbers numbers, Func<double, double> curve, double pace, double bandwidth, double rest, Span<PathPoint> points)
    {
        var amount = numbers.Left;
        var since = numbers.SinceSync;
        points[0] = new PathPoint(0, amount + curve(since));
        var floor = points[0].Amount;
        var count = 1;
        var ratio = 0.0;
        for (var time = 0.0; count < points.Length && bandwidth > 0; count++)
        {
            var lasts = amount / bandwidth;
            time += lasts;
            var found = curve(since + (lasts * pace));
            points[count] = new PathPoint(time, found);
            floor = Math.Min(floor, found);
            ratio = 0;
            if (count > 1 && found >= (1 - rest) * amount)
            {
                count++;
                break;
            }

            ratio = amount > 0 ? found / amount : 0;
            (amount, since) = (found, 0);
        }

        return new CopyPath(points[..count], floor, count == points.Length ? ratio : 0, bandwidth);
    }

    /// <returns>When so little is left for the first time; null = never on this path.</returns>
    public readonly double? TimeTo(double enough)
    {
        foreach (var point in _points)
        {
            if (point.Amount <= enough)
            {
                return point.Time;
            }
        }

        // A geometric series: so many bytes still go over the link on the way down.
        var last = _points[^1];
        return _ratio > 0 && enough > 0 ? last.Time + ((last.Amount - enough) / (1 - _ratio) / _bandwidth) : null;
    }
}

/// <param name="Time">Seconds from now.</param>
/// <param name="Amount">RAM that a switch-over then would have to send, in bytes.</param>
internal readonly record struct PathPoint(double Time, double Amount);
