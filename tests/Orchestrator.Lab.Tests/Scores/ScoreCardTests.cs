using Orchestrator.Lab.Oracle;
using Orchestrator.Lab.Scores;
using Orchestrator.Lab.Workloads;
using Orchestrator.Plant.Description;
using Orchestrator.Plant.Management;

namespace Orchestrator.Lab.Tests.Scores;

public class ScoreCardTests
{
    [Fact]
    public void Of_CountsByEnd_AndScoresTimesOfSuccessesAlone()
    {
        var card = ScoreCard.Of("some", [
            Run(RunEnd.WithinTerms, seconds: 10, oracle: 10),
            Run(RunEnd.WithinTerms, seconds: 30, oracle: 10),
            Run(RunEnd.OverBudget, seconds: 5, oracle: 10, sound: true),
            Run(RunEnd.GivenUp, seconds: 7, oracle: 10),
            Run(RunEnd.GivenUp, seconds: 9, oracle: null),
            Run(RunEnd.Never, seconds: 100, oracle: 10),
        ]);
        Assert.Equal((5, 2), (card.Feasible, card.Succeeded));
        Assert.Equal((1, 1), (card.OverBudget, card.OverBudgetThoughSound));
        Assert.Equal((1, 1), (card.GaveUpWrongly, card.TooLate));
        Assert.Equal(2, card.TimeToOracleMedian, 6);
        Assert.Equal(2.9, card.TimeToOracle95, 6);
        Assert.Equal(121, card.TimeWasted.TotalSeconds, 6);
    }

    [Fact]
    public void Of_NoSuccess_HasNoTimes() => Assert.True(double.IsNaN(ScoreCard.Of("some", [Run(RunEnd.GivenUp, 1, 1)]).TimeToOracleMedian));

    private static LabRun Run(RunEnd end, double seconds, double? oracle, bool? sound = null) => new(
        new Workload("any", new MigrationDescription
        {
            Guest = new GuestDescription { Memory = 1 << 30 },
            Link = new LinkDescription { BytesPerSecond = 1e9 },
            MaxDowntime = TimeSpan.FromSeconds(1),
            Deadline = TimeSpan.FromMinutes(1),
        }),
        "some",
        oracle is { } time
            ? new OracleVerdict(OracleMeans.Copy, TimeSpan.FromSeconds(time), TimeSpan.FromMilliseconds(1), 0)
            : new OracleVerdict(OracleMeans.None, null, null, 0),
        new RunResult
        {
            End = end,
            TotalTime = TimeSpan.FromSeconds(seconds),
            Outage = end is RunEnd.WithinTerms or RunEnd.OverBudget ? TimeSpan.FromMilliseconds(500) : null,
            Bytes = 1 << 30,
            Passes = 2,
            SlowDown = TimeSpan.Zero,
        },
        sound);
}
