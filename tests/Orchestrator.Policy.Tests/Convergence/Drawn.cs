using FsCheck;
using FsCheck.Fluent;
using Orchestrator.Policy.Convergence;

namespace Orchestrator.Policy.Tests.Convergence;

/// <summary>One drawn reading before it is known whether the guest is paused: intervals, pass and amounts as they may come.</summary>
internal sealed record DrawnBeat(
    int IntervalMilliseconds, bool NewPass, int DirtyMebibytes, double PassDone, double DirtyShare, int Fresh, int Oddity);

/// <summary>A migration as it may come: sound document, any terms, any readings.</summary>
internal sealed record DrawnCopy(ConvergenceTerms Terms, bool PassesHonest, int FirstPassBeats, IReadOnlyList<DrawnBeat> Beats);

/// <summary>Draws sound documents with bounds small enough to be reached, and readings that need not make sense.</summary>
internal static class Drawn
{
    public static Gen<ConvergenceDocument> Documents { get; } =
        from shape in Gen.Choose(0, 15)
        from order in Gen.Shuffle(new[] { 0, 1, 2 })
        from actions in Gen.ArrayOf(Gen.Choose(1, 90), 6)
        from triggers in Gen.ArrayOf(Gen.ArrayOf(Triggers(), 3), 4)
        from counts in Gen.ArrayOf(Gen.Choose(0, 3), 4)
        from initial in Gen.Choose(1, 400)
        from pacing in Gen.OneOf(Exponentials(), Ladders())
        from stop in Stops()
        select Document(shape, order, actions, triggers, counts, pacing, stop) with
        {
            InitialDowntime = TimeSpan.FromMilliseconds(initial),
        };

    public static Gen<DrawnCopy> Copies { get; } =
        from terms in Terms()
        from honest in Gen.Elements(true, false)
        from firstPass in Gen.Choose(0, 5)
        from beats in Gen.ListOf(Beats(), 150)
        select new DrawnCopy(terms, honest, firstPass, [.. beats]);

    public static Gen<ConvergenceTerms> Terms() =>
        from document in Documents
        from budget in Gen.Choose(1, 5000)
        from deadline in Gen.Choose(0, 3000)
        from possible in Gen.Choose(0, 3)
        from memory in Gen.Choose(64, 65536)
        select new ConvergenceTerms
        {
            Document = document,
            Budget = TimeSpan.FromMilliseconds(Math.Min(budget / 10.0, document.MaxDowntime.TotalMilliseconds)),
            Deadline = deadline < 1500 ? null : TimeSpan.FromSeconds(deadline),
            GuestMemory = DataSize.FromMebibytes(memory),
            PostCopyPossible = (possible & 1) != 0,
            ThrottlePossible = (possible & 2) != 0,
        };

    /// <summary>The readings are made while walking, because whether the guest is paused depends on the decisions.</summary>
    public static ConvergenceReading Reading(DrawnCopy copy, int index, TimeSpan at, int pass, bool paused)
    {
        var beat = copy.Beats[index];
        var remaining = new DataSize((long)(beat.DirtyMebibytes * 1024.0 * 1024 * (1 - beat.PassDone)));
        return Copy.Reading(at.TotalSeconds, pass, 0) with
        {
            Sequence = index + 1,
            PassesHonest = copy.PassesHonest,
            FirstPass = index < copy.FirstPassBeats,
            Activity = beat.Oddity == 0 ? EngineActivity.SwitchingOver : EngineActivity.PreCopy,
            Remaining = remaining,
            StopCopy = beat.Oddity is > 0 and < 5 ? remaining : DataSize.Zero,
            Transferred = DataSize.FromMebibytes((long)at.TotalSeconds * 100),
            Bandwidth = beat.Oddity == 5 ? null : DataRate.FromMebibytesPerSecond(100),
            DirtyRate = new DataRate((long)(beat.DirtyShare * 100 * 1024 * 1024)),
            ExpectedDowntime = TimeSpan.FromMilliseconds(beat.DirtyMebibytes),
            PausedToConverge = paused,
            Fresh = (ReadingNumber)beat.Fresh,
        };
    }

    private static Gen<DrawnBeat> Beats() =>
        from interval in Gen.Choose(50, 15_000)
        from newPass in Gen.Choose(0, 2)
        from dirty in Gen.Choose(0, 4000)
        from done in Gen.Choose(0, 100)
        from share in Gen.Choose(0, 200)
        from all in Gen.Choose(0, 2)
        from fresh in Gen.Choose(0, 511)
        from oddity in Gen.Choose(0, 50)
        select new DrawnBeat(interval, newPass == 0, dirty, done / 100.0, share / 100.0, all > 0 ? 511 : fresh, oddity);

