using Orchestrator.Lab.Peers;
using Orchestrator.Lab.Peers.Qemu;

namespace Orchestrator.Lab.Tests.Peers.Qemu;

public class EngineAloneTests
{
    [Theory]
    [InlineData("qemu-plain", 134_217_728)]
    [InlineData("qemu-300ms", 0)]
    public void Engine_LeftAlone_KeepsItsDefaults(string peer, long maxBandwidth)
    {
        var policy = PeerCatalogue.Find(peer)!.Create();
        var setup = policy.SetUp(Script.Migration());
        Assert.Equal((TimeSpan.FromMilliseconds(300), maxBandwidth), (setup.DowntimeLimit, setup.MaxBandwidth));
        Assert.Equal((false, false, false), (setup.AutoConverge, setup.PostCopy, setup.SwitchoverAck));
        Assert.Null(policy.NextLook);
        Assert.False(policy.FollowsPasses);
    }

    [Fact]
    public void Doubling_BeginsAfterTheFirstMinute()
    {
        Assert.Equal(TimeSpan.FromMilliseconds(30), new Doubling2011().SetUp(Script.Migration()).DowntimeLimit);
        Assert.Equal(
            "60@60 120@120 240@180 480@240 960@300 1920@360", Script.Play(new Doubling2011(), Script.Migration(), 360));
    }

    [Fact]
    public void Doubling_StopsAtTheEnginesLongestLimit() => Assert.EndsWith(
        "983040@900 1966080@960 2000000@1020", Script.Play(new Doubling2011(), Script.Migration(), 90_000), StringComparison.Ordinal);
}
