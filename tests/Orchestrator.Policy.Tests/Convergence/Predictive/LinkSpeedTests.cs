using Orchestrator.Policy.Convergence.Predictive;

namespace Orchestrator.Policy.Tests.Convergence.Predictive;

public class LinkSpeedTests
{
    [Fact]
    public void See_ASteadyLink_IsSoundAfterTwoWindows()
    {
        var walk = new Walk().Go(100, seconds: 0.75);
        Assert.False(walk.Link.IsSound);

        walk.Go(100, seconds: 0.5);
        Assert.True(walk.Link.IsSound);
        Assert.Equal((100, 100, 100), (walk.Link.Low, walk.Link.Middle, walk.Link.High));
    }

    [Fact]
    public void See_ManyReadings_KeepsTwelveWindows() => Assert.Equal(12, new Walk().Go(100, seconds: 1000).Link.Windows.Count);

    [Theory]
    [InlineData(1000)]
    [InlineData(0)]
    [InlineData(50)]
    public void See_OneWindowFarOff_LeavesTheMiddle(double rate)
    {
        var walk = new Walk().Go(100, seconds: 4).Go(rate, seconds: 0.5).Go(100, seconds: 0.5);

        Assert.Equal(100, walk.Link.Middle);
        Assert.Equal(0, walk.Link.ChangedAt);
    }

    [Theory]
    [InlineData(300)]
    [InlineData(40)]
    [InlineData(0)]
    public void See_TwoWindowsFarOff_AreANewRegimeAndTheOldIsForgotten(double rate)
    {
        var walk = new Walk().Go(100, seconds: 4).Go(rate, seconds: 1);

        Assert.Equal([rate, rate], walk.Link.Windows);
        Assert.Equal(5, walk.Link.ChangedAt, 0.3);
        Assert.Equal(100, walk.Link.Best);
    }

    [Fact]
    public void See_ADip_TheBestMiddleOfARegimeIsRemembered()
    {
        var walk = new Walk().Go(100, seconds: 5).Go(20, seconds: 5);
        Assert.Equal((20, 100), (walk.Link.Middle, walk.Link.Best));

        walk.Go(100, seconds: 5);
        Assert.Equal((100, 100), (walk.Link.Middle, walk.Link.Best));
    }

    [Fact]
    public void See_ABurstOfTwoWindows_IsNoBestOfARegime()
    {
        var walk = new Walk().Go(100, seconds: 5).Go(500, seconds: 1).Go(100, seconds: 2.5);

        Assert.Equal(100, walk.Link.Best);
    }

    [Fact]
    public void See_ZeroPages_SayNothingOfTheLink()
    {
        // Ten times as much memory is dealt with as bytes are sent.
        var walk = new Walk().Go(100, seconds: 2);
        var before = walk.Link.Windows;
        walk.Go(10, seconds: 2, amount: -100);

        Assert.Equal(before, walk.Link.Windows);
    }

    [Fact]
    public void See_AnEngineThatRanDry_SaysNothingOfTheLink()
    {
        var walk = new Walk { Amount = 1000 }.Go(100, seconds: 2);
        walk.Amount = 2;
        walk.Go(5, seconds: 3, amount: 0);

        Assert.Equal(100, walk.Link.Low);
    }

    [Fact]
    public void See_TimeOrBytesRunBackwards_TheWindowBeginsAnew()
    {
        var link = new LinkSpeed().See(10, 1000, 1e6).See(9, 2000, 1e6).See(9.6, 500, 1e6).See(10.2, 560, 1e6);

        Assert.Equal(60 / 0.6, Assert.Single(link.Windows), 1e-6);
    }

    [Fact]
    public void See_NoBytes_Nothing()
    {
        var link = new LinkSpeed().See(1, 1000, 1e6);

        Assert.Same(link, link.See(2, null, 1e6));
    }

    [Fact]
    public void Break_TheOpenWindowDoesNotCount()
    {
        var link = new LinkSpeed().See(1, 0, 1e6).Break().See(10, 100, 1e6);
        Assert.Empty(link.Windows);
        Assert.Equal(100, Assert.Single(link.See(11, 200, 1e6).Windows));
    }

    [Fact]
    public void Quartiles_OfAnUnevenLink_AreTheBand()
    {
        var walk = new Walk();
        foreach (var rate in new[] { 80, 120, 100, 90, 110 })
        {
            walk.Go(rate, seconds: 0.5);
        }

        Assert.Equal((90, 100, 110), (walk.Link.Low, walk.Link.Middle, walk.Link.High));
    }

    /// <summary>Readings every 250 ms of a link that carries so many bytes a second.</summary>
    private sealed class Walk
    {
        private double _at;
        private double _sent;

        public double Amount { get; set; } = 1e9;

        public LinkSpeed Link { get; private set; } = new LinkSpeed().See(0, 0, 1e9);

        public Walk Go(double rate, double seconds, double? amount = null)
        {
            for (var end = _at + seconds - 0.01; _at < end;)
            {
                _at += 0.25;
                _sent += rate / 4;
                Amount += (amount ?? -rate) / 4;
                Link = Link.See(_at, _sent, Amount);
            }

            return this;
        }
    }
}
