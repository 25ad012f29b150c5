using Google.Protobuf.WellKnownTypes;
using Orchestrator.Agent.V1;
using Orchestrator.Qmp;

namespace Orchestrator.Reports;

/// <summary>
/// Makes a report's numbers of what the engine says: its own where they mean the same in every version, ours where they do not. Pure.
/// </summary>
public static class ReportAssembler
{
    /// <summary>Stopping the CPUs, the small device state, loading it and our hand-over: what no formula of QEMU's contains.</summary>
    public static readonly TimeSpan SwitchOverOverhead = TimeSpan.FromMilliseconds(20);

    // QEMU's own window of 100 ms jumps by a factor of two between neighbours, so we look at a second or more.
    private static readonly TimeSpan s_bandwidthWindow = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_kept = TimeSpan.FromSeconds(2);

    // More syncs a second than this are no passes over memory: a turn of the loop that waits for something else.
    private const double MostPassesPerSecond = 4;

    public static (TransferNumbers Numbers, ReportMemory Memory) Assemble(EngineSample sample, ReportMemory memory)
    {
        if (sample.Info.Ram is not { } ram)
        {
            // Failed and cancelled migrations, and setup, have no numbers: the last known stand.
            return (CarriedOver(memory, sample), memory);
        }

        memory = Remember(sample, ram, memory);
        var running = sample.Info.Status.IsRunning;
        var firstPass = IsFirstPass(sample, ram);
        var (remaining, provenance) = Remaining(sample, ram);
        var switchOver = sample.Features.AvailSwitchoverBandwidth && sample.SwitchOverBytesPerSecond is > 0 and { } configured
            ? configured
            : memory.Bandwidth;
        var numbers = new TransferNumbers
        {
            RamTotalBytes = ram.TotalBytes ?? 0,
            RemainingProvenance = provenance,
            PassesHonest = ArePassesHonest(sample, memory),
            FirstPass = firstPass,
            ThrottlePercent = (uint)Math.Max(0, sample.Info.CpuThrottlePercent ?? 0),
            DowntimeLimit = sample.DowntimeLimit.ToDuration(),
            MaxBytesPerSecond = sample.MaxBytesPerSecond,
            Unreadable = { sample.Info.Unreadable },
        };
        Set(ram.RemainingBytes, value => numbers.RamRemainingBytes = value);
        Set(remaining, value => numbers.RemainingBytes = value);
        Set(ram.TransferredBytes, value => numbers.TransferredBytes = value);
        Set(Processed(ram), value => numbers.ProcessedBytes = value);
        Set(memory.Bandwidth, value => numbers.BandwidthBytesPerSecond = value);
        Set(running ? BytesPerSecond(ram.MegabitsPerSecond) : null, value => numbers.EngineBandwidthBytesPerSecond = value);
        Set(switchOver, value => numbers.SwitchoverBytesPerSecond = value);
        Set(DirtyRate(ram, memory), value => numbers.DirtyBytesPerSecond = value);
        Set(ram.DirtySyncCount, value => numbers.Pass = (uint)Math.Min(value, uint.MaxValue));
        Set(ram.PostcopyRequests, value => numbers.PostCopyRequests = value);
        if (sample.Info.ExpectedDowntimeMilliseconds is { } engineExpected)
        {
            numbers.EngineExpectedDowntimeMs = engineExpected;
        }

        if (running && !memory.PostCopyUsed && !firstPass)
        {
            ExpectedDowntime(sample, memory, switchOver, numbers);
        }

        numbers.TotalTime = Milliseconds(sample.Info.TotalTimeMilliseconds);
        numbers.SetupTime = Milliseconds(sample.Info.SetupTimeMilliseconds);

        // After post-copy no version's figure is the guest's outage: 7.2 has said more than the whole migration took, the others leave
        // out the loading or count what is not an outage.
        numbers.Downtime = running || memory.PostCopyUsed ? null : Milliseconds(sample.Info.DowntimeMilliseconds);
        numbers.Devices.AddRange(sample.Devices.Select(Device));
        numbers.DirtyProbe = Probe(sample.Probe, ram);
        return (numbers, memory with { Last = numbers });
    }

