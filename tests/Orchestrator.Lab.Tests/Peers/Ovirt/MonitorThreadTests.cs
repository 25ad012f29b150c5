using Orchestrator.Lab.Peers;
using Orchestrator.Lab.Peers.Ovirt;
using Orchestrator.Plant.Management;

namespace Orchestrator.Lab.Tests.Peers.Ovirt;

public class MonitorThreadTests
{
    /// <summary>Polls every ten seconds: one pass more at each (slow), five more (fast), or one for every three polls (large).</summary>
    [Theory]
    [InlineData("ovirt-minimal-downtime", "slow", "150@30 200@40 300@50 400@60 500@80 abort@90")]
    [InlineData("ovirt-minimal-downtime", "fast", "150@20 200@30 300@40 400@50 500@60 abort@70")]
    [InlineData("ovirt-minimal-downtime", "large", "150@70 200@100 300@130 400@160 500@220 abort@250")]
    [InlineData("ovirt-suspend-workload", "slow", "150@30 200@40 300@50 400@60 500@80 5000@90 abort@100")]
    [InlineData("ovirt-suspend-workload", "fast", "150@20 200@30 300@40 400@50 500@60 5000@70 abort@80")]
    [InlineData("ovirt-suspend-workload", "large", "150@70 200@100 300@130 400@160 500@220 5000@250 abort@280")]
    [InlineData("ovirt-post-copy", "slow", "150@30 200@40 postcopy@50")]
    [InlineData("ovirt-post-copy", "fast", "150@20 200@30 postcopy@40")]
    [InlineData("ovirt-post-copy", "large", "150@70 200@100 postcopy@130")]
    [InlineData("ovirt-very-large-vms", "slow", "400@30 500@40 700@50 1000@60 1500@80 5000@90 abort@100")]
    [InlineData("ovirt-very-large-vms", "fast", "400@20 500@30 700@40 1000@50 1500@60 5000@70 abort@80")]
    [InlineData("ovirt-very-large-vms", "large", "400@70 500@100 700@130 1000@160 1500@220 5000@250 abort@280")]
    [InlineData("ovirt-legacy", "slow", "104@30 120@40 189@50 500@60 500@440 abort@450")]
    [InlineData("ovirt-legacy", "fast", "104@20 120@30 189@40 500@50 500@100 abort@110")]
    [InlineData("ovirt-legacy", "large", "104@70 120@100 189@130 500@160 500@1300 abort@1330")]
    public void Schedule_WalksAsInTheTable(string peer, string passes, string expected) =>
        Assert.Equal(expected, Play(PeerCatalogue.Find(peer)!.Create(), passes));

    [Theory]
    [InlineData("ovirt-minimal-downtime", 100, true, false)]
    [InlineData("ovirt-suspend-workload", 100, true, false)]
    [InlineData("ovirt-post-copy", 100, true, true)]
    [InlineData("ovirt-very-large-vms", 300, true, false)]
    [InlineData("ovirt-legacy", 101, false, false)]
    public void Start_SetsTheFirstDowntimeAndTheFlags(string peer, int milliseconds, bool autoConverge, bool postCopy)
    {
        var setup = PeerCatalogue.Find(peer)!.Create().SetUp(Script.Migration());
        Assert.Equal(TimeSpan.FromMilliseconds(milliseconds), setup.DowntimeLimit);
        Assert.Equal((autoConverge, postCopy), (setup.AutoConverge, setup.PostCopy));
    }

    [Theory]
    [InlineData("ovirt-minimal-downtime", 1.25e9, 625)]
    [InlineData("ovirt-minimal-downtime", 125e6, 62)]
    [InlineData("ovirt-suspend-workload", 125e6, 125)]
    [InlineData("ovirt-very-large-vms", 1.25e9, 1250)]
    [InlineData("ovirt-legacy", 125e6, 62)]
    [InlineData("ovirt-minimal-downtime", 1e6, 52)]
    public void Bandwidth_IsTheLinksShareWhetherOrNotOthersRun(string peer, double bytesPerSecond, long mebibytesPerSecond)
    {
        var setup = PeerCatalogue.Find(peer)!.Create().SetUp(Script.Migration(bytesPerSecond: bytesPerSecond));
        Assert.Equal(mebibytesPerSecond << 20, setup.MaxBandwidth);
    }

    [Fact]
    public void RefusedPostCopy_IsAbortedAtTheNextNewPass() => Assert.Equal(
        "150@30 200@40 refused@50 abort@60", Play(new MonitorThread(ShippedPolicies.PostCopy), "slow", refusesPostCopy: true));

    [Fact]
    public void ParallelConnections_TakeThePostCopyOutOfTheSchedule()
    {
        var policy = ShippedPolicies.PostCopy with { ParallelConnections = true };
        Assert.False(new MonitorThread(policy).SetUp(Script.Migration()).PostCopy);
        Assert.Equal("150@30 200@40 abort@50", Play(new MonitorThread(policy), "slow"));
    }

    [Fact]
    public void OnePass_HoweverLong_BringsNoAction() =>
        Assert.Equal("", Script.Play(new MonitorThread(ShippedPolicies.MinimalDowntime), Script.Migration(1024), 1680));

    [Fact]
    public void SteadyProgress_IsAbortedAllTheSame() => Assert.EndsWith(
        "abort@90",
        Script.Play(
            new MonitorThread(ShippedPolicies.MinimalDowntime),
            Script.Migration(),
            9000,
            elapsed => Script.View(elapsed, Passes("slow", elapsed), remaining: (1L << 40) - (long)elapsed.TotalSeconds)),
        StringComparison.Ordinal);

    [Fact]
    public void EmptySchedule_EndsTheWatch()
    {
        var thread = new MonitorThread(ShippedPolicies.MinimalDowntime with { Schedule = ConvergenceSchedule.Of(100, []) });
        Assert.Equal("", Play(thread, "slow"));
        Assert.Null(thread.NextLook);
    }

    [Theory]
    [InlineData(500, 5, "101 104 120 189 500")]
    [InlineData(1000, 5, "201 205 228 350 999")]
    [InlineData(5000, 5, "1001 1007 1063 1502 4999")]
    public void LegacyLadder_IsExponential(int downtime, int steps, string expected) =>
        Assert.Equal(expected, string.Join(' ', LegacySchedule.ExponentialDowntime(downtime, steps)));

    private static string Play(IManagementPolicy policy, string passes, bool refusesPostCopy = false) => Script.Play(
        policy, Script.Migration(), 9000, elapsed => Script.View(elapsed, Passes(passes, elapsed)), refusesPostCopy);

    private static int Passes(string kind, TimeSpan elapsed)
    {
        var poll = (int)elapsed.TotalSeconds / 10;
        return kind switch
        {
            "slow" => poll,
            "fast" => 5 * poll,
            "large" => 1 + ((poll - 1) / 3),
            _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "No such pace."),
        };
    }
}
