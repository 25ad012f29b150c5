using Orchestrator.HostAgent.Guests;
using Orchestrator.Qmp;
using Orchestrator.Reports;

namespace Orchestrator.HostAgent.Migrations;

/// <summary>The copy that is probed, as its session sees it.</summary>
/// <param name="StartedAt">When the engine's migration started.</param>
/// <param name="MemoryBytes">Of the guest.</param>
internal sealed record ProbedCopy(Guid MigrationId, DateTimeOffset StartedAt, ulong MemoryBytes)
{
    /// <summary>The guest's CPUs run, and nothing has begun that ends that or the copy.</summary>
    public required Func<bool> GoesOn { get; init; }

    /// <summary>When the guest's CPUs last stopped; null when nobody saw them stop.</summary>
    public required Func<DateTimeOffset?> StoppedAt { get; init; }

    public required Func<CancellationToken, Task<QemuMonitor>> Monitor { get; init; }
}

/// <summary>
/// Keeps measuring how much memory a guest dirties in intervals of different lengths while it is copied, which is known long before the
/// first pass is over. On a task of its own and with commands that QEMU answers at once, so nobody waits for it. Where the engine refuses,
/// or says what cannot be, there is no probe and one line in the log for each kind of trouble.
/// </summary>
internal sealed partial class DirtyProber(ProbedCopy copy, TimeProvider clock, ILogger logger)
{
    private static readonly TimeSpan[] s_wholeSeconds = [TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(4)];
    private static readonly TimeSpan[] s_intervals = [TimeSpan.FromMilliseconds(250), .. s_wholeSeconds];
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(1);

    // What was learnt by then changes seldom: from there on one probe in so long.
    private static readonly TimeSpan s_eagerFor = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan s_laterEvery = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan s_glance = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_firstLook = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan s_slowestLook = TimeSpan.FromSeconds(1);

    // Beyond its interval; hashing a huge guest's samples takes a second.
    private static readonly TimeSpan s_lateness = TimeSpan.FromSeconds(30);

    // QEMU hashes its samples twice, and we see how long the second time takes: so the two get a tenth of a processor at most.
    private const int RestPerHashing = 20;
    private static readonly TimeSpan s_longestRest = TimeSpan.FromMinutes(1);

    private readonly HashSet<Trouble> _told = [];
    private volatile ProbeSample? _last;

    /// <summary>The last that ended, from whatever thread; null before one has.</summary>
    public ProbeSample? Last => _last;

    /// <summary>Until cancelled. Does not throw.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        try
        {
            for (var turn = 0; ; turn++)
            {
                while (!copy.GoesOn())
                {
                    await Task.Delay(s_glance, clock, cancellation);
                }

                var began = clock.GetUtcNow();
                var rest = await TryProbeAsync(turn, cancellation);
                var lasted = clock.GetUtcNow() - began;
                var eager = began - copy.StartedAt < s_eagerFor;
                await Task.Delay(Longer(rest, eager ? s_pause : s_laterEvery - lasted), clock, cancellation);
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
        }
        catch (Exception unplanned) when (unplanned is not OutOfMemoryException)
        {
            LogUnplanned(copy.MigrationId, unplanned);
        }
    }

    /// <summary>
    /// Per GiB: QEMU's usual 512, more for a small guest, so that it is still about 4096 pages in all and a hot set of a fiftieth is found
    /// to within a tenth or so; fewer for a huge one, so that no more than about 262144 are hashed.
    /// </summary>
    internal static int SamplePages(ulong memoryBytes)
    {
        const double Usual = 512, Least = 4096, Most = 262_144;
        var gibibytes = Math.Max(memoryBytes, 1) / (double)(1 << 30);
        var wanted = Math.Clamp(Usual * gibibytes, Least, Most) / gibibytes;
        return (int)Math.Clamp(Math.Ceiling(wanted), DirtyRate.LeastSamplePages, DirtyRate.MostSamplePages);
    }

    /// <returns>How long to leave the engine alone at least.</returns>
    private async Task<TimeSpan> TryProbeAsync(int turn, CancellationToken cancellation)
    {
        try
        {
            return await ProbeAsync(turn, cancellation);
        }
        catch (QmpException refused)
        {
            Tell(Trouble.Refused, $"the engine refused: {refused.Description}");
            return s_laterEvery;
        }
        catch (Exception lost) when (lost is QmpDisconnectedException or GuestUnreachableException)
        {
            // What was asked for may only be beginning, and QEMU would not tell that from nothing at all.
            Tell(Trouble.NotAnswering, lost.Message);
            return s_pause;
        }
    }

