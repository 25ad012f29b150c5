using System.Collections.Immutable;

namespace Orchestrator.BootGuest;

/// <summary>What the heartbeats say of a guest that was moved, the worst first.</summary>
public enum GuestVerdict
{
    /// <summary>Neither console had a heartbeat.</summary>
    NotHeard,

    /// <summary>Both sides said the same numbers while the other went on: two copies ran.</summary>
    TwoCopies,

    /// <summary>Memory did not hold what the guest had written.</summary>
    Corrupt,

    /// <summary>The guest booted again: its memory's state was lost.</summary>
    Restarted,

    /// <summary>A number came again: the guest went on from an older state than one it had been heard in.</summary>
    WentBack,

    /// <summary>Numbers were never heard. See <see cref="HeartbeatTrace.Missing"/> for what that can mean.</summary>
    BeatsMissing,

    /// <summary>The target said nothing; what the source said is sound.</summary>
    NotOnTarget,

    /// <summary>One copy, no heartbeat missing or repeated, all memory as it was written.</summary>
    Intact,
}

/// <summary>
/// What two consoles say of one guest that moved from one to the other. Pure: the same transcripts give the same trace.
/// </summary>
/// <remarks>
/// Numbers decide, times only measure. One copy never says a number twice, however its lines are delayed, and two copies that
/// came from one state both say the next number. Two copies that ran for less than one beat's period are not seen.
/// </remarks>
public sealed record HeartbeatTrace
{
    public Heartbeat? LastOnSource { get; private init; }

    /// <summary>May be the line that began on the source and was finished on the target.</summary>
    public Heartbeat? FirstOnTarget { get; private init; }

    public required GuestOutage Outage { get; init; }

    /// <summary>
    /// Numbers between the first and the last heard that were heard nowhere. None is to be expected, also at the switch: the guest
    /// says a line only when there is room for it, the port's bytes move with the machine, and a line torn over the two consoles is
    /// put together again. So any missing number means that a console had no reader for a while, or that state was lost.
    /// </summary>
    public ulong Missing { get; private init; }

    /// <summary>Those of <see cref="Missing"/> that lie between the last on the source and the first on the target.</summary>
    public ulong MissingAtSwitch { get; private init; }

    /// <summary>Heartbeats with a number that was not above all heard before, the source's being before the target's.</summary>
    public int Repeated { get; private init; }

    /// <summary>The same numbers on both sides, and the source still beating after the target began.</summary>
    public bool TwoCopies { get; private init; }

    /// <summary>READY after a heartbeat, the source's lines being before the target's.</summary>
    public bool Restarted { get; private init; }

    /// <summary>The highest count of bad pages any heartbeat gave.</summary>
    public ulong BadPages { get; private init; }

    /// <summary>What the BAD lines said, source first.</summary>
    public required ImmutableArray<string> BadLines { get; init; }

    /// <summary>Why the guest refused its options, each reason once.</summary>
    public required ImmutableArray<string> Refusals { get; init; }

    public GuestVerdict Verdict =>
        LastOnSource is null && FirstOnTarget is null ? GuestVerdict.NotHeard
        : TwoCopies ? GuestVerdict.TwoCopies
        : BadPages > 0 || BadLines is not [] ? GuestVerdict.Corrupt
        : Restarted ? GuestVerdict.Restarted
        : Repeated > 0 ? GuestVerdict.WentBack
        : Missing > 0 ? GuestVerdict.BeatsMissing
        : FirstOnTarget is null ? GuestVerdict.NotOnTarget
        : GuestVerdict.Intact;

    public static HeartbeatTrace Between(ConsoleTranscript source, ConsoleTranscript target)
    {
        var onSource = source.Beats();
        var onTarget = source.TornOverTo(target) is { } torn ? target.Beats().Insert(0, torn) : target.Beats();
        ImmutableArray<StampedBeat> all = [.. onSource, .. onTarget];
        SerialLine[] lines = [.. source.Lines.Concat(target.Lines).Select(stamped => stamped.Line)];
        return new HeartbeatTrace
        {
            LastOnSource = onSource.LastOrDefault()?.Heartbeat,
            FirstOnTarget = onTarget.FirstOrDefault()?.Heartbeat,
            Outage = GuestOutage.Of(onSource, onTarget),
            Missing = MissingOf(all),
            MissingAtSwitch = MissingBetween(onSource, onTarget),
            Repeated = RepeatedOf(all),
            TwoCopies = AreTwo(onSource, onTarget),
            Restarted = BootedAgain(lines),
            BadPages = all.Select(beat => beat.Heartbeat.BadPages).DefaultIfEmpty().Max(),
            BadLines = [.. lines.OfType<SerialLine.Bad>().Select(line => line.What)],
            Refusals = [.. lines.OfType<SerialLine.Refused>().Select(line => line.Why).Distinct()],
        };
    }

    private static ulong MissingOf(ImmutableArray<StampedBeat> all)
    {
        if (all is [])
        {
            return 0;
        }

        var numbers = all.Select(beat => beat.Heartbeat.Counter).ToHashSet();
        return numbers.Max() - numbers.Min() + 1 - (ulong)numbers.Count;
    }

    private static ulong MissingBetween(ImmutableArray<StampedBeat> source, ImmutableArray<StampedBeat> target) =>
        source is [.., var last] && target is [var first, ..] && first.Heartbeat.Counter > last.Heartbeat.Counter
            ? first.Heartbeat.Counter - last.Heartbeat.Counter - 1
            : 0;

    private static int RepeatedOf(ImmutableArray<StampedBeat> all)
    {
        var highest = 0UL;
        var repeated = 0;
        foreach (var beat in all)
        {
            repeated += beat.Heartbeat.Counter <= highest ? 1 : 0;
            highest = Math.Max(highest, beat.Heartbeat.Counter);
        }

        return repeated;
    }

    private static bool AreTwo(ImmutableArray<StampedBeat> source, ImmutableArray<StampedBeat> target) =>
        source is [.., var last] && target is [var first, ..]
        && last.At > first.At
        && source.Select(beat => beat.Heartbeat.Counter).Intersect(target.Select(beat => beat.Heartbeat.Counter)).Any();

    private static bool BootedAgain(IEnumerable<SerialLine> sourceThenTarget) =>
        sourceThenTarget.SkipWhile(line => line is not SerialLine.Beat).Any(line => line is SerialLine.Ready);
}