    private static ReportMemory Remember(EngineSample sample, RamProgress ram, ReportMemory memory)
    {
        var pass = ram.DirtySyncCount ?? memory.Pass ?? 0;
        var moved = memory.Moved;
        var bandwidth = memory.Bandwidth;

        // While the guest is held for the switch-over nothing moves, and that says nothing about the link.
        if (sample.Info.Status is MigrationStatus.Active or MigrationStatus.PostcopyActive or MigrationStatus.Unknown
            && ram.TransferredBytes is { } transferred
            && (moved.IsEmpty || sample.Elapsed > moved[^1].Elapsed))
        {
            moved = [.. moved.Where(then => sample.Elapsed - then.Elapsed <= s_kept), new Moved(sample.Elapsed, transferred, pass)];
            var oldest = moved[0];
            var lasted = sample.Elapsed - oldest.Elapsed;
            if (lasted >= s_bandwidthWindow && transferred >= oldest.Transferred)
            {
                bandwidth = (ulong)((transferred - oldest.Transferred) / lasted.TotalSeconds);
            }
        }

        var remaining = Remaining(sample, ram).Value;
        var synced = pass != memory.Pass || memory.RemainingAtSync is null;
        return memory with
        {
            Moved = moved,
            Bandwidth = bandwidth,
            Pass = pass,

            // The counter is raised a moment before the bitmap is counted anew, so the highest since then is what the sync found.
            RemainingAtSync = synced ? remaining : Max(memory.RemainingAtSync, remaining),
            DirtyRateSeen = memory.DirtyRateSeen || ram.DirtyPagesPerSecond > 0,
            PostCopyUsed = memory.PostCopyUsed || sample.Info.Status.IsPostcopy,
        };
    }

    private static bool IsFirstPass(EngineSample sample, RamProgress ram) =>
        sample.PostCopyCapability && !sample.Features.PassCountsHonestWithPostcopy
            ? Processed(ram) < ram.TotalBytes

            // 1 is the sync at the setup, or, from 11.1, where counting begins.
            : ram.DirtySyncCount is null or <= 1;

    private static bool ArePassesHonest(EngineSample sample, ReportMemory memory)
    {
        if (sample.PostCopyCapability && !sample.Features.PassCountsHonestWithPostcopy)
        {
            return false;
        }

        if (memory.Moved is not [var oldest, .., var newest])
        {
            return true;
        }

        var lasted = newest.Elapsed - oldest.Elapsed;
        return lasted < s_bandwidthWindow || newest.Pass - oldest.Pass <= MostPassesPerSecond * lasted.TotalSeconds;
    }

    private static (ulong? Value, Provenance Provenance) Remaining(EngineSample sample, RamProgress ram)
    {
        // QEMU 11.1 fills its figure at the first query of its loop: a 0 before that is no answer.
        if (sample.Info.RemainingBytes is { } systemWide && (systemWide > 0 || ram.RemainingBytes is 0))
        {
            return (systemWide, Provenance.Engine);
        }

        if (ram.RemainingBytes is not { } bytes)
        {
            return (null, Provenance.Unspecified);
        }

        foreach (var device in sample.Devices)
        {
            bytes = Saturating(Saturating(bytes, device.PrecopyBytes ?? 0), device.StopCopyBytes ?? 0);
        }

        return (bytes, Provenance.Computed);
    }

