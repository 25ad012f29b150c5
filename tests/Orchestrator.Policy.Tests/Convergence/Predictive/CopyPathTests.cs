using Orchestrator.Policy.Convergence.Predictive;
using static Orchestrator.Policy.Tests.Convergence.Predictive.Numbers;

namespace Orchestrator.Policy.Tests.Convergence.Predictive;

public class CopyPathTests
{
    [Theory]
    [InlineData(2e9, 1.5)]
    [InlineData(2e9, 2)]
    [InlineData(8e9, 5)]
    [InlineData(0.5e9, 20)]
    public void Follow_OneHotSetThatOutrunsTheLink_ComesToRestAtTheFixedPoint(double size, double times)
    {
        // M = H (1 - exp(-r M / (B H))).
        var rate = times * Gigabyte;
        var rest = size;
        for (var step = 0; step < 10_000; step++)
        {
            rest = OneSet(size, rate, rest / Gigabyte);
        }

        var path = Follow(Of(16e9), interval => OneSet(size, rate, interval), restShare: 1e-4);

        Assert.Equal(rest, path.Floor, 0.01 * rest);
        Assert.Null(path.TimeTo(0.95 * rest));
        Assert.NotNull(path.TimeTo(1.05 * rest));
    }

    [Fact]
    public void Follow_AGuestSlowerThanTheLink_GetsThereInAGeometricSeries()
    {
        // Half of every pass: 8 + 4 + 2 + 1 s until half a gigabyte is left.
        var path = Follow(Of(8e9), interval => 0.5 * Gigabyte * interval, restShare: 0.03);

        Assert.Equal(15, path.TimeTo(0.5e9)!.Value, 0.01);
        Assert.Equal(0, path.Floor, 1);
    }

    [Theory]
    [InlineData(0.97)]
    [InlineData(0.99)]
    public void TimeTo_BeyondThePasses_IsTheTailOfTheSeries(double ratio)
    {
        var path = Follow(Of(8e9), interval => ratio * Gigabyte * interval, restShare: 0.001);

        // 8 GB falling to 0.1 GB by a geometric series: what went over the link is (8 - 0.1) / (1 - q).
        Assert.Equal(CopyPath.MostPasses, path.Points.Length);
        Assert.Equal(7.9 / (1 - ratio), path.TimeTo(0.1e9)!.Value, 0.02 * 7.9 / (1 - ratio));
        Assert.Equal(0, path.Floor);
        Assert.Null(path.TimeTo(0));
    }

    [Fact]
    public void Follow_TheFirstPoint_IsASwitchOverNow()
    {
        var path = Follow(Of(3e9) with { SinceSync = 2 }, interval => 0.1 * Gigabyte * interval, restShare: 0.03);

        Assert.Equal(new PathPoint(0, 3.2e9), path.Points[0]);
        Assert.Equal(0, path.TimeTo(4e9));

        // The sync at the end of this pass finds what was written since the one before it.
        Assert.Equal(3, path.Points[1].Time, 1e-9);
        Assert.Equal(0.5e9, path.Points[1].Amount, 1);
    }

    [Fact]
    public void Follow_AThrottledGuest_WritesLessInAPass()
    {
        var path = Follow(Of(1e9), interval => 2 * Gigabyte * interval, restShare: 0.03, pace: 0.25);

        Assert.Equal(0.5e9, path.Points[1].Amount, 1);
    }

    [Theory]
    [InlineData(0, 1e9)]
    [InlineData(1e9, 0)]
    [InlineData(9e18, 1e-3)]
    [InlineData(0, 0)]
    public void Follow_NothingLeftOrNoLink_IsAPathNevertheless(double left, double bandwidth)
    {
        var path = Follow(Of(left, bandwidth), interval => 1e9 * interval, restShare: 0.03);

        Assert.False(double.IsNaN(path.Floor));
        Assert.NotEmpty(path.Points.ToArray());
        Assert.True(path.TimeTo(1e6) is not { } time || !double.IsNaN(time));
    }

    private static CopyPath Follow(CopyNumbers numbers, Func<double, double> curve, double restShare, double pace = 1) =>
        CopyPath.Follow(numbers, curve, pace, numbers.Link.Middle, restShare, new PathPoint[CopyPath.MostPasses]);
}
