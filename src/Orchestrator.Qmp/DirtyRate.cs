using System.Text.Json;

namespace Orchestrator.Qmp;

/// <summary>How far the last measuring of a dirty rate has come (qapi/migration.json, DirtyRateStatus).</summary>
public enum DirtyRateStatus
{
    /// <summary>A status this list does not have.</summary>
    Unknown,

    /// <summary>Never asked for, or asked for a moment ago: QEMU answers before its thread has begun.</summary>
    Unstarted,
    Measuring,
    Measured,
}

/// <summary>Reply of <c>query-dirty-rate</c>: the last measuring in this QEMU, whoever asked for it.</summary>
public sealed record DirtyRate
{
    /// <summary>Fewest pages per GiB that QEMU samples (migration/dirtyrate.h, MIN_SAMPLE_PAGE_COUNT).</summary>
    public const int LeastSamplePages = 128;

    /// <summary>Most of them (MAX_SAMPLE_PAGE_COUNT).</summary>
    public const int MostSamplePages = 16384;

    internal const string Milliseconds = "millisecond";

    // MIN_CALC_TIME_MS and MAX_CALC_TIME_MS.
    private static readonly TimeSpan s_shortest = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(60);

    public DirtyRateStatus Status { get; init; }

    /// <summary>
    /// MiB that became different, per second of <see cref="Interval"/>, rounded down; null before it is measured. Negative when nothing
    /// could be sampled.
    /// </summary>
    public long? MebibytesPerSecond { get; init; }

    /// <summary>
    /// What was asked for while it is being measured, then what it took. Before 8.2 whole seconds, rounded down, but the rate is of the
    /// milliseconds.
    /// </summary>
    public TimeSpan? Interval { get; init; }

    /// <summary>Per GiB; 0 for a mode other than page-sampling.</summary>
    public long? SamplePages { get; init; }

    /// <summary>Path and raw text of each number that could not be read.</summary>
    public IReadOnlyList<string> Unreadable { get; init; } = [];

    /// <summary>
    /// Bytes that became different in <see cref="Interval"/>: the rate times the interval, and half of what the rounding down may have taken
    /// off, which for 4 s are 2 MiB. A rate of 0 is taken for nothing. Null when it is not known.
    /// </summary>
    public ulong? ChangedBytes =>
        Status == DirtyRateStatus.Measured && MebibytesPerSecond is >= 0 and { } rate && Interval is { } interval
            ? rate == 0 ? 0 : (ulong)Math.Min((rate + 0.5) * interval.TotalSeconds * (1 << 20), long.MaxValue)
            : null;

    /// <returns>What is wrong with a measuring that is asked for; empty when nothing is.</returns>
    internal static IReadOnlyList<string> FindViolations(TimeSpan interval, TimeSpan unit, int samplePages)
    {
        List<string> violations = [];
        var shortest = TimeSpan.FromTicks(Math.Max(s_shortest.Ticks, unit.Ticks));
        if (interval < shortest || interval > s_longest || interval.Ticks % unit.Ticks != 0)
        {
            violations.Add(FormattableString.Invariant(
                $"calc-time is {interval.TotalSeconds} s, allowed is {shortest.TotalSeconds} to {s_longest.TotalSeconds} s in steps of {unit.TotalSeconds} s"));
        }

        if (samplePages is < LeastSamplePages or > MostSamplePages)
        {
            violations.Add(FormattableString.Invariant(
                $"sample-pages is {samplePages} per GiB, allowed is {LeastSamplePages} to {MostSamplePages}"));
        }

        return violations;
    }

    internal static DirtyRate Parse(JsonElement reply)
    {
        var reader = new ReplyReader("query-dirty-rate", reply);
        var time = reader.Signed("calc-time");
        var unit = reader.Text("calc-time-unit") == Milliseconds ? TimeSpan.TicksPerMillisecond : TimeSpan.TicksPerSecond;
        return new DirtyRate
        {
            Status = reader.Text("status") switch
            {
                "unstarted" => DirtyRateStatus.Unstarted,
                "measuring" => DirtyRateStatus.Measuring,
                "measured" => DirtyRateStatus.Measured,
                _ => DirtyRateStatus.Unknown,
            },
            MebibytesPerSecond = reader.Signed("dirty-rate"),
            Interval = time is >= 0 && time <= TimeSpan.MaxValue.Ticks / unit ? TimeSpan.FromTicks(time.Value * unit) : null,
            SamplePages = reader.Signed("sample-pages"),
            Unreadable = reader.Unreadable,
        };
    }
}
