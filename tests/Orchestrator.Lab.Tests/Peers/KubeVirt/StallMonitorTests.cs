using Orchestrator.Lab.Peers.KubeVirt;
using Orchestrator.Plant.Description;
using Orchestrator.Plant.Engine;

namespace Orchestrator.Lab.Tests.Peers.KubeVirt;

public class StallMonitorTests
{
    private static readonly KubeVirtOptions s_plain = new();
    private static readonly KubeVirtOptions s_pause = new() { AllowWorkloadDisruption = true };
    private static readonly KubeVirtOptions s_postCopy = new() { AllowPostCopy = true };

    [Theory]
    [InlineData(300, "300@0.4")]
    [InlineData(900, "300@0.4 900@60")]
    [InlineData(1350, "300@0.4 900@60")]
    [InlineData(1351, "300@0.4 abort@60")]
    public void Stall_WithoutDisruption_DependsOnWhatTheSwitchOverWouldTake(long megabytes, string expected) =>
        Assert.Equal(expected, Play(s_plain, megabytes * 1_000_000, firstPass: 20, lastPass: megabytes == 300 ? 59 : 60));

    [Fact]
    public void SoftSwitchOver_ThatDoesNotComeInAMinute_IsAborted() =>
        Assert.Equal("300@0.4 900@60 abort@121", Play(s_plain, 900_000_000, firstPass: 20, lastPass: 200));

    [Fact]
    public void HardSwitchOver_ThatDoesNotComeInAMinute_IsAborted() =>
        Assert.Equal("300@0.4 2000000@60 abort@121", Play(s_pause, 4_000_000_000, firstPass: 20, lastPass: 200));

    [Fact]
    public void Stall_WithPostCopy_StartsIt() => Assert.Equal("300@0.4 postcopy@60", Play(s_postCopy, 4_000_000_000, firstPass: 20, lastPass: 200));

    [Fact]
    public void RefusedPostCopy_IsTriedAgainAtTheNextPass() => Assert.StartsWith(
        "300@0.4 refused@60 refused@61", Play(s_postCopy, 4_000_000_000, firstPass: 20, lastPass: 61, refusesPostCopy: true), StringComparison.Ordinal);

    [Fact]
    public void VfioGuest_IsNeverPostCopied()
    {
        var migration = Script.Migration(8, vfio: true);
        Assert.True(new StallMonitor(s_postCopy).SetUp(Script.Migration(8)).PostCopy);
        Assert.False(new StallMonitor(s_postCopy).SetUp(migration).PostCopy);
        Assert.Equal(
            "300@0.4 2000000@60", Play(s_postCopy, 4_000_000_000, firstPass: 20, lastPass: 100, migration: migration));
    }

    [Fact]
    public void WhatCannotBeSentInTwiceTheAcceptableTime_IsLeftAlone()
    {
        // 1 GiB: 300 s acceptable, and at 1 GB/s 600 GB minus a minute's worth is what could still be sent.
        var migration = Script.Migration(1);
        Assert.Equal("300@0.4", Play(s_pause, 541_000_000_000, firstPass: 20, lastPass: 60, migration: migration));
        Assert.Equal("300@0.4 2000000@60", Play(s_pause, 539_000_000_000, firstPass: 20, lastPass: 60, migration: migration));
    }

    [Fact]
    public void DeadLink_EndsNoPassAndWaitsForTheAcceptableTime() =>
        Assert.Equal("300@0.4 abort@1351.2", Play(s_plain, 1_000_000_000, firstPass: int.MaxValue, lastPass: 1400));

    [Fact]
    public void AcceptableTimeOver_WithDisruption_ForcesTheSwitchOverAndWaitsAMinute() => Assert.Equal(
        "300@0.4 2000000@1351.2 abort@1412", Play(s_pause, 1_000_000_000, firstPass: int.MaxValue, lastPass: 1500));

    [Fact]
    public void AcceptableTimeOver_StartsPostCopyWhoeverMayBeDisrupted() => Assert.Equal(
        "300@0.4 postcopy@1351.2",
        Play(s_postCopy with { AllowWorkloadDisruption = false }, 1_000_000_000, firstPass: int.MaxValue, lastPass: 1500));

    [Fact]
    public void NoAcceptableTime_MeansThatItNeverActs() => Assert.Equal(
        "300@0.4",
        Play(s_pause with { CompletionTimeoutPerGigabyte = 0 }, 4_000_000_000, firstPass: 20, lastPass: 9000));

    [Fact]
    public void Pass_ArmsThePollAnew()
    {
        var monitor = new StallMonitor(s_plain);
        monitor.SetUp(Script.Migration(8));
        var controls = new RecordedControls();
        monitor.SeePass(Script.View(TimeSpan.FromSeconds(0.3)), controls);
        Assert.Equal(TimeSpan.FromSeconds(0.7), monitor.NextLook);
    }

    [Fact]
    public void GuestStoppedByTheEngine_IsJudgedByTheAcceptableTime()
    {
        // The soft switch-over's minute is over at 121 s, but by then the guest stands still.
        Assert.Equal(
            "300@0.4 900@60", Play(s_plain, 900_000_000, firstPass: 20, lastPass: 200, stoppedAt: 100));
    }

    /// <summary>A pass each second from the first one on, polls between as the monitor asks for them, and always the same left to send.</summary>
    private static string Play(
        KubeVirtOptions options,
        long remaining,
        int firstPass,
        int lastPass,
        MigrationDescription? migration = null,
        int stoppedAt = int.MaxValue,
        bool refusesPostCopy = false)
    {
        var monitor = new StallMonitor(options);
        monitor.SetUp(migration ?? Script.Migration(8));
        var controls = new RecordedControls { RefusesPostCopy = refusesPostCopy };
        var passes = 1;
        for (var second = 0; second <= lastPass; second++)
        {
            while (monitor.NextLook is { } look && look < TimeSpan.FromSeconds(second))
            {
                controls.Now = look;
                monitor.Look(View(look), controls);
            }

            if (second >= firstPass)
            {
                controls.Now = TimeSpan.FromSeconds(second);
                passes++;
                monitor.SeePass(View(controls.Now), controls);
            }
        }

        return controls.Said;

        EngineView View(TimeSpan elapsed) =>
            Script.View(elapsed, passes, remaining) with { GuestRunning = elapsed.TotalSeconds < stoppedAt };
    }
}
