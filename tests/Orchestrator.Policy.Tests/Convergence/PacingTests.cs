using Orchestrator.Policy.Convergence;

namespace Orchestrator.Policy.Tests.Convergence;

public class PacingTests
{
    private static readonly Trigger s_never = new Trigger.ElapsedAbove(TimeSpan.FromDays(7));

    [Fact]
    public void Step_ExponentialByTime_RaisesAtEveryBeatUpToTheBudget()
    {
        var copy = Raising(new Pacing.Exponential(1.5, TimeSpan.FromSeconds(10), null, TimeSpan.Zero));

        Run(copy, 0, 100);

        Assert.Equal(
            [
                "10 SetDowntimeLimit 150 by pacing.exponential",
                "20 SetDowntimeLimit 225 by pacing.exponential",
                "30 SetDowntimeLimit 338 by pacing.exponential",
                "40 SetDowntimeLimit 400 by pacing.exponential",
            ],
            copy.Acts);
    }

    [Fact]
    public void Step_ExponentialWithStartAfter_CountsTheWallTimeFromThere()
    {
        var copy = Raising(new Pacing.Exponential(2, TimeSpan.FromSeconds(10), null, TimeSpan.FromSeconds(60)));

        Run(copy, 0, 100);

        Assert.Equal(["70 SetDowntimeLimit 200 by pacing.exponential", "80 SetDowntimeLimit 400 by pacing.exponential"], copy.Acts);
    }

    [Fact]
    public void Step_ExponentialAfterALongGap_RaisesOnceAndNotForEveryMissedBeat()
    {
        var copy = Raising(new Pacing.Exponential(1.2, TimeSpan.FromSeconds(10), null, TimeSpan.Zero));
        Run(copy, 0, 1);

        Run(copy, 500, 509);

        Assert.Equal(["500 SetDowntimeLimit 120 by pacing.exponential"], copy.Acts);
    }

    [Fact]
    public void Step_ExponentialWithATinyFactor_RisesByAMillisecond()
    {
        var copy = Raising(new Pacing.Exponential(1.0001, TimeSpan.FromSeconds(10), null, TimeSpan.Zero));

        Run(copy, 0, 25);

        Assert.Equal(["10 SetDowntimeLimit 101 by pacing.exponential", "20 SetDowntimeLimit 102 by pacing.exponential"], copy.Acts);
    }

    [Fact]
    public void Step_LessThanAMillisecondBelowTheBudget_IsExhausted()
    {
        var copy = Raising(new Pacing.Exponential(2, TimeSpan.FromSeconds(10), null, TimeSpan.Zero));
        copy.Terms = copy.Terms with { Budget = TimeSpan.FromMilliseconds(100.4) };

        Run(copy, 0, 60);

        Assert.Empty(copy.Acts);
        Assert.Equal(TimeSpan.Zero, copy.State.Pacing.ExhaustedAt);
    }

    [Fact]
    public void Step_ExponentialByStalledRounds_RaisesAfterThatManySinceTheLastRise()
    {
        var copy = Raising(new Pacing.Exponential(2, null, 2, TimeSpan.FromSeconds(10)));
        copy.See(Copy.FirstPass(0, 4096));

        copy.Passes(4, 2, 65, 65, 65, 65, 65, 65, 30, 30, 30);

        // Judged: pass 2 at 8 s, the stalls 3 and 4 by 16 s, 5 and 6 by 24 s; 7 stalls and 8 improves, 9 stalls by 36 s.
        Assert.Equal(["16 SetDowntimeLimit 200 by pacing.exponential", "24 SetDowntimeLimit 400 by pacing.exponential"], copy.Acts);
    }

    [Fact]
    public void Step_ImprovementBetweenStalls_TheRowBeginsAnew()
    {
        var copy = Raising(new Pacing.Exponential(2, null, 2, TimeSpan.Zero));
        copy.See(Copy.FirstPass(0, 4096));

        copy.Passes(4, 2, 65, 65, 50, 50, 40, 40, 30, 30);

        Assert.Empty(copy.Acts);
    }

