using Orchestrator.Lab.Peers.Ovirt;
using Orchestrator.Plant.Engine;

namespace Orchestrator.Lab.Tests.Peers.Ovirt;

public class Vdsm2013Tests
{
    private const long Gibibyte = 1L << 30;

    private static EngineView Falling(TimeSpan elapsed) => Script.View(elapsed, remaining: (1L << 40) - (long)elapsed.TotalSeconds);

    /// <summary>100 s/GiB to the top and 64 s/GiB to the end: a small guest is given up before it gets there.</summary>
    [Theory]
    [InlineData(1, "104@20 120@40 189@60 abort@70")]
    [InlineData(2, "104@40 120@80 189@120 abort@130")]
    [InlineData(3, "104@60 120@120 189@180 abort@200")]
    [InlineData(4, "104@60 120@120 189@180 500@240 abort@260")]
    [InlineData(16, "104@60 120@120 189@180 500@240 abort@1030")]
    public void Downtime_RisesByTheClockUntilTimeIsUp(double gibibytes, string expected) =>
        Assert.Equal(expected, Script.Play(new Vdsm2013(), Script.Migration(gibibytes), 9000, Falling));

    /// <summary>Progress at 10 s, the first poll; 240 s without any are over at 250 s and exceeded at the poll after it.</summary>
    [Fact]
    public void NoNewLow_For240Seconds_Aborts() =>
        Assert.Equal("104@60 120@120 189@180 500@240 abort@260", Script.Play(new Vdsm2013(), Script.Migration(64), 9000));

    [Fact]
    public void NoNewLow_IsTheLeastSeenAndNotTheLastPoll() => Assert.Contains(
        "abort@260",
        Script.Play(
            new Vdsm2013(),
            Script.Migration(64),
            9000,
            elapsed => Script.View(elapsed, remaining: elapsed.TotalSeconds % 20 == 10 ? Gibibyte : 2 * Gibibyte)),
        StringComparison.Ordinal);

    [Fact]
    public void Start_HasTheLaddersFirstValueAndNoThrottle()
    {
        var setup = new Vdsm2013().SetUp(Script.Migration());
        Assert.Equal(TimeSpan.FromMilliseconds(101), setup.DowntimeLimit);
        Assert.Equal((false, false, 625L << 20), (setup.AutoConverge, setup.PostCopy, setup.MaxBandwidth));
    }
}
