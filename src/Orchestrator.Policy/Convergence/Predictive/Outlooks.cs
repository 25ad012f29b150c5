namespace Orchestrator.Policy.Convergence.Predictive;

/// <summary>Works out what to expect, of the copy as it is and of what could be done to it.</summary>
internal static class Outlooks
{
    // A pass that improves by less than this share has come to rest: for the best guess, and for the hopeful end of the band.
    private const double Rest = 0.03;
    private const double RestAtBest = 0.005;

    // What waiting for a lower downtime may cost: this share of the time that the copy takes anyway, or this many seconds if that is more.
    private const double WorthTime = 0.03;
    private const double WorthSeconds = 0.25;

    // So many syncs in a row, of which the last has not left a tenth less than the first, have come to rest whatever the curve says.
    public const int SyncsAtRest = 5;
    private const double NoFall = 0.9;

    // The engine counts exactly at every sync: so often no is a no, and what is left lies beyond what would do.
    private const int SyncsInVain = 6;
    private const double Beyond = 1.01;

    private const int FewestProbes = 3;
    private const double WellAbove = 3;

    // Of a first pass whose end cannot be seen, so much has to be wrong before it is called late.
    private const double Late = 1.05;

    public static Outlook AsItIs(PredictiveMemory memory, CopyNumbers numbers, double elapsed)
    {
        var link = numbers.Link;
        if (!link.IsSound)
        {
            return new Outlook(Prospect.Unknown, numbers) { FloorHigh = numbers.Left };
        }

        if (numbers.DevicesLow > 0 && numbers.DowntimeLow(0) > numbers.Budget)
        {
            return new Outlook(Prospect.DevicesTooLarge, numbers) { FloorHigh = numbers.Left };
        }

        if (numbers.Left > Late * numbers.TimeLeft * Math.Max(link.High, 1) && numbers.Left > numbers.EnoughAtBest)
        {
            return new Outlook(Prospect.TooLate, numbers) { FloorLow = 0, FloorHigh = numbers.Left };
        }

        return memory.Sync is null && memory.Level.Seen > 0 ? WithoutPasses(memory, numbers, elapsed)
            : memory.Curve.Points.Count == 0 ? new Outlook(Prospect.Unknown, numbers) { FloorHigh = numbers.Left }
            : OfPasses(memory, numbers, elapsed);
    }

    /// <summary>The least throttle, in percent, under which the copy gets there; null when not even the highest is enough.</summary>
    public static (int Percent, double Time, double Floor)? Throttled(PredictiveMemory memory, CopyNumbers numbers, int from, int most, bool hopeful)
    {
        if (memory.Curve.Points.Count == 0 || memory.Sync is null)
        {
            // Nothing is known of how fast the guest writes, only that it is too fast: half of what is left of its time.
            var next = Math.Min(most, from + Math.Max(20, (100 - from) / 2));
            return next > from ? (next, 0, numbers.Left) : null;
        }

        if (from >= most || TimeAt(most) is null)
        {
            return null;
        }

        var (low, high) = (from, most);
        while (high - low > 1)
        {
            var middle = (low + high) / 2;
            (low, high) = TimeAt(middle) is null ? (middle, high) : (low, middle);
        }

        return TimeAt(high) is var (time, floor) ? (high, time, floor) : null;

        (double Time, double Floor)? TimeAt(int percent)
        {
            var (curve, pace) = (hopeful ? memory.Curve.Least : (Func<double, double>)memory.Curve.At, 1 - (percent / 100.0));
            var path = CopyPath.Follow(numbers, curve, pace, numbers.Link.Middle, Rest, stackalloc PathPoint[CopyPath.MostPasses]);
            return path.TimeTo(0.9 * numbers.Enough) is { } time && time < numbers.TimeLeft ? (time, path.Floor) : null;
        }
    }

