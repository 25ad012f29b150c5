using Orchestrator.Policy.Convergence;

namespace Orchestrator.Policy.Tests.Convergence;

public class RoundTests
{
    private static readonly ConvergenceDocument s_abortOnThreeStalls = Copy.Document(
        Copy.When(new LadderAction.Abort(), new Trigger.Stalled(3, 0.05)));

    [Fact]
    public void Step_PassesThatDoNotShrink_StallAfterThatManyJudgedOnes()
    {
        var copy = new Copy(Copy.Under(s_abortOnThreeStalls));
        copy.See(Copy.FirstPass(0, 4096));

        // Pass 2 is the best so far; 3, 4 and 5 stall, and pass 5 is judged when pass 6 begins.
        copy.Passes(4, 2, 65, 64, 65, 63, 65);

        Assert.Equal(["20 Abort by steps[0].stalled"], copy.Acts);
    }

    [Fact]
    public void Step_PassesThatShrinkByTheShare_DoNotStall()
    {
        var copy = new Copy(Copy.Under(s_abortOnThreeStalls));
        copy.See(Copy.FirstPass(0, 4096));

        copy.Passes(4, 2, 100, 95, 90, 85, 80, 76, 72, 68);

        Assert.Empty(copy.Acts);
    }

    [Fact]
    public void Step_LowOfAPassIsNoise_IsNotTakenForProgress()
    {
        var copy = new Copy(Copy.Under(s_abortOnThreeStalls));
        copy.See(Copy.FirstPass(0, 4096));

        // The lows fall from 8 to 1 MiB by the luck of the sampling, the amount after each sync does not.
        for (var pass = 2; pass < 7; pass++)
        {
            copy.See(Copy.Reading(4 * pass, pass, 65));
            copy.See(Copy.Reading((4 * pass) + 3, pass, 10 - pass - (pass / 3)));
        }

        Assert.Equal(["24 Abort by steps[0].stalled"], copy.Acts);
    }

    [Fact]
    public void Step_NewPassStillShowsTheOldAmount_TheMaximumTakesCare()
    {
        var copy = new Copy(Copy.Under(s_abortOnThreeStalls));
        copy.See(Copy.FirstPass(0, 4096));
        double[] dirty = [100, 90, 80, 70, 60, 50];
        for (var pass = 0; pass < dirty.Length; pass++)
        {
            copy.See(Copy.Reading(4 + (4 * pass), pass + 2, 0.5));
            copy.See(Copy.Reading(5 + (4 * pass), pass + 2, dirty[pass]));
        }

        Assert.Empty(copy.Acts);
        Assert.Equal(60 * 1024 * 1024, copy.State.Rounds.BestBytes);
    }

    [Fact]
    public void Step_LongFirstPass_IsNotJudged()
    {
        var copy = new Copy(Copy.Under(s_abortOnThreeStalls));
        for (var second = 0; second < 600; second++)
        {
            copy.See(Copy.FirstPass(second, 4096 - second) with { PassesHonest = second % 2 == 0 });
        }

        Assert.Empty(copy.Acts);
        Assert.Equal(1, copy.State.Round);
    }

    [Fact]
    public void Step_TakenOverWithinAPass_ThatPassIsNotJudged()
    {
        var copy = new Copy(Copy.Under(s_abortOnThreeStalls));
        copy.See(Copy.Reading(100, 7, 3));

        copy.Passes(101, 8, 65, 65);

        Assert.Equal(1, copy.State.Rounds.Judged);
        Assert.Equal(65 * 1024 * 1024, copy.State.Rounds.BestBytes);
    }

    [Fact]
    public void Step_PassesThatLie_RoundsAreWindowsAndTheLowCounts()
    {
        var copy = new Copy(Copy.Under(Copy.Document(Copy.When(new LadderAction.Abort(), new Trigger.Stalled(2, 0.05)))));
        copy.See(Copy.FirstPass(0, 4096) with { PassesHonest = false });

        // 4 GiB over 1000 MiB/s: the window is 10 s. Pass numbers race along.
        for (var second = 1; second <= 60; second++)
        {
            copy.See(Copy.Reading(second, 10 * second, 500 + (second % 10)) with { PassesHonest = false });
        }

        // Windows end at 11 (the best), 21 and 31.
        Assert.Equal(["31 Abort by steps[0].stalled"], copy.Acts);
        Assert.Equal(500 * 1024 * 1024, copy.State.Rounds.BestBytes);
    }

    [Fact]
    public void Step_SlowLink_WindowIsTwiceTheTimeOfTheMemory()
    {
        var copy = new Copy(Copy.Under(s_abortOnThreeStalls));
        for (var second = 0; second <= 100; second++)
        {
            copy.See(Copy.Reading(second, second, 500) with { PassesHonest = false, Bandwidth = DataRate.FromMebibytesPerSecond(100) });
        }

        // 2 x 4096 / 100 = 81.92 s.
        Assert.Equal(2, copy.State.Round);
        Assert.Equal(TimeSpan.FromSeconds(82), copy.State.Rounds.StartedAt);
    }

    [Fact]
    public void Step_RemainingStandsOnTheDevicesFloor_IsNoStallOfTheMemory()
    {
        var copy = new Copy(Copy.Under(s_abortOnThreeStalls));
        for (var second = 0; second < 120; second++)
        {
            copy.See(Copy.Reading(second, second / 4, 2048) with { StopCopy = DataSize.FromMebibytes(2048) });
        }

        Assert.Empty(copy.Acts);
    }

    [Fact]
    public void Step_MemoryStallsAboveTheFloor_IsAStall()
    {
        var copy = new Copy(Copy.Under(s_abortOnThreeStalls));
        for (var second = 0; second < 60; second++)
        {
            copy.See(Copy.Reading(second, second / 4, 2048 + 65) with { StopCopy = DataSize.FromMebibytes(2048) });
        }

        // Pass 0 is partial, 1 the best, 2 to 4 stall.
        Assert.Equal(["20 Abort by steps[0].stalled"], copy.Acts);
    }

    [Fact]
    public void Step_FloorIsNotBelievedForAWhile_ItsReadingsMeasureNothing()
    {
        var copy = new Copy(Copy.Under(s_abortOnThreeStalls));
        for (var second = 0; second < 60; second++)
        {
            var fresh = second is > 3 and < 40 ? Copy.AllFresh & ~ReadingNumber.StopCopy : Copy.AllFresh;
            copy.See(Copy.Reading(second, second / 4, 2048 + 65) with { StopCopy = DataSize.FromMebibytes(2048), Fresh = fresh });
        }

        Assert.Equal(["56 Abort by steps[0].stalled"], copy.Acts);
    }

    [Fact]
    public void StalledRounds_ImprovementOfOneTenth_CountsAsOneTenth()
    {
        var copy = new Copy(Copy.Under(Copy.Document(Copy.When(new LadderAction.Abort(), new Trigger.Stalled(1, 0.1)))));
        copy.See(Copy.FirstPass(0, 4096));

        copy.Passes(4, 2, 100, 90, 81);

        Assert.Empty(copy.Acts);
        Assert.Equal(["20 Abort by steps[0].stalled"], copy.Passes(16, 5, 81, 81).Acts);
    }
}
