using Orchestrator.Policy.Convergence;

namespace Orchestrator.Policy.Tests.Convergence.Predictive;

/// <summary>Copies as they may go, and what is decided of them. 8 GB of guest, 1 GB/s, 300 ms unless a test says otherwise.</summary>
public class PredictivePacingTests
{
    private static readonly LadderAction.Throttle s_throttle = new(20, 10, 80);
    private static readonly LadderAction.Pause s_pause = new(TimeSpan.FromSeconds(3));
    private static readonly LadderAction.PostCopy s_postCopy = new(DataRate.Zero);

    [Fact]
    public void AQuietGuest_TheLimitIsSetNearTheEndOfTheFirstPassAndNothingElse()
    {
        var run = new Run(new ModelledCopy { Rate = _ => 0.2e9 }).Go(12);

        Assert.All(run.Acts, act => Assert.IsType<ConvergenceDecision.SetDowntimeLimit>(act.Decision));
        Assert.All(run.Acts, act => Assert.True(act.At >= 5.5, $"{act.At} s"));
        Assert.True(run.MaySwitchOver, "the limit lets it through");
        Assert.StartsWith("pacing.predictive.fits", run.Acts[^1].Rule, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0.5)]
    [InlineData(2)]
    [InlineData(20)]
    public void AHopelessGuest_NothingIsDoneOnOneWindowOrOneProbe(double times)
    {
        // Whether the first probe or the first sync says it first: a second window and a second have to agree.
        var run = new Run(new ModelledCopy { HotSet = 4e9, Rate = _ => times * 2e9 }, s_postCopy).Go(1.75);

        Assert.Empty(run.Acts);
    }

    [Fact]
    public void AHopelessGuest_IsGivenUpLongBeforeItsTimeIsOver()
    {
        var run = new Run(new ModelledCopy { HotSet = 4e9, Rate = _ => 20e9 }, new LadderAction.Abort()).Go(120);

        var abort = Assert.Single(run.Acts, act => act.Decision is ConvergenceDecision.Abort);
        Assert.InRange(abort.At, 10, 30);
        Assert.Equal("steps[1].abort.predicted", abort.Rule);
    }

    [Fact]
    public void ABurst_IsNoReasonToGiveUp()
    {
        // Thirty seconds of a quiet guest, three that no link carries, and a quiet guest again.
        var run = new Run(
            new ModelledCopy { Memory = 40e9, HotSet = 4e9, Rate = at => at is > 50 and < 53 ? 20e9 : 0.2e9 }, new LadderAction.Abort()).Go(80);

        Assert.DoesNotContain(run.Acts, act => act.Decision is ConvergenceDecision.Abort);
        Assert.True(run.MaySwitchOver);
    }

    [Fact]
    public void ADipOfTheLink_IsNoReasonToGiveUp()
    {
        var run = new Run(
            new ModelledCopy { Memory = 40e9, HotSet = 4e9, Rate = _ => 0.3e9, Link = at => at is > 50 and < 60 ? 0.1e9 : 1e9 },
            new LadderAction.Abort()).Go(80);

        Assert.DoesNotContain(run.Acts, act => act.Decision is ConvergenceDecision.Abort);
        Assert.True(run.MaySwitchOver);
    }

    [Fact]
    public void AThrottle_IsSizedToWhatIsNeeded()
    {
        // A fixed point of 0.25 GB under 1.3 GB/s over 4 GB needs a pace of about 0.7.
        var run = new Run(new ModelledCopy { HotSet = 4e9, Rate = _ => 1.3e9 }, s_throttle, new LadderAction.Abort()).Go(60);

        var throttles = run.Acts.Select(act => act.Decision).OfType<ConvergenceDecision.StartThrottle>().ToList();
        Assert.InRange(throttles.Count, 1, 3);
        Assert.InRange(throttles[^1].MaxPercent, 25, 60);
        Assert.DoesNotContain(run.Acts, act => act.Decision is ConvergenceDecision.Abort);
        Assert.True(run.MaySwitchOver);
    }

    [Fact]
    public void AThrottleThatCannotHelp_IsPassedOverWithTheReason()
    {
        var run = new Run(new ModelledCopy { HotSet = 4e9, Rate = _ => 50e9 }, s_throttle, s_postCopy).Go(60);

        var act = Assert.Single(run.Acts, act => act.Decision is not ConvergenceDecision.SetDowntimeLimit);
        Assert.IsType<ConvergenceDecision.StartPostCopy>(act.Decision);
        Assert.Contains("throttling was passed over, as even 80 %", act.Reason, StringComparison.Ordinal);
        Assert.Equal(["raise_downtime", "throttle", "post_copy"], act.Alternatives);
    }

    [Fact]
    public void APause_ComesAfterTheFirstPassAndTheWidestLimit()
    {
        var run = new Run(new ModelledCopy { HotSet = 1.5e9, Rate = _ => 20e9 }, s_pause, new LadderAction.Abort()).Go(40);

        var pause = run.Acts.FindIndex(act => act.Decision is ConvergenceDecision.Pause);
        Assert.True(pause > 0, "no pause");
        Assert.True(run.Acts[pause].At > 8, $"{run.Acts[pause].At} s");
        Assert.Contains(run.Acts.Take(pause), act => act.Rule == "pacing.predictive.widest");
        Assert.True(run.MaySwitchOver);
    }

