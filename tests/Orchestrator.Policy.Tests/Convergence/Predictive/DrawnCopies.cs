using FsCheck;
using FsCheck.Fluent;
using Orchestrator.Policy.Convergence;

namespace Orchestrator.Policy.Tests.Convergence.Predictive;

/// <summary>A copy that makes sense, and at each of its readings what does not.</summary>
/// <param name="Frozen">Only the time goes on.</param>
internal sealed record DrawnRun(ConvergenceTerms Terms, Func<ModelledCopy> Model, bool Frozen, IReadOnlyList<Oddity> Oddities);

/// <param name="Kind">0 = nothing odd.</param>
internal readonly record struct Oddity(int Kind, long Number, long Other, int Small);

internal static class DrawnCopies
{
    private const int Kinds = 25;

    public static Gen<ConvergenceDocument> Documents { get; } =
        from order in Gen.Shuffle(new[] { 0, 1, 2 })
        from shape in Gen.Choose(0, 7)
        from numbers in Gen.ArrayOf(Gen.Choose(1, 90), 4)
        from initial in Gen.Choose(1, 300)
        from stop in Gen.Choose(0, 12)
        select new ConvergenceDocument
        {
            InitialDowntime = TimeSpan.FromMilliseconds(initial),
            MaxDowntime = TimeSpan.FromSeconds(2),
            Pacing = new Pacing.Predictive(),
            Steps = [.. order.Where(action => action == 0 || (shape & action) != 0).Select(action => Step(action, numbers)), Last(shape)],
            Stop = new StopConditions
            {
                MaxPasses = stop == 0 ? numbers[0] : null,
                MaxTransferFactor = stop == 1 ? numbers[0] / 10.0 : null,
                MaxTotalTime = stop == 2 ? TimeSpan.FromSeconds(numbers[0]) : null,
            },
        };

    /// <param name="odds">Of a hundred readings, how many are odd; 0 to 100.</param>
    public static Gen<DrawnRun> Runs(int odds, int beats) =>
        from terms in Terms()
        from model in Models()
        from frozen in Gen.Choose(0, 19)
        from oddities in Gen.ListOf(Oddities(odds), beats)
        select new DrawnRun(terms, model, frozen == 0, [.. oddities]);

    /// <summary>The reading as it comes.</summary>
    public static ConvergenceReading Spoil(ConvergenceReading reading, Oddity odd)
    {
        var (size, rate) = (new DataSize(odd.Number), new DataRate(odd.Number));
        return odd.Kind switch
        {
            1 => reading with { Fresh = (ReadingNumber)(odd.Small % 512) },
            2 => reading with { Fresh = ReadingNumber.None },
            3 => reading with { Elapsed = reading.Elapsed - TimeSpan.FromSeconds(odd.Small % 30) },
            4 => reading with { Elapsed = reading.Elapsed + TimeSpan.FromSeconds(odd.Number % 1_000_000_000) },
            5 => reading with { Pass = odd.Small % 2 == 0 ? (int)odd.Number : reading.Pass + (odd.Small % 50) - 25 },
            6 => reading with { RamRemaining = size },
            7 => reading with { Remaining = size },
            8 => reading with { StopCopy = size },
            9 => reading with { Transferred = size },
            10 => reading with { Bandwidth = rate },
            11 => reading with { SwitchOverBandwidth = rate },
            12 => reading with { DirtyRate = rate },
            13 => reading with { ExpectedDowntime = TimeSpan.FromMilliseconds(odd.Number % 1_000_000_000_000) },
            14 => reading with { ThrottlePercent = odd.Small % 100 },
            15 => reading with { GuestRunning = false },
            16 => reading with { PausedToConverge = !reading.PausedToConverge },
            17 => reading with
            {
                Probe = new DirtyProbe(
                    TimeSpan.FromSeconds(odd.Other % 1_000_000_000), TimeSpan.FromMilliseconds(odd.Small), size),
            },
            18 => reading with
            {
                RamRemaining = null,
                Remaining = null,
                Transferred = null,
                Bandwidth = null,
                SwitchOverBandwidth = null,
                DirtyRate = null,
                ExpectedDowntime = null,
                Probe = null,
            },
            19 => reading with { Sequence = reading.Sequence - 1 },
            20 => reading with { FirstPass = !reading.FirstPass },
            21 => reading with { PassesHonest = !reading.PassesHonest },
            22 => Everything(reading, 0),
            23 => Everything(reading, long.MaxValue),
            24 => reading with { Cap = rate },
            Kinds => reading with { Activity = (EngineActivity)(odd.Small % 6) },
            _ => reading,
        };
    }

