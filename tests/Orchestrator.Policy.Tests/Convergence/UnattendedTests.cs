using Orchestrator.Policy.Convergence;

namespace Orchestrator.Policy.Tests.Convergence;

public class UnattendedTests
{
    private static readonly LadderStep s_raise = Copy.When(new LadderAction.RaiseDowntime());
    private static readonly LadderStep s_throttle = Copy.When(new LadderAction.Throttle(20, 10, 80), new Trigger.ElapsedAbove(Seconds(30)));
    private static readonly LadderStep s_pause = Copy.When(new LadderAction.Pause(Seconds(5)), new Trigger.ElapsedAbove(Seconds(40)));
    private static readonly LadderStep s_abort = Copy.When(new LadderAction.Abort(), new Trigger.ElapsedAbove(Seconds(600)));

    private static readonly ConvergenceTerms s_terms = Copy.Under(Copy.Document(s_raise, s_throttle, s_pause, s_abort) with
    {
        Pacing = new Pacing.Exponential(2, Seconds(10), null, TimeSpan.Zero),
        OnControlPlaneLoss = ControlPlaneLoss.AgentDecides,
    });

    [Fact]
    public void Step_Continue_NeverDoesAnything()
    {
        var terms = With(ControlPlaneLoss.Continue, new StopConditions { MaxTotalTime = Seconds(60) });
        var state = ConvergenceState.Start(terms);
        for (var at = 10; at < 1000; at += 10)
        {
            var step = UnattendedPolicy.Step(terms, state, Copy.Reading(at, at, 100));
            Assert.IsType<ConvergenceDecision.Wait>(step.Decision);
            Assert.Equal(state, step.State);
        }
    }

    [Fact]
    public void Step_AgentDecides_IsTheSamePolicy()
    {
        var state = ConvergenceState.Start(s_terms);
        var reading = Copy.Reading(12, 3, 100);

        Assert.Equal(ConvergencePolicy.Step(s_terms, state, reading).Decision, UnattendedPolicy.Step(s_terms, state, reading).Decision);
        Assert.Equal(new ConvergenceDecision.SetDowntimeLimit(Milliseconds(200)), UnattendedPolicy.Step(s_terms, state, reading).Decision);
    }

    [Theory]
    [InlineData(null, 60.0, null, "stop.max_total_time")]
    [InlineData(25.0, 60.0, null, "stop.deadline")]
    [InlineData(null, null, 15.0, "stop.max_total_time_per_gib")]
    public void Step_AbortAtDeadline_OnlyTheTimeCounts(double? deadline, double? total, double? perGibibyte, string rule)
    {
        var terms = With(ControlPlaneLoss.AbortAtDeadline, new StopConditions
        {
            MaxPasses = 1,
            MaxTransferFactor = 0.001,
            MaxTotalTime = total is { } time ? Seconds(time) : null,
            MaxTotalTimePerGibibyte = perGibibyte is { } each ? Seconds(each) : null,
        }) with
        { Deadline = deadline is { } asked ? Seconds(asked) : null };
        var over = deadline ?? total ?? 4 * perGibibyte!.Value;
        var state = ConvergenceState.Start(terms);

        var before = UnattendedPolicy.Step(terms, state, Copy.Reading(over - 1, 50, 100));
        var at = UnattendedPolicy.Step(terms, before.State, Copy.Reading(over, 51, 100));
        var again = UnattendedPolicy.Step(terms, at.State, Copy.Reading(over + 1, 52, 100));

        Assert.IsType<ConvergenceDecision.Wait>(before.Decision);
        Assert.IsType<ConvergenceDecision.Abort>(at.Decision);
        Assert.Equal(rule, at.Explanation!.Rule);
        Assert.IsType<ConvergenceDecision.Wait>(again.Decision);
    }

    [Fact]
    public void Step_AbortAtDeadline_NotOutsideOfPreCopy_NorOnAnOldReading()
    {
        var terms = With(ControlPlaneLoss.AbortAtDeadline, new StopConditions { MaxTotalTime = Seconds(60) });
        var state = ConvergenceState.Start(terms);
        var late = Copy.Reading(100, 9, 100);

        Assert.IsType<ConvergenceDecision.Wait>(
            UnattendedPolicy.Step(terms, state, late with { Activity = EngineActivity.SwitchingOver }).Decision);
        Assert.IsType<ConvergenceDecision.Wait>(UnattendedPolicy.Step(terms, state with { LastSequence = late.Sequence }, late).Decision);
    }

    [Fact]
    public void Join_InTheMiddle_NeverLowersAndNeverPassesTheBudget()
    {
        Assert.Equal(Milliseconds(200), UnattendedPolicy.Join(s_terms, Milliseconds(200), TimeSpan.Zero).Limit);
        Assert.Equal(Milliseconds(400), UnattendedPolicy.Join(s_terms, Milliseconds(9000), TimeSpan.Zero).Limit);

        var copy = new Copy(s_terms) { State = UnattendedPolicy.Join(s_terms, Milliseconds(200), TimeSpan.Zero) };
        copy.Passes(11, 3, 100, 90);
        Assert.Equal("11 SetDowntimeLimit 400 by pacing.exponential", Assert.Single(copy.Acts));
    }

