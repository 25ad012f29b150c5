using FsCheck;
using FsCheck.Fluent;
using Orchestrator.Policy.Convergence;
using Orchestrator.Policy.Convergence.Replay;

namespace Orchestrator.Policy.Tests.Convergence.Replay;

public class ReplayPolicyTests
{
    private static readonly ConvergenceTerms s_doubling = Copy.Under(Copy.Document(
        Copy.When(new LadderAction.RaiseDowntime()),
        Copy.When(new LadderAction.Abort(), new Trigger.LimitExhausted(TimeSpan.FromSeconds(3)))) with
    {
        Pacing = new Pacing.Exponential(2, TimeSpan.FromSeconds(1), null, TimeSpan.Zero),
    });

    private static readonly ConvergenceTerms s_impatient =
        Copy.Under(Copy.Document(Copy.When(new LadderAction.Abort(), new Trigger.ElapsedAbove(TimeSpan.FromSeconds(2.2)))));

    [Fact]
    public void Run_UnderTheTermsThatItRanUnder_DecidesWhatWasDecided_WhateverHappenedToItsCommanders()
    {
        var (crashes, decided, waited) = (0, 0, 0);
        Prop.ForAll(Arb.From(Drawn.Copies), Arb.From(Gen.Choose(0, int.MaxValue)), (copy, seed) =>
        {
            var commanded = new CommandedCopy(copy, seed);
            var outcome = ReplayPolicy.Run(copy.Terms, commanded.Recording);

            Assert.Null(outcome.PartsAt);
            Assert.Equal(commanded.Decided.Select(Text), outcome.Steps.Where(step => step.Replayed is not null).Select(step => Text(step.Replayed!)));
            Assert.Equal(
                commanded.Recording.Decisions.Select(decision => decision.Sequence).Order(),
                outcome.Steps.Select(step => step.Recorded!.Sequence).Order());
            crashes += commanded.Crashes;
            decided += commanded.Decided.Count;
            waited += commanded.Recording.Readings.Count(reading => reading.Use is ReadingUse.Waited);
        }).Check(Drawing.Of(400));
        Assert.True(crashes > 1000 && decided > 1000 && waited > 300, $"{crashes} crashes, {decided} decisions, {waited} waits say little");
    }

    [Fact]
    public void Run_AnotherPolicyGivesUp_EndsThere()
    {
        var recording = Recorded(s_doubling, seconds: 8);

        var outcome = ReplayPolicy.Run(s_impatient, recording);

        Assert.Equal(
            ["1 SetDowntimeLimit 200 | nothing", "2 SetDowntimeLimit 400 | nothing", "3 nothing | Abort"], outcome.Steps.Select(Text));
        Assert.Equal((0, 3), (outcome.PartsAt, outcome.Readings));
        Assert.Equal("5 Abort", $"{recording.Decisions[^1].Elapsed.TotalSeconds:0} {Copy.Words(recording.Decisions[^1].Decision)}");
    }

    [Fact]
    public void Run_TheRecordedPolicyGaveUpBefore_TheOtherHasNothingToGoOnWith()
    {
        var recording = Recorded(s_impatient, seconds: 8);

        var outcome = ReplayPolicy.Run(s_doubling, recording);

        Assert.Equal(
            ["1 nothing | SetDowntimeLimit 200", "2 nothing | SetDowntimeLimit 400", "3 Abort | nothing"], outcome.Steps.Select(Text));
    }

    [Fact]
    public void Run_OutsidersDecisions_HoldInBoth()
    {
        var recording = Recorded(s_doubling, seconds: 3);
        recording = recording with
        {
            Decisions =
            [
                .. recording.Decisions,
                new RecordedDecision(9, DecidedBy.Outsider, new ConvergenceDecision.StartPostCopy(DataRate.Zero), TimeSpan.FromSeconds(1))
                {
                    At = recording.Readings[0].At.AddMilliseconds(5),
                    ReadingSequence = recording.Readings[0].Reading.Sequence,
                },
            ],
        };

        var outcome = ReplayPolicy.Run(s_impatient, recording);

        var outsiders = Assert.Single(outcome.Steps, step => step.Recorded?.Sequence == 9);
        Assert.True(outsiders.Same);
        Assert.All(outcome.Steps, step => Assert.Null(step.Replayed));
    }

    [Fact]
    public void Run_ReadingsThatAreNotThere_AreCounted_AndWhatWasDecidedOnThemStands()
    {
        var whole = Recorded(s_doubling, seconds: 4);
        var holed = whole with { Readings = [.. whole.Readings.Where(reading => reading.Reading.Elapsed != TimeSpan.FromSeconds(2))] };

        var outcome = ReplayPolicy.Run(s_doubling, holed);

        Assert.Equal((3, 1), (outcome.Readings, outcome.Missing));
        Assert.Null(outcome.PartsAt);
        Assert.Equal(["1 SetDowntimeLimit 200 | SetDowntimeLimit 200", "- SetDowntimeLimit 400 | nothing"], outcome.Steps.Select(Text));
    }

    [Fact]
    public void Run_NothingRecorded_HasNothingToSay()
    {
        var outcome = ReplayPolicy.Run(s_doubling, new Recording([], []));

        Assert.Empty(outcome.Steps);
        Assert.Equal((null, 0, 0), (outcome.PartsAt, outcome.Readings, outcome.Missing));
    }

    /// <summary>A reading a second that never fits, judged by one commander.</summary>
    private static Recording Recorded(ConvergenceTerms terms, int seconds)
    {
        var start = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
        var state = ConvergenceState.Start(terms);
        List<RecordedReading> readings = [];
        List<RecordedDecision> decisions = [];
        for (var second = 1; second <= seconds && !state.Committed; second++)
        {
            var reading = Copy.Reading(second, 2, 900) with { Sequence = second };
            var step = ConvergencePolicy.Step(terms, state, reading);
            state = step.State;
            readings.Add(new RecordedReading(reading, ReadingUse.Judged, start.AddSeconds(second), 1));
            if (step.Decision is not ConvergenceDecision.Wait)
            {
                decisions.Add(new RecordedDecision(decisions.Count + 1, DecidedBy.Policy, step.Decision, reading.Elapsed)
                {
                    At = start.AddSeconds(second).AddMilliseconds(3),
                    ReadingSequence = second,
                });
            }
        }

        return new Recording(readings, decisions);
    }

    private static string Text(ReplayStep step) =>
        $"{step.On?.Reading.Elapsed.TotalSeconds.ToString("0") ?? "-"} {(step.Recorded is { } recorded ? Copy.Words(recorded.Decision) : "nothing")}"
        + $" | {(step.Replayed is { } replayed ? Copy.Words(replayed.Decision) : "nothing")}";

    private static string Text(ConvergenceStep step) => $"{Copy.Words(step.Decision)} by {step.Explanation!.Rule}: {step.Explanation.Reason}";
}
