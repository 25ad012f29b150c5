using Orchestrator.Policy.Convergence;

namespace Orchestrator.Policy.Tests.Convergence;

public class TriggerTests
{
    private static readonly DataRate s_overrun = DataRate.FromMebibytesPerSecond(1200);

    [Fact]
    public void Step_Infeasible_ActsOnTheSecondReadingThatAgrees()
    {
        var copy = AbortWhen(new Trigger.Infeasible());

        copy.See(Infeasible(10, 900));
        copy.See(Infeasible(10.1, 900));
        Assert.Empty(copy.Acts);
        copy.See(Infeasible(10.25, 1700));

        Assert.Equal(["10.25 Abort by steps[0].infeasible"], copy.Acts);
    }

    [Fact]
    public void Step_InfeasibleReadingsDisagree_TheRowBeginsAnew()
    {
        var copy = AbortWhen(new Trigger.Infeasible());

        copy.See(Infeasible(10, 900));
        copy.See(Infeasible(11, 1900));
        Assert.Empty(copy.Acts);
        copy.See(Infeasible(12, 1900));

        Assert.Equal(["12 Abort by steps[0].infeasible"], copy.Acts);
    }

    [Fact]
    public void Step_FeasibleReadingBetween_BreaksTheRow()
    {
        var copy = AbortWhen(new Trigger.Infeasible());

        copy.See(Infeasible(10, 900));
        copy.See(Infeasible(11, 390));
        copy.See(Infeasible(12, 900));

        Assert.Empty(copy.Acts);
    }

    [Fact]
    public void Step_ReadingNotBelievedBetween_NeitherCountsNorBreaksTheRow()
    {
        var copy = AbortWhen(new Trigger.Infeasible());

        copy.See(Infeasible(10, 900));
        copy.See(Infeasible(11, 900) with { Fresh = Copy.AllFresh & ~ReadingNumber.ExpectedDowntime });
        Assert.Empty(copy.Acts);
        copy.See(Infeasible(12, 900));

        Assert.Equal(["12 Abort by steps[0].infeasible"], copy.Acts);
    }

    [Fact]
    public void Step_InfeasibleInTheFirstPass_SaysNothingYet()
    {
        var copy = AbortWhen(new Trigger.Infeasible());

        copy.See(Infeasible(10, 900) with { FirstPass = true, Pass = 1 });
        copy.See(Infeasible(11, 900) with { FirstPass = true, Pass = 1 });

        Assert.Empty(copy.Acts);
    }

