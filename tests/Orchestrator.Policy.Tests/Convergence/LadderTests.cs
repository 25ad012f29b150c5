using Orchestrator.Policy.Convergence;

namespace Orchestrator.Policy.Tests.Convergence;

public class LadderTests
{
    private static readonly LadderAction s_throttle = new LadderAction.Throttle(20, 10, 60);
    private static readonly LadderAction s_pause = new LadderAction.Pause(TimeSpan.FromSeconds(5));
    private static readonly LadderAction s_postCopy = new LadderAction.PostCopy(DataRate.FromMebibytesPerSecond(500));

    [Fact]
    public void Step_StepsInOrder_OnlyTheNextOnesTriggersAreLookedAt()
    {
        var copy = new Copy(Copy.Under(Copy.Document(
            Copy.When(s_throttle, After(60)),
            Copy.When(s_postCopy, After(20)))));

        Run(copy, 0, 59);
        Assert.Empty(copy.Acts);
        Run(copy, 60, 70);

        Assert.Equal(["61 StartThrottle 20+10<60 by steps[0].elapsed_above", "62 StartPostCopy by steps[1].elapsed_above"], copy.Acts);
    }

    [Fact]
    public void Step_AnyTriggerOfAStep_TakesIt()
    {
        var copy = new Copy(Copy.Under(Copy.Document(
            Copy.When(new LadderAction.Abort(), new Trigger.PassesAbove(100), After(10), new Trigger.Infeasible()))));

        Run(copy, 0, 20);

        Assert.Equal(["11 Abort by steps[0].elapsed_above"], copy.Acts);
    }

    [Fact]
    public void Step_StalledStepAfterStalledStep_CountsItsRoundsAnew()
    {
        var copy = new Copy(Copy.Under(Copy.Document(
            Copy.When(s_throttle, new Trigger.Stalled(2, 0.05)),
            Copy.When(s_postCopy, new Trigger.Stalled(2, 0.05)))));
        copy.See(Copy.FirstPass(0, 4096));

        copy.Passes(4, 2, 65, 65, 65, 65, 65, 65, 65);

        Assert.Equal(["16 StartThrottle 20+10<60 by steps[0].stalled", "24 StartPostCopy by steps[1].stalled"], copy.Acts);
    }

    [Fact]
    public void Step_InfeasibleAfterThrottle_WaitsForTheNextSync()
    {
        var copy = new Copy(Copy.Under(Copy.Document(
            Copy.When(s_throttle, new Trigger.Infeasible()),
            Copy.When(s_postCopy, new Trigger.Infeasible()))));
        for (var second = 0; second < 20; second++)
        {
            copy.See(Copy.Reading(second, 2 + (second / 8), 900) with { DirtyRate = DataRate.FromMebibytesPerSecond(1000) });
        }

        Assert.Equal(["1 StartThrottle 20+10<60 by steps[0].infeasible", "9 StartPostCopy by steps[1].infeasible"], copy.Acts);
    }

