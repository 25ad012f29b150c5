using Orchestrator.Lab.Peers;
using Orchestrator.Lab.Peers.Virsh;

namespace Orchestrator.Lab.Tests.Peers.Virsh;

public class OneShotTests
{
    [Theory]
    [InlineData("virsh-timeout-suspend", "pause@30.5")]
    [InlineData("virsh-timeout-post-copy", "postcopy@30.5")]
    public void Timer_StartsWhenTheJobIsSeenAndFiresOnce(string peer, string expected) =>
        Assert.Equal(expected, Script.Play(PeerCatalogue.Find(peer)!.Create(), Script.Migration(), 9000));

    [Fact]
    public void Timer_IsWhatTheUserSays() => Assert.Equal(
        "pause@120.5", Script.Play(new TimeoutWatch(OnTimeout.Suspend, TimeSpan.FromMinutes(2)), Script.Migration(), 9000));

    [Fact]
    public void RefusedPostCopy_IsNotTriedAgain() => Assert.Equal(
        "refused@30.5",
        Script.Play(
            new TimeoutWatch(OnTimeout.PostCopy, TimeoutWatch.UsualTimeout),
            Script.Migration(),
            9000,
            elapsed => Script.View(elapsed),
            refusesPostCopy: true));

    [Theory]
    [InlineData("virsh-timeout-suspend", false)]
    [InlineData("virsh-timeout-post-copy", true)]
    [InlineData("virsh-post-copy-after-precopy", true)]
    public void PostCopy_IsAFlagOfTheCommand(string peer, bool postCopy)
    {
        var setup = PeerCatalogue.Find(peer)!.Create().SetUp(Script.Migration(vfio: true));
        Assert.Equal(postCopy, setup.PostCopy);
        Assert.Equal((TimeSpan.FromMilliseconds(300), 0L), (setup.DowntimeLimit, setup.MaxBandwidth));
    }

    [Fact]
    public void PostCopyAfterPreCopy_ActsAtTheSecondPassOnly()
    {
        var policy = new PostCopyAfterPreCopy();
        var controls = new RecordedControls();
        Assert.True(policy.FollowsPasses);
        Assert.Null(policy.NextLook);
        for (var pass = 1; pass <= 4; pass++)
        {
            controls.Now = TimeSpan.FromSeconds(10 * (pass - 1));
            policy.SeePass(Script.View(controls.Now, pass), controls);
        }

        Assert.Equal("postcopy@10", controls.Said);
    }
}
