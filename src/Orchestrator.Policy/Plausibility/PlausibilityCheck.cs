using System.Globalization;
using Orchestrator.Policy.Convergence;

namespace Orchestrator.Policy.Plausibility;

/// <summary>Makes a reading of a report: every number is bounded; what is not believed is named and replaced by its last good value.</summary>
public static class PlausibilityCheck
{
    /// <summary>Never throws, whatever comes in. Field names in the suspects are those of agent.v1.TransferNumbers.</summary>
    public static (ConvergenceReading Reading, PlausibilityMemory Memory) Check(ReportedNumbers reported, PlausibilityMemory memory)
    {
        var judgement = new Judgement(memory);
        foreach (var unreadable in reported.Unreadable)
        {
            var parts = unreadable.Split('=', 2);
            judgement.Suspect(parts[0], parts is [_, var raw] ? raw : "", "is no number of its type");
        }

        // A report's time is an agent's word too: what lies outside says nothing about how much could have moved.
        var elapsed = Clamp(reported.Elapsed);
        var sinceLast = memory.Elapsed is { } before && elapsed > before ? elapsed - before : TimeSpan.Zero;
        var ramTotal = judgement.Bounded("ram_total_bytes", reported.RamTotal, PlausibleBounds.RamBytes, "is more than any guest has")
            ?? memory.RamTotal ?? 0;
        var devices = DeviceCheck.Check(reported.Devices, judgement);
        var stopCopy = devices.Values.Aggregate(0UL, (sum, device) => Saturating(sum, device.StopCopy));

        var ramRemaining = judgement.Bounded(
            "ram_remaining_bytes", reported.RamRemaining, Saturating(ramTotal, PlausibleBounds.PageSlackBytes), "is more than the guest's RAM");
        var remaining = RemainingCheck.Check(reported, ramTotal, ramRemaining, sinceLast, judgement);
        var transferred = TransferredCheck(reported.Transferred, sinceLast, judgement);
        var bandwidth = judgement.Bounded(
            "bandwidth_bytes_per_second", reported.Bandwidth, PlausibleBounds.LinkBytesPerSecond, "is more than any link carries");
        var switchOver = judgement.Bounded(
            "switchover_bytes_per_second", reported.SwitchOverBandwidth, PlausibleBounds.LinkBytesPerSecond, "is more than any link carries");
        var dirtyRate = judgement.Bounded(
            "dirty_bytes_per_second", reported.DirtyRate, PlausibleBounds.DirtyBytesPerSecond, "is more than any memory takes");
        var pass = PassCheck(reported, sinceLast, judgement);
        var expected = ExpectedDowntimeCheck(reported, ramTotal, switchOver ?? memory.SwitchOverBandwidth, judgement);
        var throttle = ThrottleCheck(reported, judgement);

        var next = memory with
        {
            Elapsed = elapsed,
            RamTotal = ramTotal,
            RamRemaining = ramRemaining ?? memory.RamRemaining,
            Remaining = remaining ?? memory.Remaining,
            Transferred = transferred ?? memory.Transferred,
            Bandwidth = bandwidth ?? memory.Bandwidth,
            SwitchOverBandwidth = switchOver ?? memory.SwitchOverBandwidth,
            DirtyRate = dirtyRate ?? memory.DirtyRate,
            ExpectedDowntime = expected ?? memory.ExpectedDowntime,
            Pass = pass ?? memory.Pass,
            Devices = devices,
            Jumped = judgement.Jumped,
        };
        var reading = new ConvergenceReading
        {
            Sequence = reported.Sequence,
            Elapsed = elapsed,
            Activity = reported.Activity,
            Pass = next.Pass ?? 0,
            PassesHonest = reported.PassesHonest,
            FirstPass = reported.FirstPass,
            RamTotal = Size(ramTotal),
            RamRemaining = Size(next.RamRemaining),
            Remaining = Size(next.Remaining),
            StopCopy = Size(stopCopy),
            Transferred = Size(next.Transferred),
            Bandwidth = Rate(next.Bandwidth),
            SwitchOverBandwidth = Rate(next.SwitchOverBandwidth),

            // What the agent was told, not what it measured.
            Cap = reported.Cap > 0 ? Rate(reported.Cap) : null,
            DirtyRate = Rate(next.DirtyRate),
            Probe = ProbeCheck(reported.Probe, ramTotal, elapsed, judgement),

            // Of the first pass and of post-copy there is no estimate, old or new.
            ExpectedDowntime = reported.FirstPass || reported.Activity is not (EngineActivity.PreCopy or EngineActivity.SwitchingOver)
                ? null
                : next.ExpectedDowntime,
            DowntimeLimit = reported.DowntimeLimit,
            ThrottlePercent = throttle,
            GuestRunning = reported.GuestRunning,
            PausedToConverge = reported.PausedToConverge,
            Suspects = judgement.Suspects,
            Fresh = (ramRemaining is null ? 0 : ReadingNumber.RamRemaining)
                | (remaining is null ? 0 : ReadingNumber.Remaining)
                | (reported.Devices.Count > 0 && !judgement.Suspects.Any(suspect => suspect.Field.StartsWith("devices", StringComparison.Ordinal))
                    ? ReadingNumber.StopCopy
                    : 0)
                | (transferred is null ? 0 : ReadingNumber.Transferred)
                | (bandwidth is null ? 0 : ReadingNumber.Bandwidth)
                | (switchOver is null ? 0 : ReadingNumber.SwitchOverBandwidth)
                | (dirtyRate is null ? 0 : ReadingNumber.DirtyRate)
                | (expected is null ? 0 : ReadingNumber.ExpectedDowntime)
                | (pass is null ? 0 : ReadingNumber.Pass),
        };
        return (reading, next);
    }