    private async Task<TimeSpan> ProbeAsync(int turn, CancellationToken cancellation)
    {
        var monitor = await copy.Monitor(cancellation);
        if (!monitor.Features.DirtyRateSampling)
        {
            Tell(Trouble.Unsupported, $"QEMU {monitor.Greeting.Version} does not sample pages");
            return s_laterEvery;
        }

        await UntilIdleAsync(monitor, cancellation);
        if (!copy.GoesOn())
        {
            return TimeSpan.Zero;
        }

        var intervals = monitor.Features.DirtyRateMilliseconds ? s_intervals : s_wholeSeconds;
        var interval = intervals[turn % intervals.Length];
        var samplePages = SamplePages(copy.MemoryBytes);
        var asked = clock.GetUtcNow();
        await monitor.CalcDirtyRateAsync(interval, samplePages, cancellation);
        var began = clock.GetUtcNow();
        await Task.Delay(interval, clock, cancellation);
        if (await UntilMeasuredAsync(monitor, began + interval, cancellation) is not { } rate)
        {
            return TimeSpan.Zero;
        }

        var seen = clock.GetUtcNow();
        if (Read(rate, interval, samplePages) is not var (lasted, bytes))
        {
            return TimeSpan.Zero;
        }

        var ended = began + lasted < seen ? began + lasted : seen;
        if (copy.GoesOn() && !(copy.StoppedAt() >= asked))
        {
            _last = new ProbeSample(Longer(ended - copy.StartedAt, TimeSpan.Zero), lasted, bytes);
        }

        return TimeSpan.FromTicks(Math.Min(RestPerHashing * (seen - ended).Ticks, s_longestRest.Ticks));
    }

    /// <summary>Somebody else's measuring is not ours to disturb; there is one at a time in an engine.</summary>
    private async Task UntilIdleAsync(QemuMonitor monitor, CancellationToken cancellation)
    {
        while (copy.GoesOn() && (await monitor.QueryDirtyRateAsync(cancellation)).Status is not (DirtyRateStatus.Unstarted or DirtyRateStatus.Measured))
        {
            Tell(Trouble.Taken, "another measuring is under way; waiting for its end");
            await Task.Delay(s_slowestLook, clock, cancellation);
        }
    }

    /// <returns>Null when it is of no use any more, or does not end; then the next one waits for it.</returns>
    private async Task<DirtyRate?> UntilMeasuredAsync(QemuMonitor monitor, DateTimeOffset due, CancellationToken cancellation)
    {
        var look = s_firstLook;
        while (copy.GoesOn())
        {
            var rate = await monitor.QueryDirtyRateAsync(cancellation);
            if (rate.Status == DirtyRateStatus.Measured)
            {
                return rate;
            }

            if (clock.GetUtcNow() - due > s_lateness)
            {
                Tell(Trouble.Endless, $"a measuring is not over {s_lateness.TotalSeconds} s after its time");
                return null;
            }

            await Task.Delay(look, clock, cancellation);
            look = TimeSpan.FromTicks(Math.Min(look.Ticks * 2, s_slowestLook.Ticks));
        }

        return null;
    }

    private (TimeSpan Lasted, ulong Bytes)? Read(DirtyRate rate, TimeSpan interval, int samplePages)
    {
        if (rate.SamplePages != samplePages || rate.Interval < interval)
        {
            Tell(Trouble.Taken, $"the last measuring is another one's, of {rate.Interval} with {rate.SamplePages} samples per GiB");
            return null;
        }

        if (rate.Interval is not { } lasted || lasted > interval + s_lateness || rate.ChangedBytes is not { } bytes)
        {
            Tell(Trouble.Nonsense, $"it measured {rate.MebibytesPerSecond} MiB/s in {rate.Interval} ({string.Join("; ", rate.Unreadable)})");
            return null;
        }

        return (lasted, bytes);
    }

    private static TimeSpan Longer(TimeSpan one, TimeSpan other) => one > other ? one : other;

    private void Tell(Trouble kind, string reason)
    {
        if (_told.Add(kind))
        {
            // Whoever follows the copy sees to an engine that does not answer.
            LogTrouble(kind == Trouble.NotAnswering ? LogLevel.Debug : LogLevel.Information, copy.MigrationId, reason);
        }
    }

    private enum Trouble
    {
        Unsupported,
        Refused,
        NotAnswering,
        Taken,
        Endless,
        Nonsense,
    }

    [LoggerMessage(EventId = 1, Message = "Migration {MigrationId}: no probe of what the guest dirties for now: {Reason}.")]
    private partial void LogTrouble(LogLevel level, Guid migrationId, string reason);

    [LoggerMessage(2, LogLevel.Information, "Migration {MigrationId}: probing what the guest dirties failed in a way nobody planned and is given up.")]
    private partial void LogUnplanned(Guid migrationId, Exception failure);
}
