namespace Orchestrator.Policy.Convergence.Predictive;

/// <summary>Takes one reading into the memory: what was measured, not what it means.</summary>
internal static class Measuring
{
    // The devices' share is the difference of two numbers taken up to a tenth of a second apart: the lowest of a second and more is theirs.
    private static readonly TimeSpan s_shareWindow = TimeSpan.FromSeconds(1);

    public static PredictiveMemory Take(PredictiveMemory memory, ConvergenceMoment moment)
    {
        var (reading, fresh) = (moment.Reading, moment.Fresh);
        var at = reading.Elapsed.TotalSeconds;
        var amount = AmountOf(fresh);
        var running = reading.GuestRunning && !reading.PausedToConverge;
        var link = running || reading.PausedToConverge
            ? memory.Link.See(at, fresh.Transferred?.Bytes, amount)
            : memory.Link.Break();
        var next = SeeProbe(memory with { Link = link, Devices = memory.Devices.See(at, fresh, s_shareWindow) }, reading, running);
        if (amount is not { } bytes)
        {
            return next;
        }

        next = reading.PassesHonest
            ? SeePass(next, reading, fresh, bytes, running)
            : next with { Level = next.Level.See(at, bytes, link.Middle), Sync = null };
        next = next.FirstPassSeconds == 0 && !reading.FirstPass ? next with { FirstPassSeconds = at } : next;
        return next with { Last = new AmountMark(at, bytes, reading.ThrottlePercent, running) };
    }

    /// <summary>RAM that is dirty; null when nothing believed is known.</summary>
    public static double? AmountOf(FreshNumbers fresh) =>
        fresh.RamRemaining is { } ram ? ram.Bytes
        : fresh is { Remaining: { } all, StopCopy: { } stop } ? Math.Max(0, (all - stop).Bytes)
        : null;

    /// <summary>A probe that the guest was stopped in, or that a throttle came into, says little: the pace now stands for all of it.</summary>
    private static PredictiveMemory SeeProbe(PredictiveMemory memory, ConvergenceReading reading, bool running)
    {
        if (reading.Probe is not { } probe || probe.At.TotalSeconds is var ended && ended <= memory.ProbedAt)
        {
            return memory;
        }

        var pace = 1 - (reading.ThrottlePercent / 100.0);
        var noted = memory with { ProbedAt = probe.At.TotalSeconds };
        return running
            ? noted with { Curve = memory.Curve.Add(probe.Interval.TotalSeconds * pace, probe.Dirtied.Bytes, reading.Elapsed.TotalSeconds) }
            : noted;
    }

    private static PredictiveMemory SeePass(
        PredictiveMemory memory, ConvergenceReading reading, FreshNumbers fresh, double amount, bool running)
    {
        if (fresh.Pass is not { } pass)
        {
            return memory;
        }

        var at = reading.Elapsed.TotalSeconds;
        if (memory.Sync is not { } before || pass < before.Pass)
        {
            // The copy begins with a sync; whoever comes later has not seen when the last one was.
            return memory with { Sync = reading.FirstPass ? new SyncMark(0, pass, amount, true) : new SyncMark(at, pass, amount, false) };
        }

        if (pass == before.Pass)
        {
            return memory;
        }

        var mark = new SyncMark(at, pass, amount, true);
        var known = before.Known && running && memory.Last is { Running: true };
        if (!known || at <= before.At)
        {
            return memory with { Sync = mark };
        }

        // Several syncs between two readings are taken for evenly spread.
        var syncs = pass - before.Pass;
        var interval = (at - before.At) / syncs;
        var throttle = (reading.ThrottlePercent + (memory.Last?.Throttle ?? reading.ThrottlePercent)) / 200.0;
        var found = Dirtied(memory.Curve, amount, Math.Min(amount, Leftover(memory, reading)));
        var curve = memory.Curve.Add(interval * (1 - throttle), found, at);
        var sameAsBefore = reading.ThrottlePercent == memory.Last?.Throttle && !reading.FirstPass;
        return memory with
        {
            Sync = mark,
            Curve = curve,
            RecentSyncs = sameAsBefore ? [.. memory.RecentSyncs.TakeLast(Outlooks.SyncsAtRest - 1), amount] : [amount],
            LowestSync = Math.Min(memory.LowestSync ?? double.PositiveInfinity, amount),
            SyncsSinceThrottle = memory.SyncsSinceThrottle + 1,
        };
    }

    /// <summary>
    /// What was written since the sync before. A page that had not been sent and was written again shows only once: what is new is the part
    /// of it that was not left over, D (1 - L / H), as far as the set it came from is known.
    /// </summary>
    private static double Dirtied(DirtyCurve curve, double amount, double leftover)
    {
        const double Least = 0.1;
        var set = Math.Max(amount, curve.Points.Count > 0 ? curve.Points[^1].Bytes : 0);
        return set <= 0 ? 0 : Math.Min(amount, (amount - leftover) / Math.Max(Least, 1 - (leftover / set)));
    }

    /// <summary>
    /// What of the pass before had not been sent when the sync came. The engine syncs when what is left would go within its limit, so it is
    /// never more than that.
    /// </summary>
    private static double Leftover(PredictiveMemory memory, ConvergenceReading reading)
    {
        if (memory.Last is not { } last || memory.Link.Windows.Count == 0)
        {
            return 0;
        }

        var within = reading.DowntimeLimit.TotalSeconds * Math.Max(memory.Link.High, memory.ToldBandwidth ?? 0);
        return Math.Clamp(last.Amount - (memory.Link.Middle * (reading.Elapsed.TotalSeconds - last.At)), 0, Math.Max(0, within));
    }
}

/// <summary>What lies above RAM: the devices' share of the remaining amount, as the lowest of a window, and the one before it.</summary>
public sealed record DeviceShare
{
    public double? OpenedAt { get; init; }

    public double? Low { get; init; }

    public double? LowBefore { get; init; }

    /// <summary>Last believed size of what devices can send only when stopped.</summary>
    public double StopCopy { get; init; }

    /// <summary>What a switch-over now would have to send of the devices; null when nothing is known.</summary>
    public double? Bytes => (Low, LowBefore) switch
    {
        ({ } now, { } before) => Math.Min(now, before),
        _ => null,
    };

    internal DeviceShare See(double at, FreshNumbers fresh, TimeSpan window)
    {
        var stop = fresh.StopCopy is { } known ? known.Bytes : StopCopy;
        if (fresh is not { Remaining: { } all, RamRemaining: { } ram })
        {
            return this with { StopCopy = stop };
        }

        var share = Math.Max(0.0, (all - ram).Bytes);
        return OpenedAt is { } opened && at - opened < window.TotalSeconds && at >= opened
            ? this with { StopCopy = stop, Low = Math.Min(Low ?? share, share) }
            : new DeviceShare { StopCopy = stop, OpenedAt = at, Low = share, LowBefore = Low };
    }
}