    [Fact]
    public void APauseThatIsTooShort_IsNotTaken()
    {
        var run = new Run(new ModelledCopy { HotSet = 6e9, Rate = _ => 20e9 }, s_pause, new LadderAction.Abort()).Go(60);

        Assert.DoesNotContain(run.Acts, act => act.Decision is ConvergenceDecision.Pause);
        Assert.Contains(run.Acts, act => act.Decision is ConvergenceDecision.Abort && act.Reason.Contains("a pause may last 3 s", StringComparison.Ordinal));
    }

    [Fact]
    public void PassesThatLie_TheLevelAtRestIsJudged()
    {
        var hopeless = new Run(new ModelledCopy { HotSet = 4e9, Rate = _ => 10e9, PassesHonest = false, Probes = false }, s_postCopy).Go(40);
        var quiet = new Run(new ModelledCopy { HotSet = 4e9, Rate = _ => 0.1e9, PassesHonest = false, Probes = false }, s_postCopy).Go(12);

        Assert.Contains(hopeless.Acts, act => act.Decision is ConvergenceDecision.StartPostCopy);
        Assert.DoesNotContain(quiet.Acts, act => act.Decision is ConvergenceDecision.StartPostCopy);
        Assert.True(quiet.MaySwitchOver);
    }

    [Fact]
    public void DevicesAboveTheBudget_AreGivenUpAtOnce()
    {
        var run = new Run(new ModelledCopy { Memory = 80e9, Rate = _ => 0.1e9, StopCopy = 0.6e9 }, s_throttle, new LadderAction.Abort()).Go(20);

        var abort = Assert.Single(run.Acts, act => act.Decision is ConvergenceDecision.Abort);
        Assert.InRange(abort.At, 2, 6);
        Assert.Contains("slower CPUs make no device's state smaller", abort.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void ACappedCopy_TheLinesRateIsToldOnce()
    {
        var run = new Run(new ModelledCopy { Rate = _ => 0.02e9, Cap = new DataRate(100_000_000), Memory = 2e9 }, new LadderAction.Abort())
        {
            LineRate = new DataRate(1_000_000_000),
        }.Go(40);

        var told = run.Acts.Select(act => act.Decision).OfType<ConvergenceDecision.SetDowntimeLimit>().Where(set => set.SwitchOver is not null).ToList();
        Assert.Equal(new DataRate(900_000_000), Assert.Single(told).SwitchOver);
    }

    [Fact]
    public void AnEngineThatDoesNotHeed_IsToldOnceAndNeverAgain()
    {
        var run = new Run(
            new ModelledCopy { Rate = _ => 0.02e9, Cap = new DataRate(100_000_000), Memory = 2e9, Heeds = false }, new LadderAction.Abort())
        {
            LineRate = new DataRate(1_000_000_000),
        }.Go(60);

        Assert.Single(run.Acts, act => act.Decision is ConvergenceDecision.SetDowntimeLimit { SwitchOver: not null });
    }

    [Fact]
    public void Limit_LeavesTheOverheadOutOfTheBudget()
    {
        var run = new Run(new ModelledCopy { HotSet = 4e9, Rate = _ => 2e9 }, new LadderAction.Abort()).Go(9);

        Assert.Equal(TimeSpan.FromMilliseconds(250), run.Limit);
    }

    /// <param name="Rule">And the reason, as they would be shown.</param>
    private sealed record Act(double At, ConvergenceDecision Decision, string Rule, string Reason, IReadOnlyList<string> Alternatives);

    /// <summary>A copy under predictive pacing until the first decision that ends it.</summary>
    private sealed class Run(ModelledCopy model, params LadderAction[] actions)
    {

        private ConvergenceState? _state;

        public List<Act> Acts { get; } = [];

        public DataRate? LineRate { get; init; }

        public TimeSpan Limit => _state!.Limit;

        /// <summary>At some time what was left passed under the limit, and within the budget.</summary>
        public bool MaySwitchOver { get; private set; }

        public Run Go(double seconds)
        {
            LadderStep[] ladder = actions is [] ? [new LadderStep(new LadderAction.Abort(), [])] : [.. actions.Select(action => new LadderStep(action, []))];
            var document = new ConvergenceDocument
            {
                InitialDowntime = TimeSpan.FromMilliseconds(30),
                MaxDowntime = TimeSpan.FromMilliseconds(300),
                Pacing = new Pacing.Predictive(),
                Steps = [new LadderStep(new LadderAction.RaiseDowntime(), []), .. ladder],
            };
            var terms = new ConvergenceTerms
            {
                Document = document,
                Budget = document.MaxDowntime,
                GuestMemory = new DataSize((long)model.Memory),
                PostCopyPossible = true,
                ThrottlePossible = true,
                Overhead = new SwitchOverCost(TimeSpan.FromMilliseconds(20), TimeSpan.FromMilliseconds(50)),
                LineRate = LineRate,
            };
            _state = ConvergenceState.Start(terms);
            for (var at = 0.0; at < seconds && !_state.Committed; at += 0.25)
            {
                var reading = model.After(0.25);
                var step = ConvergencePolicy.Step(terms, _state, reading);
                _state = step.State;
                MaySwitchOver |= !model.FirstPass && model.Left / (reading.SwitchOverBandwidth!.Value.BytesPerSecond) <= _state.Limit.TotalSeconds;
                if (step.Decision is not ConvergenceDecision.Wait)
                {
                    var why = step.Explanation!;
                    Acts.Add(new Act(at + 0.25, step.Decision, why.Rule, why.Reason, [.. why.Alternatives.Select(other => other.Action)]));
                    Do(step.Decision);
                }
            }

            return this;
        }

        private void Do(ConvergenceDecision decision)
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
    }
}
