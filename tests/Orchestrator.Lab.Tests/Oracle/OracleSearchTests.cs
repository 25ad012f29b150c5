using Orchestrator.Lab.Oracle;
using Orchestrator.Plant.Description;

namespace Orchestrator.Lab.Tests.Oracle;

public class OracleSearchTests
{
    private const double Gigabit10 = 1.25e9;

    [Fact]
    public void Of_IdleGuest_IsOnePass()
    {
        var verdict = OracleSearch.Of(Guest(4, writes: 0, hot: 0));
        Assert.Equal(OracleMeans.Copy, verdict.Means);

        // Four GiB and the pages' headers over the link.
        Assert.InRange(verdict.Time!.Value.TotalSeconds, 3.4, 3.7);
        Assert.True(verdict.Outage <= TimeSpan.FromMilliseconds(300));
    }

    [Fact]
    public void Of_GuestFasterThanTheLink_NothingPermitted_CannotBeDone() =>
        Assert.Equal(OracleMeans.None, OracleSearch.Of(Guest(4, writes: 6e9, hot: 3)).Means);

    [Fact]
    public void Of_GuestFasterThanTheLink_TakesTheGentlestMeansThatDo()
    {
        var guest = Guest(4, writes: 3e9, hot: 3);
        var throttled = OracleSearch.Of(guest with { Permitted = new PermittedMeans { ThrottleMaxPercent = 90, MaxPause = TimeSpan.FromMinutes(1), PostCopy = true } });
        Assert.Equal(OracleMeans.Throttle, throttled.Means);
        Assert.InRange(throttled.ThrottlePercent, 40, 80);
        Assert.Equal(
            OracleMeans.Pause, OracleSearch.Of(guest with { Permitted = new PermittedMeans { MaxPause = TimeSpan.FromMinutes(1), PostCopy = true } }).Means);
        Assert.Equal(OracleMeans.PostCopy, OracleSearch.Of(guest with { Permitted = new PermittedMeans { PostCopy = true } }).Means);
    }

    [Fact]
    public void Of_DeadlineBelowOnePass_CannotBeDone() =>
        Assert.Equal(OracleMeans.None, OracleSearch.Of(Guest(64, writes: 0, hot: 0) with { Deadline = TimeSpan.FromSeconds(20) }).Means);

    private static MigrationDescription Guest(long gibibytes, double writes, long hot) => new()
    {
        Guest = new GuestDescription
        {
            Memory = gibibytes << 30,
            HotSets = hot == 0 ? [] : [new HotSet("hot", hot << 30, writes, false, 1, [])],
        },
        Link = new LinkDescription { BytesPerSecond = Gigabit10 },
        MaxDowntime = TimeSpan.FromMilliseconds(300),
        Deadline = TimeSpan.FromMinutes(2),
    };
}