    [Fact]
    public void Step_StandsOnTheDevicesFloor_RaisesByStalls()
    {
        var copy = Raising(new Pacing.Exponential(2, null, 2, TimeSpan.Zero));
        for (var second = 0; second < 20; second++)
        {
            copy.See(Copy.Reading(second, second / 4, 300) with { StopCopy = DataSize.FromMebibytes(300) });
        }

        // Pass 0 is partial and 1 the first to be judged; 2 and 3 show no gain.
        Assert.Equal(["16 SetDowntimeLimit 200 by pacing.exponential"], copy.Acts);
    }

    [Fact]
    public void Step_LadderWithEveryWait_ClimbsRungByRung()
    {
        var copy = Raising(new Pacing.Ladder([
            Rung(150, new RungWait.Passes(3)),
            Rung(200, new RungWait.Time(TimeSpan.FromSeconds(10))),
            Rung(300, new RungWait.TimePerGibibyte(TimeSpan.FromSeconds(5))),
            Rung(350, new RungWait.StalledRounds(3)),
        ]));
        copy.See(Copy.FirstPass(0, 4096));

        copy.Passes(4, 2, 65, 65, 65, 65, 65, 65, 65, 65, 65, 65, 65, 65, 65, 65, 65, 65);

        // Pass 4 begins at 12 s; 4 GiB make 20 s; pass 11 (40 to 44 s) is the first after the rise at 42 s to be judged.
        Assert.Equal(
            [
                "12 SetDowntimeLimit 150 by pacing.ladder[0]",
                "22 SetDowntimeLimit 200 by pacing.ladder[1]",
                "42 SetDowntimeLimit 300 by pacing.ladder[2]",
                "52 SetDowntimeLimit 350 by pacing.ladder[3]",
            ],
            copy.Acts);
    }

    [Fact]
    public void Step_RungAboveTheBudget_IsClampedAndTheClimbIsExhausted()
    {
        var copy = Raising(new Pacing.Ladder([
            Rung(200, new RungWait.Time(TimeSpan.FromSeconds(10))),
            Rung(300, new RungWait.Time(TimeSpan.FromSeconds(10))),
            Rung(400, new RungWait.Time(TimeSpan.FromSeconds(10))),
        ]));
        copy.Terms = copy.Terms with { Budget = TimeSpan.FromMilliseconds(250) };

        Run(copy, 0, 60);

        Assert.Equal(["10 SetDowntimeLimit 200 by pacing.ladder[0]", "20 SetDowntimeLimit 250 by pacing.ladder[1]"], copy.Acts);
        Assert.Equal(TimeSpan.FromSeconds(20), copy.State.Pacing.ExhaustedAt);
    }

    [Fact]
    public void Step_LastRungBelowTheBudget_IsExhaustedToo()
    {
        var copy = Raising(new Pacing.Ladder([Rung(200, new RungWait.Time(TimeSpan.FromSeconds(10)))]));

        Run(copy, 0, 60);

        Assert.Equal(TimeSpan.FromSeconds(10), copy.State.Pacing.ExhaustedAt);
    }

    [Fact]
    public void WithLimit_CallerRaisedAboveSomeRungs_TheyArePassedOver()
    {
        var copy = Raising(new Pacing.Ladder([
            Rung(150, new RungWait.Time(TimeSpan.FromSeconds(10))),
            Rung(200, new RungWait.Time(TimeSpan.FromSeconds(10))),
            Rung(300, new RungWait.Time(TimeSpan.FromSeconds(10))),
        ]));
        Run(copy, 0, 5);
        copy.State = copy.State.WithLimit(TimeSpan.FromMilliseconds(250));

        Run(copy, 6, 60);

        Assert.Equal(["10 SetDowntimeLimit 300 by pacing.ladder[2]"], copy.Acts);
    }

    [Fact]
    public void WithLimit_AboveTheBudget_IsClampedByTheNextReading()
    {
        var copy = Raising(new Pacing.Exponential(2, TimeSpan.FromSeconds(10), null, TimeSpan.Zero));
        copy.State = copy.State.WithLimit(TimeSpan.FromMilliseconds(900));

        Run(copy, 0, 20);

        Assert.Empty(copy.Acts);
        Assert.Equal(TimeSpan.FromMilliseconds(400), copy.State.Limit);
    }