    internal static ulong Saturating(ulong left, ulong right) => left > ulong.MaxValue - right ? ulong.MaxValue : left + right;

    /// <summary>What a link at its bound moves in this time, and a gibibyte for reports that were held up.</summary>
    internal static ulong MostMoved(TimeSpan time) =>
        (ulong)Math.Min(PlausibleBounds.LinkBytesPerSecond * time.TotalSeconds, long.MaxValue) + PlausibleBounds.JumpSlackBytes;

    private static ulong? TransferredCheck(ulong? reported, TimeSpan sinceLast, Judgement judgement)
    {
        const string Field = "transferred_bytes";
        if (judgement.Bounded(Field, reported, long.MaxValue, "is beyond 2^63") is not { } value)
        {
            return null;
        }

        return judgement.Memory.Transferred is not { } last ? value
            : value < last ? judgement.Jump(Field, value, $"is below the {last} reported before; a count of bytes sent only grows")
            : value - last > MostMoved(sinceLast) ? judgement.Jump(Field, value, $"is more than any link carries since the {last} reported before")
            : value;
    }

    private static int? PassCheck(ReportedNumbers reported, TimeSpan sinceLast, Judgement judgement)
    {
        if (reported.Pass is not { } pass)
        {
            return null;
        }

        if (pass < 0 || pass < judgement.Memory.Pass)
        {
            judgement.Suspect("pass", Text(pass), "is below the one reported before; passes are only counted up");
            return null;
        }

        if (pass - (judgement.Memory.Pass ?? pass) > 100 + (PlausibleBounds.PassesPerSecond * sinceLast.TotalSeconds))
        {
            judgement.Suspect("pass", Text(pass), "is further than any engine counts in that time");
            return null;
        }

        return pass;
    }

    private static TimeSpan? ExpectedDowntimeCheck(ReportedNumbers reported, ulong ramTotal, ulong? switchOver, Judgement judgement)
    {
        // INT64_MAX is the engine's own word for "unknown", and in the first pass it repeats its limit.
        if (reported.EngineExpectedDowntimeMilliseconds is { } engine and not long.MaxValue
            && !reported.FirstPass
            && (engine < 0 || engine > PlausibleBounds.Downtime.TotalMilliseconds))
        {
            judgement.Suspect("engine_expected_downtime_ms", Text(engine), "is no downtime: 0 to 2000000 ms can be one");
        }

        if (reported.ExpectedDowntime is not { } expected || reported.FirstPass)
        {
            return null;
        }

        if (expected < TimeSpan.Zero || expected > PlausibleBounds.Downtime)
        {
            judgement.Suspect("expected_downtime", Text(expected), "is no downtime: 0 to 2000 s can be one");
            return null;
        }

        // Everything there is, at the rate it would go: four times that, and ten seconds, no estimate of the same thing can reach.
        if (switchOver is > 0 and { } rate && ramTotal > 0)
        {
            var everything = (double)Saturating(ramTotal, RemainingCheck.MostOnDevices(judgement.Memory)) / rate;
            if (expected.TotalSeconds > (4 * everything) + 10)
            {
                judgement.Suspect("expected_downtime", Text(expected), "is longer than sending everything there is would take");
                return null;
            }
        }

        return expected;
    }

    private static DirtyProbe? ProbeCheck(ReportedProbe? probe, ulong ramTotal, TimeSpan elapsed, Judgement judgement)
    {
        const string Field = "dirty_probe";
        if (probe is null)
        {
            return null;
        }

        if (probe.Interval < PlausibleBounds.ShortestProbe || probe.Interval > PlausibleBounds.LongestProbe)
        {
            judgement.Suspect(Field, Text(probe.Interval), "is no interval of a probe: 50 ms to 60 s can be one");
            return null;
        }

        if (probe.Elapsed < TimeSpan.Zero || probe.Elapsed > elapsed)
        {
            judgement.Suspect(Field, Text(probe.Elapsed), "ended in the future");
            return null;
        }

        return judgement.Bounded(Field, probe.Bytes, Saturating(ramTotal, PlausibleBounds.PageSlackBytes), "is more than the guest's RAM") is { } bytes
            ? new DirtyProbe(probe.Elapsed, probe.Interval, Size(bytes))
            : null;
    }

    private static int ThrottleCheck(ReportedNumbers reported, Judgement judgement)
    {
        if (reported.ThrottlePercent is < 0 or > 99)
        {
            judgement.Suspect("throttle_percent", Text(reported.ThrottlePercent), "is not 0 to 99");
        }

        return Math.Clamp(reported.ThrottlePercent, 0, 99);
    }

    private static DataSize Size(ulong bytes) => new((long)Math.Min(bytes, long.MaxValue));

    private static DataSize? Size(ulong? bytes) => bytes is { } known ? Size(known) : null;

    private static DataRate? Rate(ulong? bytesPerSecond) =>
        bytesPerSecond is { } known ? new DataRate((long)Math.Min(known, long.MaxValue)) : null;

    private static TimeSpan Clamp(TimeSpan elapsed) =>
        elapsed < TimeSpan.Zero ? TimeSpan.Zero : elapsed > PlausibleBounds.Elapsed ? PlausibleBounds.Elapsed : elapsed;

    private static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);

    private static string Text(TimeSpan value) => string.Create(CultureInfo.InvariantCulture, $"{value.TotalSeconds:0.###} s");
}
