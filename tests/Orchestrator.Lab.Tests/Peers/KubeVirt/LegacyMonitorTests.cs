using Orchestrator.Lab.Peers.KubeVirt;
using Orchestrator.Plant.Engine;

namespace Orchestrator.Lab.Tests.Peers.KubeVirt;

public class LegacyMonitorTests
{
    private const long Gibibyte = 1L << 30;

    private static readonly KubeVirtOptions s_pause = new() { AllowWorkloadDisruption = true };
    private static readonly KubeVirtOptions s_postCopy = new() { AllowPostCopy = true };

    // A saw-tooth: at every other poll less remains than at the one before.
    private static EngineView SawTooth(TimeSpan elapsed) =>
        Script.View(elapsed, remaining: elapsed.TotalMilliseconds % 800 == 0 ? Gibibyte : 2 * Gibibyte);

    [Fact]
    public void SawTooth_NeverCountsAsStuck() => Assert.Equal(
        "abort@1351.2", Script.Play(new LegacyMonitor(new KubeVirtOptions(), ramp: null), Script.Migration(8), 3000, SawTooth));

    [Fact]
    public void ConstantRemaining_IsStuckAfter151WholeSeconds() => Assert.Equal(
        "abort@151.6", Script.Play(new LegacyMonitor(new KubeVirtOptions(), ramp: null), Script.Migration(8), 3000));

    [Fact]
    public void Pause_LastsForTwiceTheAcceptableTimeBeforeTheAbort() => Assert.Equal(
        "pause@1351.2 abort@2701.2", Script.Play(new LegacyMonitor(s_pause, ramp: null), Script.Migration(8), 6000, SawTooth));

    [Fact]
    public void VfioGuest_GetsAHugeLimitInsteadOfAPause() => Assert.Equal(
        "600000@301.2 abort@601.2", Script.Play(new LegacyMonitor(s_pause, ramp: null), Script.Migration(1, vfio: true), 6000, SawTooth));

    [Fact]
    public void VfioGuest_GetsNoMoreThanTheEngineTakes() => Assert.StartsWith(
        "2000000@", Script.Play(new LegacyMonitor(s_pause, ramp: null), Script.Migration(8, vfio: true), 6000, SawTooth), StringComparison.Ordinal);

    [Fact]
    public void VfioGuest_IsNeverPostCopied()
    {
        var monitor = new LegacyMonitor(s_postCopy, ramp: null);
        Assert.False(monitor.SetUp(Script.Migration(8, vfio: true)).PostCopy);
        Assert.StartsWith("2000000@", Script.Play(monitor, Script.Migration(8, vfio: true), 6000, SawTooth), StringComparison.Ordinal);
    }

    [Fact]
    public void PostCopy_IsSetAtTheStartAndEndsAllJudgement()
    {
        Assert.True(new LegacyMonitor(s_postCopy, ramp: null).SetUp(Script.Migration(8)).PostCopy);
        Assert.Equal("postcopy@1351.2", Script.Play(new LegacyMonitor(s_postCopy, ramp: null), Script.Migration(8), 6000, SawTooth));
    }

    [Fact]
    public void RefusedPostCopy_IsTriedAgainAtEveryPoll() => Assert.Equal(
        "refused@1351.2 refused@1351.6 refused@1352",
        Script.Play(new LegacyMonitor(s_postCopy, ramp: null), Script.Migration(8), 1352, SawTooth, refusesPostCopy: true));

    [Fact]
    public void PostCopyWithoutDisruption_EndsInAnAbort() => Assert.Equal(
        "abort@1351.2",
        Script.Play(
            new LegacyMonitor(s_postCopy with { AllowWorkloadDisruption = false }, ramp: null), Script.Migration(8), 6000, SawTooth));

    [Fact]
    public void ZeroTimeouts_WaitForEver() => Assert.Equal(
        "",
        Script.Play(
            new LegacyMonitor(new KubeVirtOptions { CompletionTimeoutPerGigabyte = 0, ProgressTimeout = 0 }, ramp: null),
            Script.Migration(8),
            9000));

    [Fact]
    public void Link_ThatDiesShortlyBeforeTheTimeIsUp_StillGetsThePause() => Assert.Equal(
        "pause@1351.2 abort@1351.6",
        Script.Play(
            new LegacyMonitor(s_pause, ramp: null),
            Script.Migration(8),
            1400,
            elapsed => elapsed.TotalSeconds <= 1200 ? SawTooth(elapsed) : Script.View(elapsed)));

    [Fact]
    public void Ramp_GoesBeforeTheJudgement() => Assert.Equal(
        "150@0.4",
        Script.Play(new LegacyMonitor(new KubeVirtOptions(), new DowntimeRamp(900)), Script.Migration(8), 20));
}