    private static Outlook OfPasses(PredictiveMemory memory, CopyNumbers numbers, double elapsed)
    {
        Span<PathPoint> room = stackalloc PathPoint[CopyPath.MostPasses];
        var (curve, link, pace) = (memory.Curve, numbers.Link, numbers.Pace);
        var hard = CopyPath.Follow(numbers, curve.Most, pace, link.Low, Rest, room);
        var (floorHigh, timeHigh) = (hard.Floor, hard.TimeTo(numbers.Enough));
        var hopeful = CopyPath.Follow(numbers, curve.Least, pace, link.High, RestAtBest, room);
        var (floorLow, timeLow) = (hopeful.Floor, hopeful.TimeTo(numbers.EnoughAtBest));
        var middle = CopyPath.Follow(numbers, curve.At, pace, link.Middle, Rest, room);
        var timeMiddle = middle.TimeTo(numbers.Enough);
        if (AtRest(memory) is { } seen || (memory.SyncsInVain >= SyncsInVain && (seen = Beyond * numbers.EnoughAtBest) > 0))
        {
            (floorLow, floorHigh) = (Math.Max(floorLow, seen), Math.Max(floorHigh, seen));
            timeLow = seen > numbers.EnoughAtBest ? null : timeLow;
            (timeMiddle, timeHigh) = seen > numbers.Enough ? (null, null) : (timeMiddle, timeHigh);
        }

        var prospect = timeLow is null ? Prospect.Hopeless
            : timeLow > numbers.TimeLeft ? Prospect.TooLate
            : timeHigh <= numbers.TimeLeft ? Prospect.Sure
            : timeMiddle <= numbers.TimeLeft ? Prospect.Likely
            : Prospect.Unlikely;
        return new Outlook(prospect, numbers)
        {
            FloorLow = floorLow,
            FloorHigh = floorHigh,
            TimeLow = timeLow,
            TimeHigh = timeHigh,
            TimeMiddle = timeMiddle,
            Target = WorthWaitingFor(middle, numbers, timeMiddle, elapsed - (memory.FitsSince ?? elapsed), elapsed),
        };
    }

    /// <summary>The least that the last syncs have left, when they do not fall any more; null while they do, or are too few.</summary>
    private static double? AtRest(PredictiveMemory memory) =>
        memory.RecentSyncs is { Count: SyncsAtRest } syncs && syncs[^1] >= NoFall * syncs[0] ? syncs.Min() : null;

    /// <summary>
    /// The amount has not come to rest yet, but probes may have shown that it will do so far too high: continual syncs leave a part 1 - B / r
    /// of what passes would, so what passes leave has to be well above.
    /// </summary>
    private static Outlook WithoutPasses(PredictiveMemory memory, CopyNumbers numbers, double elapsed)
    {
        var level = OfLevel(memory.Level, numbers);
        if (level.Prospect is not Prospect.Unknown || memory.Curve.Seen < FewestProbes)
        {
            return level;
        }

        var passes = OfPasses(memory, numbers, elapsed);
        return passes.Prospect is Prospect.Hopeless && passes.FloorLow > WellAbove * numbers.EnoughAtBest ? passes : level;
    }

    private static Outlook OfLevel(LevelTrack level, CopyNumbers numbers)
    {
        // At rest the amount goes up and down by what one turn sends; falling, it has a floor that nobody has seen yet.
        var resting = level.Resting >= 2;
        var floor = resting ? level.Low : 0;
        double? time = numbers.Left <= numbers.Enough ? 0
            : resting && level.Low > numbers.Enough ? null
            : level.Fall > 0 ? (numbers.Left - numbers.Enough) / level.Fall
            : null;
        var prospect = numbers.Left <= numbers.Enough ? Prospect.Sure
            : resting && level.Low > numbers.EnoughAtBest ? Prospect.Hopeless
            : resting && level.Low > numbers.Enough ? Prospect.Unlikely
            : time > numbers.TimeLeft ? Prospect.TooLate
            : Prospect.Unknown;
        return new Outlook(prospect, numbers)
        {
            FloorLow = floor,
            FloorHigh = resting ? level.Low : numbers.Left,
            TimeLow = time,
            TimeHigh = time,
            TimeMiddle = time,
            Target = numbers.Left,
        };
    }

    /// <summary>
    /// The amount at which to switch over: the lowest on the path that is reached in the time which a lower downtime is worth, counted from
    /// when it was first good enough.
    /// </summary>
    private static double WorthWaitingFor(CopyPath path, CopyNumbers numbers, double? fits, double waited, double elapsed)
    {
        if (fits is not { } from)
        {
            return path.Floor;
        }

        var until = Math.Max(from, from + Math.Max(WorthSeconds, WorthTime * (elapsed + from)) - waited);
        var target = numbers.Enough;
        foreach (var point in path.Points)
        {
            target = point.Time <= until ? Math.Min(target, point.Amount) : target;
        }

        return target;
    }
}
