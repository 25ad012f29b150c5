using Orchestrator.Cli.Migrations.Following;
using Orchestrator.Cli.Migrations.Progress;
using Orchestrator.Cli.Tests.Scripted;
using Orchestrator.V1;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Orchestrator.Cli.Tests.Migrations;

public class ProgressTextTests
{
    [Fact]
    public void ProgressLines_OneMigration_OneLineForEachChangeAndOneASecond()
    {
        var lines = new ProgressLines(many: false, withReadings: true);

        var said = Say(
            lines,
            Sample.Happening(Sample.Migration(MigrationPhase.Preparing)),
            Sample.Transition(MigrationPhase.Preparing, MigrationPhase.Copying, 1, "both sides are set up"),
            Sample.Happening(Sample.Migration(revision: 2)),
            Sample.Happening(Sample.Reading(1, 2, 400, 1)),
            Sample.Happening(Sample.Reading(2, 2.25, 390, 1)),
            Sample.Happening(Sample.Reading(3, 2.5, 300, 2)),
            Sample.Happening(Sample.Decision(1, DecisionOutcome.Intended)),
            Sample.Happening(Sample.Decision()),
            Sample.Happening(Sample.Reading(4, 3.4, 200, 2)),
            Sample.Happening(Sample.Reading(5, 3.5, 42, 2)));

        Assert.Equal(
            [
                $"12:03:01Z  preparing: guest web-1 from h1 to h2, downtime at most 400 ms, policy predictive revision 3, migration {Sample.MigrationId}",
                "12:03:01Z  copying: both sides are set up",
                "12:03:02Z  pass 1; remaining 400 MiB of 512 MiB; expected downtime 4 s of 400 ms; limit 300 ms; 110 MiB/s, the guest dirties 30 MiB/s",
                "12:03:02Z  pass 2; remaining 300 MiB of 512 MiB; expected downtime 3 s of 400 ms; limit 300 ms; 110 MiB/s, the guest dirties 30 MiB/s",
                "12:03:03Z  decision 1: set the downtime limit to 350 ms [predictive.fit]: The floor of 310 ms fits the budget of 400 ms.",
                "12:03:03Z  pass 2; remaining 42 MiB of 512 MiB; expected downtime 420 ms of 400 ms; limit 300 ms; 110 MiB/s, the guest dirties 30 MiB/s",
            ],
            said);
    }

    [Fact]
    public void ProgressLines_OutageAndMissedTransition_AreTold()
    {
        var lines = new ProgressLines(many: false, withReadings: true);
        Say(lines, Sample.Happening(Sample.Migration()));

        Assert.Equal(
            ["connection lost (The server is going down); the migration goes on; trying again in 2 s"],
            lines.After(new FeedEvent.Lost("The server is going down.", TimeSpan.FromSeconds(2))));
        Assert.Equal(["connected again"], lines.After(new FeedEvent.Restored()));
        Assert.Equal(["12:03:01Z  verifying"], Say(lines, Sample.Happening(Sample.Migration(MigrationPhase.Verifying, 5))));
        Assert.Empty(Say(lines, Sample.Happening(Sample.Migration(MigrationPhase.Verifying, 6))));
    }

    [Fact]
    public void ProgressLines_DecisionThatWasNotTaken_IsTold()
    {
        var refused = Sample.Decision(1, DecisionOutcome.Refused);
        refused.OutcomeMessage = "not now";
        var lines = new ProgressLines(many: false, withReadings: false);

        Assert.Equal(2, Say(lines, Sample.Happening(Sample.Decision(1, DecisionOutcome.Intended)), Sample.Happening(refused)).Count);
        Assert.Equal(["12:03:03Z  decision 1 was refused: not now"], Say(lines, Sample.Happening(refused)));
    }

    [Fact]
    public void ProgressLines_Many_NameTheGuestAndTellTheEnd()
    {
        var lines = new ProgressLines(many: true, withReadings: false);

        var said = Say(
            lines,
            Sample.Happening(Sample.Migration()),
            Sample.Happening(Sample.Reading(1, 2, 400, 1)),
            Sample.Transition(MigrationPhase.Verifying, MigrationPhase.Completed, 12),
            Sample.Happening(Sample.Completed()));

        Assert.Equal(5, said.Count);
        Assert.All(said, line => Assert.StartsWith("web-1  ", line, StringComparison.Ordinal));
        Assert.Contains("web-1  Completed after 12.3 s: guest web-1 runs on h2.", said);
    }

