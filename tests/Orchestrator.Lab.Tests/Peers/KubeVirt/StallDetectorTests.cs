using Orchestrator.Lab.Peers.KubeVirt;

namespace Orchestrator.Lab.Tests.Peers.KubeVirt;

public class StallDetectorTests
{
    [Fact]
    public void FlatPasses_AreAStallOnceTheWindowHasAged()
    {
        var detector = new StallDetector();
        Assert.Equal(40, FirstStall(detector, _ => 1000));
    }

    [Fact]
    public void PassesThatShrinkByMoreThanTheMarginPerWindow_AreNone() =>
        Assert.Null(FirstStall(new StallDetector(), second => (long)(1e9 * Math.Pow(0.95, second / 40.0))));

    [Fact]
    public void PassesThatShrinkByLess_AreAStall() =>
        Assert.NotNull(FirstStall(new StallDetector(), second => (long)(1e9 * Math.Pow(0.97, second / 40.0))));

    [Fact]
    public void LocalMinimum_IsWithinFourPerCentOfTheBest()
    {
        var detector = new StallDetector();
        FirstStall(detector, second => second == 10 ? 900 : 1000);
        Assert.True(detector.Stalled);
        Assert.True(detector.IsLocalMinimum(new PassRecord(0, 936)));
        Assert.False(detector.IsLocalMinimum(new PassRecord(0, 937)));
    }

    /// <summary>After the stall every pass is much worse than the one before, so that each value taken for the best shows.</summary>
    [Theory]
    [InlineData(1, 40)]
    [InlineData(2, 60)]
    [InlineData(3, 70)]
    [InlineData(4, 75)]
    public void Patience_HalvesEachTimeAWorsePassIsTakenForTheBest(int pass, int secondsAfterTheStall)
    {
        var detector = new StallDetector();
        Assert.Equal(40, FirstStall(detector, _ => 1000));
        var wanted = new PassRecord(0, 10_000 * pass);
        var seconds = 0;
        while (!detector.IsLocalMinimum(wanted) && seconds < 1000)
        {
            seconds++;
            detector.See(new PassRecord((40 + seconds) * 1000, 10_000 * seconds));
        }

        Assert.Equal(secondsAfterTheStall, seconds);
    }

    private static int? FirstStall(StallDetector detector, Func<int, long> remaining)
    {
        for (var second = 0; second < 400; second++)
        {
            if (detector.See(new PassRecord(second * 1000L, remaining(second))))
            {
                return second;
            }
        }

        return null;
    }
}
