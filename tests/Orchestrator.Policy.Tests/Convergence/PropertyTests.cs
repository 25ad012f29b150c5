using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using Orchestrator.Policy.Convergence;

namespace Orchestrator.Policy.Tests.Convergence;

/// <summary>What must hold for every sound document and every sequence of readings, sensible or not.</summary>
public class PropertyTests
{
    private static readonly Config s_config = Drawing.Of(400);

    [Fact]
    public void Drawn_Documents_AreSound() =>
        Check(Drawn.Documents, document => Assert.Empty(DocumentRules.Violations(document)));

    [Fact]
    public void Drawn_Copies_ReachEveryKindOfDecision()
    {
        HashSet<string> reached = [];
        foreach (var copy in Drawn.Copies.Sample(400))
        {
            Walk(copy, (_, _, step) => reached.Add(step.Decision.GetType().Name));
        }

        string[] all = ["Abort", "Pause", "Resume", "SetDowntimeLimit", "StartPostCopy", "StartThrottle", "Wait"];
        Assert.Equal(all, reached.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Step_AnyReadings_LimitRisesAndNeverAboveTheBudget() => Check(Drawn.Copies, copy => Walk(copy, (before, _, step) =>
    {
        Assert.True(step.State.Limit <= copy.Terms.Budget);
        if (step.Decision is ConvergenceDecision.SetDowntimeLimit raised)
        {
            Assert.Equal(step.State.Limit, raised.Limit);
            Assert.True(raised.Limit >= before.Limit + TimeSpan.FromMilliseconds(1));
        }
    }));

    [Fact]
    public void Step_SameReadingAgain_DecidesNothing() => Check(Drawn.Copies, copy => Walk(copy, (_, reading, step) =>
    {
        var again = ConvergencePolicy.Step(copy.Terms, step.State, reading);
        Assert.IsType<ConvergenceDecision.Wait>(again.Decision);
        Assert.Same(step.State, again.State);
    }));

    [Fact]
    public void Step_SameInputsAndAStateThatWasStored_SameStep() => Check(Drawn.Copies, copy => Walk(copy, (before, reading, step) =>
    {
        var stored = JsonSerializer.Deserialize<ConvergenceState>(JsonSerializer.Serialize(before))!;
        Assert.Equal(Text(step), Text(ConvergencePolicy.Step(copy.Terms, stored, reading)));
    }));

    [Fact]
    public void Step_NumbersThatAreNotBelieved_AreAsGoodAsAbsent() => Check(Drawn.Copies, copy => Walk(copy, (before, reading, _) =>
    {
        var absent = ConvergencePolicy.Step(copy.Terms, before, Replaced(reading, null));
        Assert.Equal(Text(absent), Text(ConvergencePolicy.Step(copy.Terms, before, Replaced(reading, long.MaxValue))));
        Assert.Equal(Text(absent), Text(ConvergencePolicy.Step(copy.Terms, before, Replaced(reading, 1))));
    }));

    [Fact]
    public void Step_NothingIsBelieved_NoNumberCausesAnAction() => Check(Drawn.Copies, copy =>
        Walk(copy with { Beats = [.. copy.Beats.Select(beat => beat with { Fresh = 0 })] }, (_, _, step) =>
        {
            string[] ofNumbers = ["stalled", "infeasible", "passes", "transfer", "no_progress"];
            Assert.DoesNotContain(ofNumbers, word =>
                copy.PassesHonest && step.Explanation?.Rule.Contains(word, StringComparison.Ordinal) == true);
        }));

    [Fact]
    public void Step_AfterPostCopyOrAbort_OnlyWaits() => Check(Drawn.Copies, copy =>
    {
        var committed = false;
        Walk(copy, (_, _, step) =>
        {
            Assert.True(!committed || step.Decision is ConvergenceDecision.Wait);
            committed |= step.Decision is ConvergenceDecision.StartPostCopy or ConvergenceDecision.Abort;
        });
    });

    [Fact]
    public void Step_AnyReadings_EachActionOnceInPreCopyAndExplained() => Check(Drawn.Copies, copy =>
    {
        HashSet<Type> once = [];
        Walk(copy, (_, reading, step) =>
        {
            if (step.Decision is ConvergenceDecision.Wait)
            {
                Assert.Null(step.Explanation);
                return;
            }

            Assert.Equal(EngineActivity.PreCopy, reading.Activity);
            Assert.True(step.Decision is ConvergenceDecision.SetDowntimeLimit || once.Add(step.Decision.GetType()));
            Assert.NotEmpty(step.Explanation!.Rule);
            Assert.EndsWith(".", step.Explanation.Reason, StringComparison.Ordinal);
            Assert.Contains("limit_ms", step.Explanation.Inputs.Keys);
            Assert.True(copy.Terms.PostCopyPossible || step.Decision is not ConvergenceDecision.StartPostCopy);
            Assert.True(copy.Terms.ThrottlePossible || step.Decision is not ConvergenceDecision.StartThrottle);
        });
    });

    [Fact]
    public void Step_Paused_NeverLongerThanTheBoundAndOneInterval() => Check(Drawn.Copies, copy =>
    {
        (TimeSpan Since, TimeSpan Bound)? pause = null;
        var last = TimeSpan.Zero;
        Walk(copy with { Beats = [.. copy.Beats.Select(beat => beat with { Oddity = 50 })] }, (_, reading, step) =>
        {
            Assert.True(pause is not { } on || last < on.Since + on.Bound, "a reading past the bound did not end the pause");
            pause = step.Decision switch
            {
                ConvergenceDecision.Pause begun => (reading.Elapsed, begun.MaxPause),
                ConvergenceDecision.Wait => pause,
                _ => null,
            };
            last = reading.Elapsed;
        });
    });

    [Fact]
    public void Step_CopyNeverConverges_EveryLadderEnds() => Check(
        from terms in Drawn.Terms()
        from honest in Gen.Elements(true, false)
        select (terms, honest),
        drawn =>
        {
            // 4 GiB: a window is 21 s, and four steps of at most 90 rounds end well within the walk.
            var copy = new Copy(drawn.terms with { GuestMemory = DataSize.FromGibibytes(4) });
            for (var second = 0; second < 20_000 && !copy.State.Committed; second++)
            {
                // Passes of 5 s that each begin with as much as the one before, over a link that the guest outruns.
                copy.See(Copy.Reading(second, 1 + (second / 5), 2000 - (390 * (second % 5))) with
                {
                    PassesHonest = drawn.honest,
                    FirstPass = second < 5,
                    Bandwidth = DataRate.FromMebibytesPerSecond(390),
                    DirtyRate = DataRate.FromMebibytesPerSecond(400),
                    ExpectedDowntime = TimeSpan.FromSeconds(5),
                    Transferred = DataSize.FromMebibytes(390 * second),
                    PausedToConverge = copy.State.Pause is not null,
                });
            }

            Assert.True(copy.State.Committed, string.Join('\n', copy.Acts));
        });

    private static void Check<T>(Gen<T> gen, Action<T> property) => Prop.ForAll(Arb.From(gen), property).Check(s_config);

    private static void Walk(DrawnCopy copy, Action<ConvergenceState, ConvergenceReading, ConvergenceStep> look)
    {
        var state = ConvergenceState.Start(copy.Terms);
        var (at, pass) = (TimeSpan.Zero, 1);
        for (var index = 0; index < copy.Beats.Count; index++)
        {
            at += TimeSpan.FromMilliseconds(copy.Beats[index].IntervalMilliseconds);
            pass += copy.Beats[index].NewPass ? 1 : 0;
            var reading = Drawn.Reading(copy, index, at, pass, state.Pause is not null);
            var step = ConvergencePolicy.Step(copy.Terms, state, reading);
            look(state, reading, step);
            state = step.State;
        }
    }

    private static string Text(ConvergenceStep step) => JsonSerializer.Serialize(
        new { step.State, Decision = Copy.Words(step.Decision), step.Explanation });

    /// <summary>Every number that is not fresh gets the value, or goes.</summary>
    private static ConvergenceReading Replaced(ConvergenceReading reading, long? value)
    {
        DataSize? size = value is { } bytes ? new DataSize(bytes) : null;
        DataRate? rate = value is { } perSecond ? new DataRate(perSecond) : null;
        TimeSpan? time = value is { } ticks ? new TimeSpan(ticks) : null;
        return reading with
        {
            Pass = reading.IsFresh(ReadingNumber.Pass) ? reading.Pass : (int)Math.Min(value ?? 0, int.MaxValue),
            RamRemaining = reading.IsFresh(ReadingNumber.RamRemaining) ? reading.RamRemaining : size,
            Remaining = reading.IsFresh(ReadingNumber.Remaining) ? reading.Remaining : size,
            StopCopy = reading.IsFresh(ReadingNumber.StopCopy) ? reading.StopCopy : size ?? DataSize.Zero,
            Transferred = reading.IsFresh(ReadingNumber.Transferred) ? reading.Transferred : size,
            Bandwidth = reading.IsFresh(ReadingNumber.Bandwidth) ? reading.Bandwidth : rate,
            SwitchOverBandwidth = reading.IsFresh(ReadingNumber.SwitchOverBandwidth) ? reading.SwitchOverBandwidth : rate,
            DirtyRate = reading.IsFresh(ReadingNumber.DirtyRate) ? reading.DirtyRate : rate,
            ExpectedDowntime = reading.IsFresh(ReadingNumber.ExpectedDowntime) ? reading.ExpectedDowntime : time,
        };
    }
}
