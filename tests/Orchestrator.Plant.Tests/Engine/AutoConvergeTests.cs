using Orchestrator.Plant.Engine;

namespace Orchestrator.Plant.Tests.Engine;

public class AutoConvergeTests
{
    [Fact]
    public void See_EverySecondHit_RaisesAStep()
    {
        var converge = new AutoConverge(true);

        Assert.Equal([0, 20, 20, 30, 30, 40], Enumerable.Range(0, 6).Select(_ => Hit(converge)));
    }

    [Fact]
    public void See_AMissBetween_DoesNotTakeTheFirstHitBack()
    {
        var converge = new AutoConverge(true);
        Hit(converge);
        converge.See(dirtied: 10, sent: 100);
        converge.See(dirtied: 10, sent: 100);

        Assert.Equal(20, Hit(converge));
    }

    [Fact]
    public void See_ExactlyHalf_IsNoHit()
    {
        var converge = new AutoConverge(true);
        for (var period = 0; period < 10; period++)
        {
            converge.See(dirtied: 50, sent: 100);
        }

        Assert.Equal(0, converge.Percent);
        Assert.False(converge.IsThrottling);
    }

    [Fact]
    public void See_Often_EndsAtTheMost()
    {
        var converge = new AutoConverge(true);
        for (var period = 0; period < 100; period++)
        {
            Hit(converge);
        }

        Assert.Equal(99, converge.Percent);
        converge.Knobs = new ThrottleKnobs(20, 10, 50);
        Hit(converge);
        Hit(converge);
        Assert.Equal(99, converge.Percent);
    }

    [Fact]
    public void See_NotEnabled_Nothing()
    {
        var converge = new AutoConverge(false);
        Hit(converge);
        Hit(converge);

        Assert.Equal(0, converge.Percent);
    }

    private static int Hit(AutoConverge converge)
    {
        converge.See(dirtied: 51, sent: 100);
        return converge.Percent;
    }
}