    private static ConvergenceDocument Document(
        int shape, int[] order, int[] numbers, Trigger[][] triggers, int[] counts, Pacing pacing, StopConditions stop)
    {
        LadderAction[] middle =
        [
            new LadderAction.RaiseDowntime(),
            new LadderAction.Throttle(numbers[0], numbers[1], 99),
            new LadderAction.Pause(TimeSpan.FromSeconds(numbers[2])),
        ];
        var raises = (shape & 1) != 0;
        List<LadderStep> steps = [];
        foreach (var action in order.Where(action => (shape & (1 << action)) != 0))
        {
            AddStep(middle[action], action, action == 0);
        }

        AddStep((shape & 8) != 0 ? new LadderAction.PostCopy(DataRate.Zero) : new LadderAction.Abort(), 3, false);
        return new ConvergenceDocument
        {
            InitialDowntime = TimeSpan.FromMilliseconds(1),
            MaxDowntime = TimeSpan.FromMilliseconds(400),
            Pacing = raises ? pacing : null,
            Steps = steps,
            Stop = stop,
        };

        void AddStep(LadderAction action, int which, bool mayHaveNone)
        {
            var raisesBefore = steps.Any(step => step.Action is LadderAction.RaiseDowntime);
            var when = triggers[which].Take(mayHaveNone ? counts[which] : Math.Max(1, counts[which]))
                .Where(trigger => raisesBefore || trigger is not Trigger.LimitExhausted).ToList();
            if (when.Count == 0 && !mayHaveNone)
            {
                when.Add(new Trigger.PassesAbove(numbers[3]));
            }

            steps.Add(new LadderStep(action, when));
        }
    }

    private static Gen<Trigger> Triggers() =>
        from kind in Gen.Choose(0, 7)
        from number in Gen.Choose(1, 60)
        select kind switch
        {
            0 => (Trigger)new Trigger.Stalled(1 + (number % 8), number / 100.0),
            1 => new Trigger.Infeasible(),
            2 => new Trigger.PassesAbove(number),
            3 => new Trigger.TransferredAbove(number / 20.0),
            4 => new Trigger.ElapsedAbove(TimeSpan.FromSeconds(10 * number)),
            5 => new Trigger.ElapsedAbovePerGibibyte(TimeSpan.FromSeconds(number)),
            6 => new Trigger.NoProgressFor(TimeSpan.FromSeconds(2 * number)),
            _ => new Trigger.LimitExhausted(TimeSpan.FromSeconds(number - 1)),
        };

    private static Gen<Pacing> Exponentials() =>
        from factor in Gen.Choose(101, 1000)
        from every in Gen.Choose(1, 120)
        from byRounds in Gen.Elements(true, false)
        from after in Gen.Choose(0, 100)
        select (Pacing)new Pacing.Exponential(
            factor / 100.0, byRounds ? null : TimeSpan.FromSeconds(every), byRounds ? 1 + (every % 5) : null, TimeSpan.FromSeconds(after));

    private static Gen<Pacing> Ladders() =>
        from count in Gen.Choose(1, 8)
        from rises in Gen.ArrayOf(Gen.Choose(1, 50), 8)
        from waits in Gen.ArrayOf(Gen.Choose(1, 20), 8)
        from kinds in Gen.ArrayOf(Gen.Choose(0, 3), 8)
        select (Pacing)new Pacing.Ladder([.. Enumerable.Range(0, count).Select(index => new Rung(
            TimeSpan.FromMilliseconds(rises.Take(index + 1).Sum()),
            kinds[index] switch
            {
                0 => new RungWait.Passes(waits[index]),
                1 => new RungWait.Time(TimeSpan.FromSeconds(waits[index])),
                2 => new RungWait.TimePerGibibyte(TimeSpan.FromSeconds(waits[index])),
                _ => (RungWait)new RungWait.StalledRounds(waits[index]),
            }))]);

    private static Gen<StopConditions> Stops() =>
        from which in Gen.Choose(0, 31)
        from number in Gen.Choose(1, 600)
        select new StopConditions
        {
            MaxPasses = which == 1 ? number : null,
            MaxTransferFactor = which == 2 ? number / 100.0 : null,
            MaxTotalTime = which == 3 ? TimeSpan.FromSeconds(number) : null,
            MaxTotalTimePerGibibyte = which == 4 ? TimeSpan.FromSeconds(number) : null,
        };
}