    [Fact]
    public void MigrationView_OlderSnapshot_ChangesNothing()
    {
        var view = MigrationView.Of(Sample.MigrationId)
            .After(Sample.Happening(Sample.Migration(MigrationPhase.Copying, 5)))
            .After(Sample.Happening(Sample.Migration(MigrationPhase.Preparing, 4)));

        Assert.Equal(MigrationPhase.Copying, view.Phase);
    }

    [Fact]
    public void MigrationPanel_ShowsEverythingOfTheCopy()
    {
        var reading = Sample.Reading(5, 3.5, 128, 2);
        reading.ThrottlePercent = 20;
        reading.Suspects.Add(new SuspectNumber { Field = "remaining", Raw = "16 EiB", Why = "more than [the guest] has" });
        var view = MigrationView.Of(Sample.MigrationId).After(Sample.Happening(Sample.Migration())).After(Sample.Happening(reading));

        Assert.Equal(
            """
            +-web-1: h1 -> h2------------------------------------------------------------------+
            | phase         copying, pass 2, 3.5 s since the copy began, deadline 10 min       |
            | remaining     ##############################.......... 128 MiB of 512 MiB        |
            | downtime      expected 1.28 s, budget 400 ms, limit 300 ms                       |
            | speed         110 MiB/s, the guest dirties 30 MiB/s                              |
            | guest         runs, throttled 20 %                                               |
            | not believed  remaining = 16 EiB: more than [the guest] has                      |
            | connection    lost (gone), trying again                                          |
            +----------------------------------------------------------------------------------+

            """,
            Draw(MigrationPanel.Render(view, "lost (gone), trying again", unicode: false)));
    }

    [Fact]
    public void MigrationPanel_BeforeTheCopy_ShowsThePhaseOnly()
    {
        var view = MigrationView.Of(Sample.MigrationId).After(Sample.Happening(Sample.Migration(MigrationPhase.Queued)));

        Assert.Contains("| phase  queued, deadline 10 min ", Draw(MigrationPanel.Render(view, null, unicode: false)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(0.5, 20)]
    [InlineData(1, 40)]
    [InlineData(7, 40)]
    [InlineData(-1, 0)]
    public void Bar_IsFilledByWhatIsDone(double done, int filled) =>
        Assert.Equal(new string('#', filled) + new string('.', 40 - filled), MigrationPanel.Bar(done, unicode: false));

    [Fact]
    public void FleetTable_OneRowForEachRunningMigration()
    {
        var view = MigrationView.Of(Sample.MigrationId).After(Sample.Happening(Sample.Migration())).After(Sample.Happening(Sample.Reading(5, 3.5, 128, 2)));

        Assert.Equal(
            """
            +-----------------------------------------------------------------------------------------+
            | guest | from | to | phase   | pass   | done | remaining | expected | budget | speed     |
            |-------+------+----+---------+--------+------+-----------+----------+--------+-----------|
            | web-1 | h1   | h2 | copying | pass 2 | 75 % | 128 MiB   | 1.28 s   | 400 ms | 110 MiB/s |
            +-----------------------------------------------------------------------------------------+

            """,
            Draw(FleetTable.Render([view], null, unicode: false)));
        Assert.Contains("nothing is running", Draw(FleetTable.Render([], null, unicode: false)), StringComparison.Ordinal);
    }

    private static List<string> Say(ProgressLines lines, params MigrationHappening[] happenings) =>
        [.. happenings.SelectMany(happening => lines.After(new FeedEvent.Happened(happening)))];

    private static string Draw(IRenderable picture)
    {
        using var text = new StringWriter();
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Ansi = AnsiSupport.No, ColorSystem = ColorSystemSupport.NoColors, Out = new AnsiConsoleOutput(text) });
        console.Profile.Width = 100;
        console.Write(picture);
        return text.ToString();
    }
}