    [Fact]
    public void Step_ThrottleNotPrepared_IsPassedOverAndSaidSo()
    {
        var terms = Copy.Under(Copy.Document(Copy.When(s_throttle, After(60)), Copy.When(s_postCopy, After(20))));
        var copy = new Copy(terms with { ThrottlePossible = false });

        Run(copy, 0, 20);
        var step = copy.See(Copy.Reading(21, 2, 50));

        Assert.Equal(new ConvergenceDecision.StartPostCopy(DataRate.FromMebibytesPerSecond(500)), step.Decision);
        Assert.Contains("steps[0] was passed over, as throttling was not prepared", step.Explanation!.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Step_LastStepPostCopyIsNotPossible_Aborts()
    {
        var terms = Copy.Under(Copy.Document(Copy.When(s_postCopy, After(20))));
        var copy = new Copy(terms with { PostCopyPossible = false });

        Run(copy, 0, 20);
        var step = copy.See(Copy.Reading(21, 2, 50));

        Assert.Equal(new ConvergenceDecision.Abort(), step.Decision);
        Assert.Equal("steps[0].elapsed_above", step.Explanation!.Rule);
        Assert.Contains("post-copy is not possible", step.Explanation.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Step_AfterPostCopyOrAbort_OnlyWaits()
    {
        foreach (var end in new[] { s_postCopy, new LadderAction.Abort() })
        {
            var document = Copy.Document(Copy.When(end, After(20))) with { Stop = new() { MaxTotalTime = TimeSpan.FromSeconds(30) } };
            var copy = new Copy(Copy.Under(document));
            Run(copy, 0, 100);
            Assert.Single(copy.Acts);
        }
    }

    [Theory]
    [InlineData(EngineActivity.Setup)]
    [InlineData(EngineActivity.SwitchingOver)]
    [InlineData(EngineActivity.PostCopy)]
    [InlineData(EngineActivity.PostCopyPaused)]
    [InlineData(EngineActivity.Ended)]
    public void Step_OutsideOfPreCopy_DecidesNothing(EngineActivity activity)
    {
        var terms = Copy.Under(Copy.Document(Copy.When(new LadderAction.Abort(), After(1))));
        var copy = new Copy(terms with { Deadline = TimeSpan.FromSeconds(2) });

        copy.See(Copy.Reading(100, 2, 50) with { Activity = activity });

        Assert.Empty(copy.Acts);
    }

    [Fact]
    public void Step_SequenceIsNotAboveTheLast_DecidesNothingAndRemembersNothing()
    {
        var copy = new Copy(Copy.Under(Copy.Document(Copy.When(new LadderAction.Abort(), After(30)))));
        copy.See(Copy.Reading(20, 2, 50));
        var before = copy.State;

        copy.See(Copy.Reading(40, 3, 10) with { Sequence = before.LastSequence!.Value });

        Assert.Empty(copy.Acts);
        Assert.Same(before, copy.State);
    }

    [Fact]
    public void Step_PauseRunsOut_ResumesAndCountsAnew()
    {
        var copy = new Copy(Copy.Under(Copy.Document(
            Copy.When(s_pause, After(20)),
            Copy.When(new LadderAction.Abort(), new Trigger.NoProgressFor(TimeSpan.FromSeconds(10))))));
        for (var second = 0; second < 60; second++)
        {
            copy.See(Copy.Reading(second, 2, 50) with { PausedToConverge = copy.State.Pause is not null });
        }

        Assert.Equal(
            ["21 Pause 5 by steps[0].elapsed_above", "26 Resume by steps[0].pause.max_pause", "36 Abort by steps[1].no_progress_for"],
            copy.Acts);
    }

    [Fact]
    public void Step_LimitExhaustedAfterAPause_CountsAnew()
    {
        var document = Copy.Document(
            Copy.When(new LadderAction.RaiseDowntime()),
            Copy.When(s_pause, new Trigger.LimitExhausted(TimeSpan.FromSeconds(10))),
            Copy.When(new LadderAction.Abort(), new Trigger.LimitExhausted(TimeSpan.FromSeconds(10))));
        var pacing = new Pacing.Ladder([new Rung(TimeSpan.FromMilliseconds(400), new RungWait.Time(TimeSpan.FromSeconds(10)))]);
        var copy = new Copy(Copy.Under(document with { Pacing = pacing }));

        Run(copy, 0, 60);

        Assert.Equal(
            [
                "10 SetDowntimeLimit 400 by pacing.ladder[0]",
                "20 Pause 5 by steps[1].limit_exhausted",
                "25 Resume by steps[1].pause.max_pause",
                "35 Abort by steps[2].limit_exhausted",
            ],
            copy.Acts);
    }

    [Fact]
    public void Step_PauseEmptiedTheCopy_IsNotTheLowThatARunningGuestMustReach()
    {
        var copy = new Copy(Copy.Under(Copy.Document(
            Copy.When(s_pause, After(20)),
            Copy.When(new LadderAction.Abort(), new Trigger.NoProgressFor(TimeSpan.FromSeconds(10))))));
        for (var second = 0; second < 60; second++)
        {
            var paused = copy.State.Pause is not null;
            var reading = Copy.Reading(second, second, paused ? 1 : 900 - (5 * second));
            copy.See(reading with { PausedToConverge = paused, PassesHonest = false });
        }

        Assert.Equal(["21 Pause 5 by steps[0].elapsed_above", "26 Resume by steps[0].pause.max_pause"], copy.Acts);
    }

    [Fact]
    public void Step_PausedAndAStopConditionIsMet_Ends()
    {
        var copy = new Copy(Copy.Under(Copy.Document(Copy.When(s_pause, After(20)), Copy.When(s_postCopy, After(40))))
            with
        { Deadline = TimeSpan.FromSeconds(23) });

        Run(copy, 0, 60);

        Assert.Equal(["21 Pause 5 by steps[0].elapsed_above", "23 StartPostCopy by stop.deadline"], copy.Acts);
    }

    [Fact]
    public void Step_ReportedPausedAfterTheResume_IsNoStallAndNoDecision()
    {
        var copy = new Copy(Copy.Under(Copy.Document(Copy.When(new LadderAction.Abort(), new Trigger.Stalled(1, 0.05)))));
        for (var second = 0; second < 40; second++)
        {
            copy.See(Copy.Reading(second, second, 50) with { PausedToConverge = true });
        }

        Assert.Empty(copy.Acts);
        Assert.Equal(0, copy.State.Rounds.Judged);
    }

    [Fact]
    public void WithPause_CallersPauseRunsOut_ResumesAndTheLaddersOwnFollows()
    {
        var copy = new Copy(Copy.Under(Copy.Document(Copy.When(s_pause, After(20)), Copy.When(new LadderAction.Abort(), After(40)))));
        Run(copy, 0, 5);
        copy.State = copy.State.WithPause(TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(2));

        Run(copy, 6, 60);

        Assert.Equal(
            [
                "7 Resume by pause.max_pause",
                "21 Pause 5 by steps[0].elapsed_above",
                "26 Resume by steps[0].pause.max_pause",
                "41 Abort by steps[1].elapsed_above",
            ],
            copy.Acts);
    }

    [Fact]
    public void WithCommitted_DecidedFromOutside_OnlyWaits()
    {
        var copy = new Copy(Copy.Under(Copy.Document(Copy.When(new LadderAction.Abort(), After(10)))));
        copy.State = copy.State.WithCommitted();

        Run(copy, 0, 60);

        Assert.Empty(copy.Acts);
    }

    [Theory]
    [InlineData("stop.deadline", 30)]
    [InlineData("stop.max_total_time", 40)]
    [InlineData("stop.max_total_time_per_gib", 48)]
    [InlineData("stop.max_passes", 12)]
    [InlineData("stop.max_transfer_factor", 41)]
    public void Step_StopConditionMet_TakesTheLastStepAtOnce(string rule, int second)
    {
        var document = Copy.Document(
            Copy.When(s_throttle, After(600)), Copy.When(s_pause, After(600)), Copy.When(s_postCopy, After(600))) with
        {
            Stop = new StopConditions
            {
                MaxTotalTime = rule == "stop.max_total_time" ? TimeSpan.FromSeconds(40) : null,
                MaxTotalTimePerGibibyte = rule == "stop.max_total_time_per_gib" ? TimeSpan.FromSeconds(12) : null,
                MaxPasses = rule == "stop.max_passes" ? 3 : null,
                MaxTransferFactor = rule == "stop.max_transfer_factor" ? 1 : null,
            },
        };
        var copy = new Copy(Copy.Under(document) with { Deadline = rule == "stop.deadline" ? TimeSpan.FromSeconds(30) : null });
        for (var at = 0; at < 100; at++)
        {
            copy.See(Copy.Reading(at, 1 + (at / 4), 50));
        }

        Assert.Equal([$"{second} StartPostCopy by {rule}"], copy.Acts);
    }

    [Fact]
    public void Step_StopConditionMetAndPostCopyNotPossible_Aborts()
    {
        var terms = Copy.Under(Copy.Document(Copy.When(s_postCopy, After(600))));
        var copy = new Copy(terms with { PostCopyPossible = false, Deadline = TimeSpan.FromSeconds(30) });

        Run(copy, 0, 60);

        Assert.Equal(["30 Abort by stop.deadline"], copy.Acts);
    }

    [Fact]
    public void Step_Decides_ExplainsWithNumbersInInvariantCulture()
    {
        var copy = new Copy(Copy.Under(Copy.Document(Copy.When(s_throttle, After(20)), Copy.When(s_postCopy, After(600)))));

        var step = copy.See(Copy.Reading(20.25, 7, 62.5));

        Assert.Equal(
            "Slowing the guest's CPUs by 20 %, rising by 10 % up to 60 %: the copy has lasted 20.25 s, of which 20 s are allowed. "
            + "At 20.25 s, 62.5 MiB remain, 62.5 ms of downtime are expected, the budget is 400 ms.",
            step.Explanation!.Reason);
        Assert.Equal(
            new Dictionary<string, string>
            {
                ["bandwidth_bytes_per_second"] = "1048576000",
                ["budget_ms"] = "400",
                ["dirty_bytes_per_second"] = "52428800",
                ["elapsed_s"] = "20.25",
                ["expected_downtime_ms"] = "62.5",
                ["limit_ms"] = "100",
                ["max_elapsed_s"] = "20",
                ["pass"] = "7",
                ["remaining_bytes"] = "65536000",
                ["round"] = "1",
                ["stop_copy_bytes"] = "0",
                ["switchover_bandwidth_bytes_per_second"] = "1048576000",
            },
            step.Explanation.Inputs);
    }

    private static Trigger.ElapsedAbove After(int seconds) => new(TimeSpan.FromSeconds(seconds));

    /// <summary>One reading a second, both ends included, of a copy in its second pass.</summary>
    private static void Run(Copy copy, int from, int to)
    {
        for (var second = from; second <= to; second++)
        {
            copy.See(Copy.Reading(second, 2, 50));
        }
    }
}