    /// <summary>overhead + what the last sync found / switch-over bandwidth, where the engine has no system-wide figure of its own.</summary>
    private static void ExpectedDowntime(EngineSample sample, ReportMemory memory, ulong? switchOver, TransferNumbers numbers)
    {
        var engine = sample.Info.ExpectedDowntimeMilliseconds;
        if (sample.Features.SystemWideRemaining && numbers.PassesHonest && engine is > 0 and < long.MaxValue / TimeSpan.TicksPerMillisecond)
        {
            numbers.ExpectedDowntime = TimeSpan.FromMilliseconds(engine.Value).ToDuration();
            numbers.ExpectedDowntimeProvenance = Provenance.Engine;
            return;
        }

        // Where every turn of the loop syncs, the present amount is exact; elsewhere the last sync's is, and the present one a saw-tooth.
        var amount = numbers.PassesHonest ? memory.RemainingAtSync : numbers.HasRemainingBytes ? numbers.RemainingBytes : null;
        if (amount is { } bytes && switchOver is > 0 and { } rate)
        {
            var seconds = (double)bytes / rate;
            if (seconds < TimeSpan.MaxValue.TotalSeconds / 2)
            {
                numbers.ExpectedDowntime = (SwitchOverOverhead + TimeSpan.FromSeconds(seconds)).ToDuration();
                numbers.ExpectedDowntimeProvenance = Provenance.Computed;
            }
        }
    }

    private static TransferNumbers CarriedOver(ReportMemory memory, EngineSample sample)
    {
        var numbers = memory.Last?.Clone() ?? new TransferNumbers { PassesHonest = true, FirstPass = true };
        numbers.DowntimeLimit = sample.DowntimeLimit.ToDuration();
        numbers.MaxBytesPerSecond = sample.MaxBytesPerSecond;
        if (memory.Last is not null)
        {
            numbers.RemainingProvenance = Provenance.CarriedOver;
            numbers.ExpectedDowntimeProvenance = numbers.ExpectedDowntime is null ? Provenance.Unspecified : Provenance.CarriedOver;
        }

        return numbers;
    }

    /// <summary>Pages dealt with: a zero page is a page's worth of progress, whatever it cost on the wire.</summary>
    private static ulong? Processed(RamProgress ram) =>
        ram is { NormalPages: { } normal, DuplicatePages: { } zero, PageSizeBytes: { } size }
            ? (ulong)UInt128.Min(((UInt128)normal + zero) * size, ulong.MaxValue)
            : null;

    private static ulong? DirtyRate(RamProgress ram, ReportMemory memory) =>
        ram is { DirtyPagesPerSecond: { } pages, PageSizeBytes: { } size } && (pages > 0 || memory.DirtyRateSeen)
            ? (ulong)UInt128.Min((UInt128)pages * size, ulong.MaxValue)
            : null;

    private static ulong? BytesPerSecond(double? megabits) =>
        megabits is >= 0 and < 1e12 ? (ulong)(megabits.Value * 1e6 / 8) : null;

    private static DeviceNumbers Device(DeviceSample device)
    {
        var numbers = new DeviceNumbers { DeviceId = device.DeviceId, Provenance = Provenance.Engine };
        Set(device.PrecopyBytes, value => numbers.PrecopyBytes = value);
        Set(device.StopCopyBytes, value => numbers.StopCopyBytes = value);
        Set(device.TransferredBytes, value => numbers.TransferredBytes = value);
        return numbers;
    }

    /// <summary>Rounding must not make it more than there is.</summary>
    private static DirtyProbe? Probe(ProbeSample? probe, RamProgress ram) => probe is null ? null : new DirtyProbe
    {
        Elapsed = probe.Ended.ToDuration(),
        Interval = probe.Interval.ToDuration(),
        Bytes = Math.Min(probe.Bytes, ram.TotalBytes ?? ulong.MaxValue),
    };

    private static Duration? Milliseconds(long? milliseconds) =>
        milliseconds is >= 0 and < long.MaxValue / TimeSpan.TicksPerMillisecond ? TimeSpan.FromMilliseconds(milliseconds.Value).ToDuration() : null;

    private static ulong? Max(ulong? left, ulong? right) => left is null ? right : right is null ? left : Math.Max(left.Value, right.Value);

    private static ulong Saturating(ulong left, ulong right) => left > ulong.MaxValue - right ? ulong.MaxValue : left + right;

    private static void Set(ulong? value, Action<ulong> assign)
    {
        if (value is { } known)
        {
            assign(known);
        }
    }
}
