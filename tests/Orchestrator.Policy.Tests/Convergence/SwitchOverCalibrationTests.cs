using Orchestrator.Policy.Convergence;

namespace Orchestrator.Policy.Tests.Convergence;

public class SwitchOverCalibrationTests
{
    [Theory]
    [InlineData(340, 350, 350)]
    [InlineData(340, 335, 335)]
    [InlineData(340, 334, 340)]
    [InlineData(340, 2340, 2340)]
    [InlineData(340, 2341, 340)]
    [InlineData(340, null, 340)]
    public void True_IsTheAgentsWhereTheirClocksCanBeBelieved(int reported, int? observed, int truth) => Assert.Equal(
        Ms(truth), new DowntimeObservation(Ms(1), Ms(0), Ms(reported), observed is { } seen ? Ms(seen) : null, Ms(1)).True);

    [Theory]
    [InlineData(300, 20, 350, 70)]
    [InlineData(300, 0, 350, 50)]
    [InlineData(300, 20, 250, 0)]
    public void Overhead_IsWhatWasNotSending_NeverBelowZero(int predicted, int allowed, int reported, int overhead) =>
        Assert.Equal(Ms(overhead), new DowntimeObservation(Ms(predicted), Ms(allowed), Ms(reported), null, Ms(1)).Overhead);

    [Fact]
    public void Learn_FewOfItsOwn_FallsBackToItsDevices_ThenToTheUsual()
    {
        Assert.Equal(new SwitchOverCost(Ms(30), Ms(46)), SwitchOverCalibration.Learn(Of(10, 20, 30, 40, 50), Of(99, 99, 99, 99, 99)));
        Assert.Equal(new SwitchOverCost(Ms(99), Ms(99)), SwitchOverCalibration.Learn(Of(10, 20, 30, 40), Of(99, 99, 99, 99, 99)));
        Assert.Equal(SwitchOverCost.Usual, SwitchOverCalibration.Learn(Of(10, 20, 30, 40), Of(10, 20, 30, 40)));
        Assert.Equal(SwitchOverCost.Usual, SwitchOverCalibration.Learn([], []));
    }

    [Fact]
    public void Learn_OneThatWentWrong_DoesNotSpoilTheRest() => Assert.Equal(
        new SwitchOverCost(Ms(30), Ms(30)), SwitchOverCalibration.Learn(Of([.. Enumerable.Repeat(30, 19), 90_000]), []));

    [Fact]
    public void Of_SaysHowFarPredictionsWereOff_AndHowManyKeptTheirBudget()
    {
        Assert.Null(SwitchOverCalibration.Of([]));

        var learnt = SwitchOverCalibration.Of([
            new DowntimeObservation(Ms(100), Ms(20), Ms(130), null, Ms(200)),
            new DowntimeObservation(Ms(100), Ms(20), Ms(90), null, Ms(200)),
            new DowntimeObservation(Ms(100), Ms(20), Ms(250), null, Ms(200)),
            new DowntimeObservation(Ms(100), Ms(20), Ms(60), null, Ms(200)),
        ]);

        Assert.Equal(new SwitchOverCalibration(4, null, Ms(10), Ms(35), 0.75), learnt);
    }

    private static DowntimeObservation[] Of(params int[] overheads) =>
        [.. overheads.Select(overhead => new DowntimeObservation(Ms(120), Ms(20), Ms(100 + overhead), null, Ms(1)))];

    private static TimeSpan Ms(int milliseconds) => TimeSpan.FromMilliseconds(milliseconds);
}
