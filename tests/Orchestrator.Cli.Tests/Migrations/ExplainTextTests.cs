using Orchestrator.Cli.Migrations;
using Orchestrator.Cli.Migrations.Explaining;
using Orchestrator.Cli.Tests.Scripted;
using Orchestrator.V1;

namespace Orchestrator.Cli.Tests.Migrations;

public class ExplainTextTests
{
    [Fact]
    public void Render_Completed_ReadsLikeANote()
    {
        var throttle = new Decision
        {
            Sequence = 2,
            At = Sample.At(5),
            Elapsed = Sample.Ms(4500),
            Action = DecisionAction.Throttle,
            Origin = DecisionOrigin.Caller,
            ThrottleMaxPercent = 60,
            Policy = "other",
            PolicyRevision = 1,
            Rule = "steps[1].stalled",
            Outcome = DecisionOutcome.Refused,
            OutcomeMessage = "the engine is switching over",
        };

        Assert.Equal(
            $"""
            Migration {Sample.MigrationId}

            Guest web-1 with 512 MiB of memory and 2 vCPUs was running on h1. A live migration to h2
            was asked for by "ops: new kernel" at 2026-08-01 12:03:00Z. The engine was qemu 7.2.22
            at both ends.
            Promised: at most 400 ms of downtime, done within 10 min. Policy: predictive, revision
            3.

            What was decided
              1. after 2.1 s: set the downtime limit to 350 ms
                 Why: The floor of 310 ms fits the budget of 400 ms.
                 Rule: predictive.fit
                 Seen: budget 400 ms, remaining 42 MiB
                 Outcome: carried out (decided 3 ms after the report, commanded 1 ms later)
              2. after 4.5 s: a caller asked to throttle the guest's CPUs, up to 60 %
                 Rule: steps[1].stalled of other revision 1
                 Outcome: refused: the engine is switching over

            What became of it
              Completed after 12.3 s: guest web-1 runs on h2.
              Copied: 1.07 GiB for 512 MiB of memory, 5 passes, throttled up to 20 %, final limit
              350 ms.

              DOWNTIME
              promised                at most 400 ms
              predicted               310 ms
              measured by the engine  295 ms
              measured by the agents  340 ms
              so                      the promise was kept

            """,
            ExplainText.Render(Sample.Completed(), Sample.Guest(), [Sample.Decision(), throttle], 88));
    }

    [Fact]
    public void Render_Predicted_TellsWhatWasExpectedAndWhatElseWasPossible()
    {
        var decision = Sample.Decision().Clone();
        decision.Forecast = new Forecast
        {
            Sound = true,
            BandwidthLowBytesPerSecond = 24 << 20,
            BandwidthHighBytesPerSecond = 26 << 20,
            FloorLowBytes = 60 << 20,
            FloorHighBytes = 70 << 20,
            DowntimeLow = Sample.Ms(2400),
            DowntimeHigh = Sample.Ms(2900),
            TimeLow = Sample.Ms(20_000),
            Overhead = Sample.Ms(40),
        };
        decision.Alternatives.Add(new Alternative
        {
            Action = "raise_downtime",
            DowntimeLow = Sample.Ms(2400),
            DowntimeHigh = Sample.Ms(2900),
            Time = Sample.Ms(22_000),
            Verdict = "the budget is 400 ms",
        });
        decision.Alternatives.Add(new Alternative
        {
            Action = "throttle",
            ThrottlePercent = 40,
            Fits = true,
            DowntimeLow = Sample.Ms(310),
            DowntimeHigh = Sample.Ms(310),
            Time = Sample.Ms(95_000),
            Verdict = "chosen",
        });
        decision.Alternatives.Add(new Alternative { Action = "abort", Verdict = "not while something else does it" });

        var note = ExplainText.Render(Sample.Completed(), null, [decision], 88);

        Assert.Contains(
            """
                 Why: The floor of 310 ms fits the budget of 400 ms.
                 Rule: predictive.fit
                 Expected: If nothing were changed: at 24 to 26 MiB/s the copy would get down to 60
                 to 70 MiB, in 20 s at best and perhaps never. Switching over there would take 2.4
                 to 2.9 s, 40 ms of it however little is left.
                 - Raising the downtime limit would not be enough, 2.4 to 2.9 s of downtime, done in
                   22 s: the budget is 400 ms.
                 - Slowing the guest by 40 % would do, 310 ms of downtime, done in 1 min 35 s:
                   chosen.
                 - Giving up: not while something else does it.
                 Outcome: carried out (decided 3 ms after the report, commanded 1 ms later)

            """,
            note,
            StringComparison.Ordinal);

        decision.Forecast.Sound = false;
        decision.Forecast.TimeLow = null;
        Assert.Contains(
            "but not in any foreseeable time. Switching over there would take 2.4 to 2.9 s, 40 ms of it however little is left. "
            + "These numbers do not agree well enough yet to act on.\n",
            ExplainText.Render(Sample.Completed(), null, [decision], 1000),
            StringComparison.Ordinal);
    }

