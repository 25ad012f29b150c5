using Orchestrator.Lab.Peers.Proxmox;
using Orchestrator.Plant.Engine;

namespace Orchestrator.Lab.Tests.Peers.Proxmox;

/// <summary>8 GiB at 1 GiB/s, so memory has been sent once at 8 s.</summary>
public class MigrationLoopTests
{
    private const long Gibibyte = 1L << 30;
    private const int FirstPassSeconds = 8;

    [Fact]
    public void RemainingThatRisesAtEveryOtherPoll_DoublesTheLimitEveryTwelveSeconds() => Assert.Equal(
        "200@18 400@30 800@42 1600@54 3200@66 6400@78 12800@90",
        Script.Play(new MigrationLoop(), Script.Migration(), 100, elapsed => View(elapsed, Alternating(elapsed))));

    [Fact]
    public void NothingLeftOfMemory_CountsAtEveryPollWhileADeviceSends() => Assert.Equal(
        "200@8.5 400@9.1 800@9.7 1600@10.3 3200@10.9 6400@11.5 12800@12.1 25600@12.7 51200@13.3 102400@13.9 204800@14.5 "
        + "409600@15.1 819200@15.7 1638400@16.3 2000000@16.9",
        Script.Play(
            new MigrationLoop(),
            Script.Migration(vfio: true),
            17,
            elapsed => View(elapsed, remainingAfterwards: 0, vfio: elapsed.Ticks)));

    [Fact]
    public void NothingLeftAndNothingSent_CountsNot() => Assert.Equal(
        "", Script.Play(new MigrationLoop(), Script.Migration(vfio: true), 100, elapsed => Script.View(elapsed, remaining: 0, vfio: 0)));

    [Fact]
    public void Progress_TakesNoRiseBack()
    {
        // A rise in every minute, and steady progress in between.
        var said = Script.Play(
            new MigrationLoop(),
            Script.Migration(1024),
            400,
            elapsed => Script.View(
                elapsed,
                remaining: (1000 - elapsed.Seconds) * Gibibyte,
                transferred: (long)elapsed.TotalSeconds * Gibibyte));
        Assert.Equal("200@360", said);
    }

    [Fact]
    public void Polls_OnceFast_StayFast()
    {
        var loop = new MigrationLoop();
        loop.SetUp(Script.Migration());
        var controls = new RecordedControls();
        Assert.Equal(TimeSpan.FromSeconds(1), loop.NextLook);

        loop.Look(Script.View(TimeSpan.FromSeconds(1), remaining: 7 * Gibibyte, transferred: Gibibyte), controls);
        Assert.Equal(TimeSpan.FromSeconds(2), loop.NextLook);

        // Half of what was sent when it last looked, in two loops: that is not below the average.
        loop.Look(Script.View(TimeSpan.FromSeconds(2), remaining: Gibibyte / 2, transferred: 2 * Gibibyte), controls);
        Assert.Equal(TimeSpan.FromSeconds(3), loop.NextLook);
        loop.Look(Script.View(TimeSpan.FromSeconds(3), remaining: (2 * Gibibyte / 3) - 1, transferred: 3 * Gibibyte), controls);
        Assert.Equal(TimeSpan.FromSeconds(3.1), loop.NextLook);
        loop.Look(Script.View(TimeSpan.FromSeconds(3.1), remaining: 7 * Gibibyte, transferred: 4 * Gibibyte), controls);
        Assert.Equal(TimeSpan.FromSeconds(3.2), loop.NextLook);
    }

    [Fact]
    public void Start_ThrottlesAndSwitchesEverythingElseOff()
    {
        var setup = new MigrationLoop().SetUp(Script.Migration(vfio: true));
        Assert.Equal((true, false, false), (setup.AutoConverge, setup.PostCopy, setup.SwitchoverAck));
        Assert.Equal((TimeSpan.FromMilliseconds(100), 16 * Gibibyte), (setup.DowntimeLimit, setup.MaxBandwidth));
    }

    private static EngineView View(TimeSpan elapsed, long remainingAfterwards, long? vfio = null)
    {
        var sent = (long)(elapsed.TotalSeconds * Gibibyte);
        return Script.View(
            elapsed,
            remaining: elapsed.TotalSeconds < FirstPassSeconds ? (FirstPassSeconds * Gibibyte) - sent : remainingAfterwards,
            transferred: Math.Min(sent, vfio is null ? sent : FirstPassSeconds * Gibibyte),
            vfio: vfio);
    }

    private static long Alternating(TimeSpan elapsed) => elapsed.TotalSeconds % 2 == 0 ? 2 * Gibibyte : Gibibyte;
}