    [Fact]
    public void Step_DevicesFloorAloneCostsMoreThanTheBudget_IsInfeasible()
    {
        var copy = AbortWhen(new Trigger.Infeasible());
        var floor = DataSize.FromMebibytes(450);

        copy.See(Copy.Reading(10, 3, 460) with { StopCopy = floor });
        var step = copy.See(Copy.Reading(10.5, 3, 455) with { StopCopy = floor });

        Assert.IsType<ConvergenceDecision.Abort>(step.Decision);
        Assert.Equal("450", step.Explanation!.Inputs["floor_downtime_ms"]);
        Assert.Contains("450 MiB", step.Explanation.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Step_FirstPassWithTheLinksHonestRate_FloorIsInfeasibleAlready()
    {
        var document = Copy.Document(Copy.When(new LadderAction.Abort(), new Trigger.Infeasible()));
        var copy = new Copy(Copy.Under(document with { Bandwidth = new() { SwitchOver = DataRate.FromMebibytesPerSecond(1000) } }));
        var unknown = AbortWhen(new Trigger.Infeasible());

        for (var second = 1; second < 4; second++)
        {
            var reading = Copy.FirstPass(second, 4000) with { StopCopy = DataSize.FromMebibytes(450) };
            copy.See(reading);
            unknown.See(reading with { SwitchOverBandwidth = DataRate.FromMebibytesPerSecond(1) });
        }

        Assert.Equal(["2 Abort by steps[0].infeasible"], copy.Acts);
        Assert.Empty(unknown.Acts);
    }

    [Fact]
    public void Step_PassesAbove_ActsOnThePassAfter()
    {
        var copy = AbortWhen(new Trigger.PassesAbove(8));

        copy.See(Copy.Reading(10, 8, 50));
        Assert.Empty(copy.Acts);
        copy.See(Copy.Reading(11, 9, 50));

        Assert.Equal(["11 Abort by steps[0].passes_above"], copy.Acts);
    }

    [Fact]
    public void Step_PassesAboveWherePassesLie_CountsRounds()
    {
        var copy = AbortWhen(new Trigger.PassesAbove(3));
        for (var second = 0; second <= 40; second++)
        {
            copy.See(Copy.Reading(second, 10 * second, 500) with { PassesHonest = false });
        }

        // Windows of 10 s: round 4 begins at 30 s.
        Assert.Equal(["30 Abort by steps[0].passes_above"], copy.Acts);
    }

    [Fact]
    public void Step_TransferredAbove_ComparesWithTheGuestsMemory()
    {
        var copy = AbortWhen(new Trigger.TransferredAbove(2.5));

        copy.See(Copy.Reading(10, 3, 50) with { Transferred = DataSize.FromGibibytes(10) });
        Assert.Empty(copy.Acts);
        copy.See(Copy.Reading(11, 3, 50) with { Transferred = DataSize.FromGibibytes(10) + new DataSize(1) });

        Assert.Equal(["11 Abort by steps[0].transferred_above_ram_times"], copy.Acts);
    }

    [Theory]
    [InlineData(4.0, 240)]
    [InlineData(0.25, 60)]
    public void Step_ElapsedAbovePerGibibyte_GrowsWithTheMemoryFromOneGibibyte(double gibibytes, int limit)
    {
        var document = Copy.Document(Copy.When(new LadderAction.Abort(), new Trigger.ElapsedAbovePerGibibyte(TimeSpan.FromSeconds(60))));
        var copy = new Copy(Copy.Under(document) with { GuestMemory = DataSize.FromMebibytes((long)(gibibytes * 1024)) });

        copy.See(Copy.Reading(limit, 3, 50));
        Assert.Empty(copy.Acts);
        copy.See(Copy.Reading(limit + 1, 3, 50));

        Assert.Equal([$"{limit + 1} Abort by steps[0].elapsed_above_per_gib"], copy.Acts);
    }

    [Fact]
    public void Step_ElapsedAbove_NeedsNoNumbers()
    {
        var copy = AbortWhen(new Trigger.ElapsedAbove(TimeSpan.FromSeconds(30)));

        copy.See(Copy.Reading(30, 3, 50) with { Fresh = ReadingNumber.None });
        Assert.Empty(copy.Acts);
        copy.See(Copy.Reading(30.5, 3, 50) with { Fresh = ReadingNumber.None });

        Assert.Equal(["30.5 Abort by steps[0].elapsed_above"], copy.Acts);
    }

    [Fact]
    public void Step_AmountDoesNotFallAtAll_IsNoProgress()
    {
        var copy = AbortWhen(new Trigger.NoProgressFor(TimeSpan.FromSeconds(30)));
        for (var second = 0; second < 40; second++)
        {
            copy.See(Copy.Reading(second, 2, 50));
        }

        Assert.Equal(["30 Abort by steps[0].no_progress_for"], copy.Acts);
    }

    [Fact]
    public void Step_LongPassThatStillFalls_IsAlive()
    {
        var copy = AbortWhen(new Trigger.NoProgressFor(TimeSpan.FromSeconds(30)));
        copy.See(Copy.FirstPass(0, 5000));
        for (var second = 1; second < 1000; second++)
        {
            copy.See(Copy.Reading(second, 2, 5000 - second));
        }

        Assert.Empty(copy.Acts);
    }

    [Fact]
    public void Step_PassBeganWithTheOldLowAmount_FallsCountFromItsOwn()
    {
        var copy = AbortWhen(new Trigger.NoProgressFor(TimeSpan.FromSeconds(30)));
        copy.See(Copy.FirstPass(0, 5000));
        copy.See(Copy.Reading(1, 2, 1));
        for (var second = 2; second < 1000; second++)
        {
            copy.See(Copy.Reading(second, 2, 5000 - second));
        }

        Assert.Empty(copy.Acts);
    }

    [Fact]
    public void Step_PassesBeginWithTheSameAmountAgainAndAgain_IsNoProgressThoughEachFalls()
    {
        var copy = AbortWhen(new Trigger.NoProgressFor(TimeSpan.FromSeconds(30)));
        copy.See(Copy.FirstPass(0, 4096));

        copy.Passes(4, 2, 65, 65, 65, 65, 65, 65, 65, 65, 65, 65, 65);

        // Pass 2 was judged the best at 8 s; the first that is judged 30 s later is at 40 s.
        Assert.Equal(["40 Abort by steps[0].no_progress_for"], copy.Acts);
    }

    [Fact]
    public void Step_WindowsWithEverLowerAmounts_AreProgressHoweverSmall()
    {
        var copy = AbortWhen(new Trigger.NoProgressFor(TimeSpan.FromSeconds(30)));
        for (var second = 0; second < 300; second++)
        {
            copy.See(Copy.Reading(second, second, 5000 - (second / 25)) with { PassesHonest = false });
        }

        Assert.Empty(copy.Acts);
    }

    [Fact]
    public void Step_NumbersWereMissingForLong_NoProgressWaitsForABelievedOne()
    {
        var copy = AbortWhen(new Trigger.NoProgressFor(TimeSpan.FromSeconds(30)));
        copy.See(Copy.Reading(0, 2, 50));
        for (var second = 1; second < 60; second++)
        {
            copy.See(Copy.Reading(second, 2, 50) with { Fresh = Copy.AllFresh & ~ReadingNumber.Remaining });
        }

        copy.See(Copy.Reading(60, 2, 40));

        Assert.Empty(copy.Acts);
    }

    [Fact]
    public void Step_LimitAtTheCap_IsExhaustedAfterItsTime()
    {
        var document = Copy.Document(
            Copy.When(new LadderAction.RaiseDowntime()),
            Copy.When(new LadderAction.Abort(), new Trigger.LimitExhausted(TimeSpan.FromSeconds(20))));
        var pacing = new Pacing.Exponential(2, TimeSpan.FromSeconds(10), null, TimeSpan.Zero);
        var copy = new Copy(Copy.Under(document with { Pacing = pacing }));
        for (var second = 0; second < 60; second++)
        {
            copy.See(Copy.Reading(second, 2, 500));
        }

        Assert.Equal(
            [
                "10 SetDowntimeLimit 200 by pacing.exponential",
                "20 SetDowntimeLimit 400 by pacing.exponential",
                "40 Abort by steps[1].limit_exhausted",
            ],
            copy.Acts);
    }

    [Fact]
    public void Step_BudgetReachedInTheFirstPass_IsExhaustedOnlyAfterIt()
    {
        var document = Copy.Document(
            Copy.When(new LadderAction.RaiseDowntime()),
            Copy.When(new LadderAction.Abort(), new Trigger.LimitExhausted(TimeSpan.Zero)));
        var terms = Copy.Under(document with { Pacing = new Pacing.Exponential(2, TimeSpan.FromSeconds(10), null, TimeSpan.Zero) });
        var copy = new Copy(terms with { Budget = TimeSpan.FromMilliseconds(100) });

        copy.See(Copy.FirstPass(0, 4000));
        copy.See(Copy.FirstPass(30, 40));
        Assert.Empty(copy.Acts);
        copy.See(Copy.Reading(31, 2, 500));

        Assert.Equal(["31 Abort by steps[1].limit_exhausted"], copy.Acts);
    }

    private static Copy AbortWhen(Trigger trigger) => new(Copy.Under(Copy.Document(Copy.When(new LadderAction.Abort(), trigger))));

    private static ConvergenceReading Infeasible(double seconds, int expectedMilliseconds) => Copy.Reading(seconds, 3, 900) with
    {
        DirtyRate = s_overrun,
        ExpectedDowntime = TimeSpan.FromMilliseconds(expectedMilliseconds),
    };
}
