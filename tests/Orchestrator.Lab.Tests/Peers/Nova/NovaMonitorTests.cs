using Orchestrator.Lab.Peers.Nova;

namespace Orchestrator.Lab.Tests.Peers.Nova;

public class NovaMonitorTests
{
    private const string LadderOfTwoGibibytes =
        "50@0.5 95@150.5 140@300.5 185@450.5 230@600.5 275@750.5 320@900.5 365@1050.5 410@1200.5 455@1350.5 500@1500.5";

    private static readonly NovaOptions s_forceComplete = new() { TimeoutAction = TimeoutAction.ForceComplete };
    private static readonly NovaOptions s_postCopy = s_forceComplete with { PermitPostCopy = true };

    [Fact]
    public void Start_LeavesTheEnginesOwnLimit()
    {
        var setup = new NovaMonitor(new NovaOptions()).SetUp(Script.Migration());
        Assert.Equal(TimeSpan.FromMilliseconds(300), setup.DowntimeLimit);
        Assert.Equal((false, false, 0L), (setup.AutoConverge, setup.PostCopy, setup.MaxBandwidth));
    }

    [Fact]
    public void PermittedPostCopy_IsSetForAVfioGuestToo() =>
        Assert.True(new NovaMonitor(s_postCopy).SetUp(Script.Migration(vfio: true)).PostCopy);

    [Fact]
    public void Ladder_RisesByTheClockAlone() =>
        Assert.Equal(LadderOfTwoGibibytes, Script.Play(new NovaMonitor(new NovaOptions()), Script.Migration(2), 1600));

    [Fact]
    public void Abort_IsRepeatedAtEveryTick() => Assert.Equal(
        LadderOfTwoGibibytes + " abort@1600.5 abort@1601 abort@1601.5",
        Script.Play(new NovaMonitor(new NovaOptions()), Script.Migration(1), 1601.5));

    [Theory]
    [InlineData(2, 1600.5)]
    [InlineData(8, 6400.5)]
    [InlineData(16, 12800.5)]
    [InlineData(64, 51200.5)]
    [InlineData(256, 204800.5)]
    [InlineData(512, 409600.5)]
    [InlineData(1024, 819200.5)]
    public void Timeout_GrowsWithTheGuest(double gibibytes, double abortedAt) => Assert.EndsWith(
        FormattableString.Invariant($"500@{(abortedAt - 0.5) * 15 / 16 + 0.5} abort@{abortedAt}"),
        Script.Play(new NovaMonitor(new NovaOptions()), Script.Migration(gibibytes), abortedAt),
        StringComparison.Ordinal);

    [Fact]
    public void ForceComplete_PausesOneTickLaterAndAgainAtEveryTick() => Assert.Equal(
        LadderOfTwoGibibytes + " pause@1601 pause@1601.5", Script.Play(new NovaMonitor(s_forceComplete), Script.Migration(2), 1601.5));

    [Fact]
    public void ForceComplete_WithPostCopyPermitted_StartsItOnce() => Assert.Equal(
        LadderOfTwoGibibytes + " postcopy@1601", Script.Play(new NovaMonitor(s_postCopy), Script.Migration(2), 9000));

    [Fact]
    public void RefusedPostCopy_IsTriedAgain() => Assert.Equal(
        LadderOfTwoGibibytes + " refused@1601 refused@1601.5",
        Script.Play(new NovaMonitor(s_postCopy), Script.Migration(2), 1601.5, elapsed => Script.View(elapsed), refusesPostCopy: true));

    /// <summary>As a cloud set it that could not wait: 15 s per GiB, so the ladder hardly begins, and goes on in post-copy to no end.</summary>
    [Fact]
    public void Ladder_GoesOnInPostCopy() => Assert.Equal(
        "50@0.5 postcopy@31 95@150.5",
        Script.Play(new NovaMonitor(s_postCopy with { CompletionTimeout = 15 }), Script.Migration(2), 200));

    [Fact]
    public void NoCompletionTimeout_NeverEnds() => Assert.Equal(
        LadderOfTwoGibibytes,
        Script.Play(new NovaMonitor(new NovaOptions { CompletionTimeout = 0 }), Script.Migration(2), 20_000));
}