    [Fact]
    public void Render_DecidedByTheAgentAlone_SaysSo()
    {
        var alone = Sample.Decision().Clone();
        alone.Origin = DecisionOrigin.Agent;

        var note = ExplainText.Render(Sample.Completed(), null, [alone], 200);

        Assert.Contains(
            "  1. after 2.1 s: while no control plane was there, the source's agent decided by the same policy to set the downtime limit to 350 ms\n",
            note,
            StringComparison.Ordinal);
        Assert.Contains("     Outcome: carried out\n", note, StringComparison.Ordinal);
        Assert.StartsWith("decision 1 (the agent's own): set the downtime limit to 350 ms", DecisionText.Line(alone), StringComparison.Ordinal);
    }

    [Fact]
    public void Render_Running_TellsWhereItStands()
    {
        var note = ExplainText.Render(Sample.Migration(), null, [], 200);

        Assert.Contains("What was decided\n  Nothing yet.\n\nWhere it stands\n  Guest web-1 on its way from h1 to h2: copying.\n", note, StringComparison.Ordinal);
    }

    [Fact]
    public void Render_Failed_TellsWhyAndWhereTheGuestIs()
    {
        var note = ExplainText.Render(Sample.Failed(), null, [], 200);

        Assert.Contains(
            "  Failed (aborted-by-policy): guest web-1 is on h1 as before.\n  The floor of 900 ms does not fit 400 ms.\n", note, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(400, 400, "the promise was kept")]
    [InlineData(390, 430, "the promise was broken by 30 ms, in the hand-over: the engine itself kept it")]
    [InlineData(410, 430, "the promise was broken by 30 ms")]
    [InlineData(430, null, "the promise was broken by 30 ms")]
    [InlineData(null, 399, "the promise was kept")]
    [InlineData(null, null, "not measured")]
    public void Verdict_ComparesWhatWasMeasuredWithWhatWasPromised(int? reported, int? observed, string verdict)
    {
        var summary = new MigrationSummary
        {
            ReportedDowntime = reported is { } engine ? Sample.Ms(engine) : null,
            ObservedDowntime = observed is { } agents ? Sample.Ms(agents) : null,
        };
        Assert.Equal(verdict, SummaryText.Verdict(Sample.Migration(), summary));
    }

    [Fact]
    public void Verdict_CountsAPauseToConverge()
    {
        var summary = new MigrationSummary { ObservedDowntime = Sample.Ms(300), PausedToConverge = Sample.Ms(1200) };
        Assert.Equal("the promise was kept, besides a pause of 1.2 s to converge", SummaryText.Verdict(Sample.Migration(), summary));
    }

    [Theory]
    [InlineData(DecisionAction.StartPostCopy, "switch to post-copy")]
    [InlineData(DecisionAction.Pause, "pause the guest for at most 2 s")]
    [InlineData(DecisionAction.Resume, "let the guest run on: the pause is over")]
    [InlineData(DecisionAction.Abort, "give up")]
    [InlineData(DecisionAction.SetBandwidth, "lift the bandwidth cap")]
    [InlineData(DecisionAction.SwitchPolicy, "follow policy predictive revision 3")]
    [InlineData((DecisionAction)99, "unknown-99")]
    public void Headline_HasWordsForEveryAction(DecisionAction action, string words) => Assert.Equal(
        words, DecisionText.Headline(new Decision { Action = action, MaxPause = Sample.Ms(2000), Policy = "predictive", PolicyRevision = 3 }));
}
