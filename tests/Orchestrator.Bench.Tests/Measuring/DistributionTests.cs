using Orchestrator.Bench.Measuring;

namespace Orchestrator.Bench.Tests.Measuring;

public class DistributionTests
{
    [Fact]
    public void Of_AHundredValues_GivesValuesThatOccurred()
    {
        var distribution = Distribution.Of(Enumerable.Range(1, 100).Reverse().Select(value => (double)value));

        Assert.Equal((100, 50.0, 90.0, 99.0, 100.0), Figures(distribution));
    }

    [Fact]
    public void Of_OneValue_IsThatValueThroughout() => Assert.Equal((1, 7.0, 7.0, 7.0, 7.0), Figures(Distribution.Of([7])));

    [Fact]
    public void Of_Nothing_IsNothing() => Assert.Null(Distribution.Of([]));

    private static (int, double, double, double, double) Figures(Distribution? distribution) =>
        (distribution!.Count, distribution.P50, distribution.P90, distribution.P99, distribution.Max);
}