    private static ConvergenceReading Everything(ConvergenceReading reading, long value) => reading with
    {
        RamRemaining = new DataSize(value),
        Remaining = new DataSize(value),
        StopCopy = new DataSize(value),
        Transferred = new DataSize(value),
        Bandwidth = new DataRate(value),
        SwitchOverBandwidth = new DataRate(value),
        DirtyRate = new DataRate(value),
        ExpectedDowntime = value == 0 ? TimeSpan.Zero : TimeSpan.MaxValue,
        Probe = new DirtyProbe(reading.Elapsed, value == 0 ? TimeSpan.Zero : TimeSpan.FromDays(1000), new DataSize(value)),
    };

    private static Gen<ConvergenceTerms> Terms() =>
        from document in Documents
        from budget in Gen.Choose(1, 2000)
        from deadline in Gen.Choose(-40, 60)
        from possible in Gen.Choose(0, 3)
        from overhead in Gen.Choose(0, 200)
        from line in Gen.Elements<long?>(null, 0, 1_000_000, 1_000_000_000, 10_000_000_000, long.MaxValue)
        from told in Gen.Choose(0, 5)
        select new ConvergenceTerms
        {
            Document = told > 0 ? document : document with { Bandwidth = new BandwidthTerms { SwitchOver = DataRate.FromMebibytesPerSecond(500) } },
            Budget = TimeSpan.FromMilliseconds(budget),
            Deadline = deadline <= 0 ? null : TimeSpan.FromSeconds(deadline),
            GuestMemory = DataSize.FromGibibytes(8),
            PostCopyPossible = (possible & 1) != 0,
            ThrottlePossible = (possible & 2) != 0,
            Overhead = new SwitchOverCost(TimeSpan.FromMilliseconds(overhead / 2), TimeSpan.FromMilliseconds(overhead)),
            LineRate = line is { } known ? new DataRate(known) : null,
        };

    private static Gen<Func<ModelledCopy>> Models() =>
        from memory in Gen.Choose(100, 16_000)
        from hot in Gen.Choose(1, 100)
        from rate in Gen.Choose(0, 5000)
        from phase in Gen.Choose(1, 40)
        from then in Gen.Choose(0, 400)
        from link in Gen.Choose(1, 3000)
        from dip in Gen.Choose(0, 200)
        from flags in Gen.Choose(0, 31)
        from stopCopy in Gen.Choose(-1000, 1000)
        select (Func<ModelledCopy>)(() => new ModelledCopy
        {
            Memory = memory * 1e6,
            HotSet = memory * 1e4 * hot,
            Rate = at => rate * 1e6 * (at < phase ? 1 : then / 100.0),
            Link = at => link * 1e6 * (at % 20 < 12 ? 1 : dip / 100.0),
            Cap = (flags & 1) != 0 ? new DataRate(link * 500_000L) : null,
            StopCopy = Math.Max(0, stopCopy) * 1e5,
            PassesHonest = (flags & 2) == 0,
            Probes = (flags & 4) == 0,
            Heeds = (flags & 8) == 0,
        });

    private static Gen<Oddity> Oddities(int odds) =>
        from roll in Gen.Choose(0, 99)
        from kind in Gen.Choose(1, Kinds)
        from number in Numbers()
        from other in Numbers()
        from small in Gen.Choose(0, 100_000)
        select new Oddity(roll < odds ? kind : 0, number, other, small);

    private static Gen<long> Numbers() => Gen.OneOf(
        Gen.Elements(0, 1, 4096, 1 << 30, 1L << 50, long.MaxValue),
        Gen.Choose(0, 2_000_000).Select(number => number * 1000L),
        Gen.Choose(0, 100).Select(number => (long)number));

    private static LadderStep Step(int action, int[] numbers) => new(
        action switch
        {
            0 => new LadderAction.RaiseDowntime(),
            1 => new LadderAction.Throttle(Math.Min(numbers[0], numbers[1] + 9), numbers[2], numbers[1] + 9),
            _ => new LadderAction.Pause(TimeSpan.FromMilliseconds(50 * numbers[3])),
        },
        []);

    private static LadderStep Last(int shape) =>
        new((shape & 4) != 0 ? new LadderAction.PostCopy(DataRate.Zero) : new LadderAction.Abort(), []);
}