    [Fact]
    public void Step_RaiseDowntimeWithATrigger_BeginsTheClimbThereAndSaysWhy()
    {
        var document = Copy.Document(
            Copy.When(new LadderAction.RaiseDowntime(), new Trigger.ElapsedAbove(TimeSpan.FromSeconds(30))),
            Copy.When(new LadderAction.Abort(), s_never));
        var pacing = new Pacing.Exponential(2, TimeSpan.FromSeconds(10), null, TimeSpan.Zero);
        var copy = new Copy(Copy.Under(document with { Pacing = pacing }));

        Run(copy, 0, 40);
        var step = copy.See(Copy.Reading(41, 2, 500));

        Assert.Equal(new ConvergenceDecision.SetDowntimeLimit(TimeSpan.FromMilliseconds(200)), step.Decision);
        Assert.Equal("steps[0].elapsed_above", step.Explanation!.Inputs["raising_since_rule"]);
        Assert.StartsWith(
            "Downtime limit from 100 ms to 200 ms: 10 s have passed at it, 10 s are its time. At 41 s, 500 MiB remain",
            step.Explanation.Reason,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Step_NextStepIsTaken_TheClimbGoesOn()
    {
        var document = Copy.Document(
            Copy.When(new LadderAction.RaiseDowntime()),
            Copy.When(new LadderAction.Throttle(20, 10, 80), new Trigger.ElapsedAbove(TimeSpan.FromSeconds(14))),
            Copy.When(new LadderAction.Abort(), s_never));
        var pacing = new Pacing.Exponential(2, TimeSpan.FromSeconds(10), null, TimeSpan.Zero);
        var copy = new Copy(Copy.Under(document with { Pacing = pacing }));

        Run(copy, 0, 60);

        Assert.Equal(
            [
                "10 SetDowntimeLimit 200 by pacing.exponential",
                "15 StartThrottle 20+10<80 by steps[1].elapsed_above",
                "20 SetDowntimeLimit 400 by pacing.exponential",
            ],
            copy.Acts);
    }

    [Fact]
    public void SwitchDocument_MidWay_BeginsTheNewLadderAndKeepsTheRounds()
    {
        var copy = Raising(new Pacing.Exponential(2, TimeSpan.FromSeconds(10), null, TimeSpan.Zero));
        copy.See(Copy.FirstPass(0, 4096));
        copy.Passes(4, 2, 65, 65, 65, 65, 65);
        var rounds = copy.State.Rounds;
        var stricter = Copy.Under(Copy.Document(Copy.When(new LadderAction.Abort(), new Trigger.Stalled(2, 0.05))))
            with
        { Budget = TimeSpan.FromMilliseconds(300) };

        copy.State = ConvergencePolicy.SwitchDocument(stricter, copy.State, TimeSpan.FromSeconds(24));
        copy.Terms = stricter;

        Assert.Equal(TimeSpan.FromMilliseconds(300), copy.State.Limit);
        Assert.Same(rounds, copy.State.Rounds);
        Assert.Equal(new PacingProgress(), copy.State.Pacing);
        copy.Passes(24, 7, 65, 65, 65);
        Assert.Equal("28 Abort by steps[0].stalled", copy.Acts[^1]);
    }

    [Fact]
    public void Start_DocumentBeginsAboveTheBudget_BeginsAtTheBudget() => Assert.Equal(
        TimeSpan.FromMilliseconds(30),
        ConvergenceState.Start(Copy.Under(Copy.Document()) with { Budget = TimeSpan.FromMilliseconds(30) }).Limit);

    private static Rung Rung(int milliseconds, RungWait after) => new(TimeSpan.FromMilliseconds(milliseconds), after);

    private static Copy Raising(Pacing pacing) => new(Copy.Under(
        Copy.Document(Copy.When(new LadderAction.RaiseDowntime()), Copy.When(new LadderAction.Abort(), s_never)) with { Pacing = pacing }));

    private static void Run(Copy copy, int from, int to)
    {
        for (var second = from; second <= to; second++)
        {
            copy.See(Copy.Reading(second, 2, 500));
        }
    }
}