    [Fact]
    public void After_WhatAnotherDecided_IsNotDoneAgain()
    {
        var state = UnattendedPolicy.Join(s_terms, Milliseconds(100), TimeSpan.Zero);
        state = UnattendedPolicy.After(s_terms, state, new ConvergenceDecision.SetDowntimeLimit(Milliseconds(200)), Seconds(10));
        state = UnattendedPolicy.After(s_terms, state, new ConvergenceDecision.SetDowntimeLimit(Milliseconds(400)), Seconds(20));
        state = UnattendedPolicy.After(s_terms, state, new ConvergenceDecision.StartThrottle(20, 10, 80), Seconds(30));
        var copy = new Copy(s_terms) { State = state };

        copy.See(Copy.Reading(31, 4, 100));
        Assert.Empty(copy.Acts);
        copy.See(Copy.Reading(41, 5, 100));
        Assert.Equal("41 Pause 5 by steps[2].elapsed_above", Assert.Single(copy.Acts));
    }

    [Fact]
    public void After_ARise_TheNextWaitsItsFullTime()
    {
        var state = UnattendedPolicy.Join(s_terms, Milliseconds(100), TimeSpan.Zero);
        var copy = new Copy(s_terms)
        {
            State = UnattendedPolicy.After(s_terms, state, new ConvergenceDecision.SetDowntimeLimit(Milliseconds(200)), Seconds(17)),
        };

        copy.See(Copy.Reading(26.9, 4, 100));
        Assert.Empty(copy.Acts);
        copy.See(Copy.Reading(27, 4, 100));
        Assert.Equal("27 SetDowntimeLimit 400 by pacing.exponential", Assert.Single(copy.Acts));
    }

    [Fact]
    public void After_APause_ItIsTakenBackAtItsBound_AndNotRepeated()
    {
        var state = UnattendedPolicy.Join(s_terms, Milliseconds(400), TimeSpan.Zero);
        state = UnattendedPolicy.After(s_terms, state, new ConvergenceDecision.Pause(Seconds(5)), Seconds(42));
        var copy = new Copy(s_terms) { State = state };

        copy.See(Copy.Reading(46.9, 4, 100) with { PausedToConverge = true });
        Assert.Empty(copy.Acts);
        copy.See(Copy.Reading(47, 4, 100) with { PausedToConverge = true });
        Assert.Equal("47 Resume by steps[2].pause.max_pause", Assert.Single(copy.Acts));
        copy.Passes(50, 5, 100, 100, 100);
        Assert.Single(copy.Acts);
    }

    [Fact]
    public void After_APauseThatNoStepHas_TheLadderStays()
    {
        var state = UnattendedPolicy.Join(s_terms, Milliseconds(100), TimeSpan.Zero);

        var paused = UnattendedPolicy.After(s_terms, state, new ConvergenceDecision.Pause(Seconds(6)), Seconds(3));
        var resumed = UnattendedPolicy.After(s_terms, paused, new ConvergenceDecision.Resume(), Seconds(5));

        Assert.Equal(new PauseInForce(Seconds(3), Seconds(6), null), paused.Pause);
        Assert.Equal(state.Ladder.Next, paused.Ladder.Next);
        Assert.Null(resumed.Pause);
        Assert.Equal(Seconds(5), resumed.Ladder.ResumedAt);
    }

    [Fact]
    public void After_TheLastWord_NothingIsDecidedAnyMore()
    {
        var state = UnattendedPolicy.Join(s_terms, Milliseconds(100), TimeSpan.Zero);

        Assert.True(UnattendedPolicy.After(s_terms, state, new ConvergenceDecision.Abort(), Seconds(3)).Committed);
        Assert.True(UnattendedPolicy.After(s_terms, state, new ConvergenceDecision.StartPostCopy(DataRate.Zero), Seconds(3)).Committed);
    }

    /// <summary>Whoever learns of another's decisions one by one stands, on the ladder and at the limit, where that other stands.</summary>
    [Fact]
    public void After_AllThatAnotherDecided_StandsWhereItStands()
    {
        var first = new Copy(s_terms);
        var second = UnattendedPolicy.Join(s_terms, Milliseconds(100), TimeSpan.Zero);
        for (var at = 0.25; at < 60; at += 0.25)
        {
            var reading = Copy.Reading(at, 2 + (int)(at / 4), 100) with { PausedToConverge = first.State.Pause is not null };
            second = UnattendedPolicy.After(s_terms, second, first.See(reading).Decision, reading.Elapsed);
            Assert.Equal(first.State.Limit, second.Limit);
            Assert.Equal(first.State.Pause, second.Pause);
            Assert.Equal(first.State.Committed, second.Committed);
            Assert.True(first.State.Ladder.Next == second.Ladder.Next || first.State.Ladder.Next == 1, $"at {at}");
        }

        Assert.Equal(5, first.Acts.Count);
    }

    private static ConvergenceTerms With(ControlPlaneLoss loss, StopConditions stop) =>
        s_terms with { Document = s_terms.Document with { OnControlPlaneLoss = loss, Stop = stop } };

    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);

    private static TimeSpan Milliseconds(double milliseconds) => TimeSpan.FromMilliseconds(milliseconds);
}
