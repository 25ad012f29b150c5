using System.Text.Json;
using System.Text.RegularExpressions;
using FsCheck;
using FsCheck.Fluent;
using Orchestrator.Policy.Convergence;

namespace Orchestrator.Policy.Tests.Convergence.Predictive;

/// <summary>What must hold for every sound document and every sequence of readings, sensible, odd or made up.</summary>
public partial class PredictivePropertyTests
{
    private const int Beats = 160;
    private const int LargestState = 8 * 1024;

    private static readonly Gen<DrawnRun> s_runs = Gen.OneOf(
        DrawnCopies.Runs(0, Beats), DrawnCopies.Runs(5, Beats), DrawnCopies.Runs(40, Beats), DrawnCopies.Runs(100, Beats));

    [Fact]
    public void Drawn_Documents_AreSound() => Check(DrawnCopies.Documents, document => Assert.Empty(DocumentRules.Violations(document)));

    [Fact]
    public void Drawn_Runs_ReachEveryKindOfDecision()
    {
        HashSet<string> reached = [];
        Check(s_runs, run => Walk(run, (_, _, step) => reached.Add(step.Decision.GetType().Name)));

        string[] all = ["Abort", "Pause", "Resume", "SetDowntimeLimit", "StartPostCopy", "StartThrottle", "Wait"];
        Assert.Equal(all, reached.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Step_AnyReadings_TheLimitIsFromAMillisecondToTheBudget() => Check(s_runs, run => Walk(run, (_, _, step) =>
    {
        Assert.True(step.State.Limit <= run.Terms.Budget);
        if (step.Decision is ConvergenceDecision.SetDowntimeLimit set)
        {
            Assert.Equal(step.State.Limit, set.Limit);
            Assert.True(set.Limit >= TimeSpan.FromMilliseconds(1) && set.Limit <= run.Terms.Budget, $"{set.Limit} of {run.Terms.Budget}");
            Assert.True(set.SwitchOver is not { } told || told > DataRate.Zero, $"told {set.SwitchOver}");
        }
    }));

    [Fact]
    public void Step_NothingIsBelieved_NothingIsDoneToTheGuest() => Check(s_runs, run => Walk(run, (_, reading, step) =>
        Assert.False(reading.Fresh is ReadingNumber.None && ActsOnNumbers(step), step.Explanation?.Reason)));

    [Fact]
    public void Step_FewerThanTwoWindows_NothingIsDoneToTheGuest() => Check(s_runs, run => Walk(run, (_, _, step) =>
        Assert.False(ActsOnNumbers(step) && step.State.Predictive!.Link.Windows.Count < 2, step.Explanation?.Reason)));

    [Fact]
    public void Step_NothingIsEverBelieved_NothingIsEverDecided() => Check(s_runs, run => Walk(
        run with { Oddities = [.. run.Oddities.Select(odd => odd with { Kind = 2 })] },
        (_, _, step) => Assert.True(step.Decision is ConvergenceDecision.Wait || IsStop(step), step.Explanation?.Reason)));

    [Fact]
    public void Step_AfterPostCopyOrAbort_OnlyWaits() => Check(s_runs, run =>
    {
        var committed = false;
        Walk(run, (_, _, step) =>
        {
            Assert.True(!committed || step.Decision is ConvergenceDecision.Wait);
            committed |= step.Decision is ConvergenceDecision.StartPostCopy or ConvergenceDecision.Abort;
            Assert.Equal(committed, step.State.Committed);
        });
    });

    [Fact]
    public void Step_AnyReadings_TheLadderIsClimbedInItsOrderAndAThrottleOnlyTightened() => Check(s_runs, run =>
    {
        var (taken, throttle) = (-1, 0);
        Walk(run, (_, _, step) =>
        {
            if (step.Explanation is null || StepRule().Match(step.Explanation.Rule) is not { Success: true } match || step.Decision is ConvergenceDecision.Resume)
            {
                return;
            }

            var index = int.Parse(match.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture);
            var tightened = step.Decision is ConvergenceDecision.StartThrottle && index == taken;
            Assert.True(index > taken || tightened, $"step {index} after step {taken}");
            taken = index;
            if (step.Decision is ConvergenceDecision.StartThrottle throttling)
            {
                var bounds = (LadderAction.Throttle)run.Terms.Document.Steps[index].Action;
                Assert.InRange(throttling.InitialPercent, throttle + 1, bounds.MaxPercent);
                Assert.Equal(throttling.InitialPercent, throttling.MaxPercent);
                throttle = throttling.InitialPercent;
            }
        });
    });

    [Fact]
    public void Step_AnyReadings_OnlyWhatIsPossibleAndPermittedAndExplained() => Check(s_runs, run => Walk(run, (_, reading, step) =>
    {
        if (step.Decision is ConvergenceDecision.Wait)
        {
            Assert.Null(step.Explanation);
            return;
        }

        Assert.Equal(EngineActivity.PreCopy, reading.Activity);
        Assert.EndsWith(".", step.Explanation!.Reason, StringComparison.Ordinal);
        Assert.DoesNotContain("NaN", step.Explanation.Reason + string.Join(' ', step.Explanation.Inputs.Values), StringComparison.Ordinal);
        Assert.True(run.Terms.PostCopyPossible || step.Decision is not ConvergenceDecision.StartPostCopy);
        Assert.True(run.Terms.ThrottlePossible || step.Decision is not ConvergenceDecision.StartThrottle);
        Assert.True(ActsOnNumbers(step) is false || step.Explanation is { Forecast: not null, Alternatives.Count: > 1 });
    }));

    [Fact]
    public void Step_Paused_NeverLongerThanTheBoundAndOneInterval() => Check(DrawnCopies.Runs(0, Beats), run =>
    {
        (TimeSpan Since, TimeSpan Bound)? pause = null;
        var last = TimeSpan.Zero;
        Walk(run, (_, reading, step) =>
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
    public void Step_SameInputsAndAStateThatWasStored_SameStepsFromThereOn() => Check(s_runs, run =>
    {
        List<string> straight = [];
        Walk(run, (_, _, step) => straight.Add(Text(step)));
        List<string> stored = [];
        Walk(run, (_, _, step) => stored.Add(Text(step)), state => JsonSerializer.Deserialize<ConvergenceState>(JsonSerializer.Serialize(state))!);

        Assert.Equal(straight, stored);
    });

    [Fact]
    public void Step_TenThousandReadings_TheStateStaysSmall() => Check(
        Gen.OneOf(DrawnCopies.Runs(5, 10_000), DrawnCopies.Runs(60, 10_000)),
        run =>
        {
            var endless = run with
            {
                Terms = run.Terms with { Deadline = null, Document = run.Terms.Document with { Stop = new StopConditions() } },
            };
            var index = 0;
            Walk(endless, (_, _, step) =>
            {
                if (index++ % 500 == 499)
                {
                    var length = JsonSerializer.Serialize(step.State).Length;
                    Assert.True(length <= LargestState, $"{length} after {index}");
                }
            }, state => state with { Committed = false });
        },
        tests: 6);

    [Fact]
    public void Step_NumbersThatAreNotBelieved_AreAsGoodAsAbsent() => Check(s_runs, run => Walk(run, (before, reading, step) =>
    {
        var absent = reading with
        {
            RamRemaining = reading.IsFresh(ReadingNumber.RamRemaining) ? reading.RamRemaining : null,
            Remaining = reading.IsFresh(ReadingNumber.Remaining) ? reading.Remaining : null,
            StopCopy = reading.IsFresh(ReadingNumber.StopCopy) ? reading.StopCopy : DataSize.Zero,
            Transferred = reading.IsFresh(ReadingNumber.Transferred) ? reading.Transferred : null,
            SwitchOverBandwidth = reading.IsFresh(ReadingNumber.SwitchOverBandwidth) ? reading.SwitchOverBandwidth : null,
            Pass = reading.IsFresh(ReadingNumber.Pass) ? reading.Pass : 0,
        };
        Assert.Equal(Text(step), Text(ConvergencePolicy.Step(run.Terms, before, absent)));
    }));

    private static bool ActsOnNumbers(ConvergenceStep step) => !IsStop(step) && step.Decision
        is ConvergenceDecision.StartThrottle or ConvergenceDecision.Pause or ConvergenceDecision.StartPostCopy or ConvergenceDecision.Abort;

    private static bool IsStop(ConvergenceStep step) => step.Explanation?.Rule.StartsWith("stop.", StringComparison.Ordinal) == true;

    private static void Check<T>(Gen<T> gen, Action<T> property, int tests = 300) => Prop.ForAll(Arb.From(gen), property).Check(Drawing.Of(tests));

    private static void Walk(
        DrawnRun run, Action<ConvergenceState, ConvergenceReading, ConvergenceStep> look, Func<ConvergenceState, ConvergenceState>? between = null)
    {
        var (state, model) = (ConvergenceState.Start(run.Terms), run.Model());
        var frozen = model.After(0.25);
        for (var index = 0; index < run.Oddities.Count; index++)
        {
            var sound = run.Frozen
                ? frozen with { Sequence = index + 2, Elapsed = TimeSpan.FromSeconds(0.25 * (index + 2)) }
                : model.After(0.25);
            var reading = DrawnCopies.Spoil(sound, run.Oddities[index]);
            var step = ConvergencePolicy.Step(run.Terms, state, reading);
            look(state, reading, step);
            Do(model, step.Decision);
            state = between is null ? step.State : between(step.State);
        }
    }

    private static void Do(ModelledCopy model, ConvergenceDecision decision)
    {
        switch (decision)
        {
            case ConvergenceDecision.SetDowntimeLimit(_, { } line):
                model.Told = line;
                break;
            case ConvergenceDecision.StartThrottle throttle:
                model.Throttle = throttle.InitialPercent;
                break;
            case ConvergenceDecision.Pause:
                model.Paused = true;
                break;
            case ConvergenceDecision.Resume:
                model.Paused = false;
                break;
        }
    }

    private static string Text(ConvergenceStep step) => JsonSerializer.Serialize(
        new { step.State, Decision = Copy.Words(step.Decision), Told = (step.Decision as ConvergenceDecision.SetDowntimeLimit)?.SwitchOver, step.Explanation });

    [GeneratedRegex(@"^steps\[(\d+)\]", RegexOptions.CultureInvariant)]
    private static partial Regex StepRule();
}
