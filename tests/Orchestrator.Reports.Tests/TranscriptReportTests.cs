using Orchestrator.Agent.V1;

namespace Orchestrator.Reports.Tests;

/// <summary>What must come out of each recorded migration, in every version that was recorded.</summary>
public class TranscriptReportTests
{
    private const ulong RamTotal = 268_967_936;

    public static TheoryData<string, string> Recordings()
    {
        var data = new TheoryData<string, string>();
        var folder = Path.Combine(AppContext.BaseDirectory, "Transcripts");
        foreach (var file in Directory.EnumerateFiles(folder, "*.jsonl", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            data.Add(Path.GetFileName(Path.GetDirectoryName(file)!), Path.GetFileNameWithoutExtension(file));
        }

        return data;
    }

    [Fact]
    public void Recordings_AreThere() => Assert.Equal(44, Recordings().Count);

    [Theory]
    [MemberData(nameof(Recordings))]
    public void EveryRecording_NothingUnreadable_NothingAbsurd(string version, string name)
    {
        foreach (var report in RecordedMigration.Play(version, name).Reports)
        {
            Assert.Empty(report.Numbers.Unreadable);
            Assert.True(!report.Numbers.HasRemainingBytes || report.Numbers.RemainingBytes <= 2 * RamTotal, report.ToString());
            Assert.True(report.ExpectedDowntime is null || report.ExpectedDowntime < TimeSpan.FromSeconds(20), report.ToString());
            Assert.True(report.Numbers.ThrottlePercent <= 99, report.ToString());
        }
    }

    // Passes as the engine counts them: 11.1 counts one less than the others, and with post-copy it counts turns of its loop.
    [Theory]
    [InlineData("7.2.22", "auto-converge", "completed", 23, 4)]
    [InlineData("7.2.22", "cancelled", "cancelled", 1, null)]
    [InlineData("7.2.22", "connection-refused", "failed", 0, null)]
    [InlineData("7.2.22", "converging", "completed", 6, 6)]
    [InlineData("7.2.22", "destination-killed", "failed", 1, null)]
    [InlineData("7.2.22", "non-converging", "cancelled", 7, null)]
    [InlineData("7.2.22", "pause-before-switchover", "completed", 6, 1104)]
    [InlineData("7.2.22", "postcopy", "completed", 2, null)]
    [InlineData("7.2.22", "switchover-ack-unknown-capability", "completed", 6, 10)]
    [InlineData("10.0.2", "cancelled", "cancelled", 1, null)]
    [InlineData("10.0.2", "connection-refused", "failed", 0, null)]
    [InlineData("10.0.2", "converging", "completed", 5, 10)]
    [InlineData("10.0.2", "destination-killed", "failed", 1, null)]
    [InlineData("10.0.2", "multifd", "completed", 5, 8)]
    [InlineData("10.0.2", "non-converging", "cancelled", 7, null)]
    [InlineData("10.0.2", "non-converging-then-downtime-raised", "completed", 8, 40)]
    [InlineData("10.0.2", "pause-before-switchover", "completed", 6, 1213)]
    [InlineData("10.0.2", "postcopy", "completed", 2, null)]
    [InlineData("10.0.2", "postcopy-paused-recovered", "completed", 2, null)]
    [InlineData("10.0.2", "switchover-ack", "completed", 6, 15)]
    [InlineData("10.0.2", "vfio-auto", "failed", 0, null)]
    [InlineData("10.0.2", "vfio-destination-stuck-in-resuming", "failed", 0, null)]
    [InlineData("10.0.2", "vfio-device-dirty-tracking-fails", "failed", 0, null)]
    [InlineData("10.0.2", "vfio-multifd", "completed", 3, 48)]
    [InlineData("10.0.2", "vfio-off", "", 0, null)]
    [InlineData("10.0.2", "vfio-postcopy-refused", "", 0, null)]
    [InlineData("10.0.2", "vfio-switchover-ack", "completed", 10, 58)]
    [InlineData("11.1.3", "cancelled", "cancelled", 1, null)]
    [InlineData("11.1.3", "connection-refused", "failed", 0, null)]
    [InlineData("11.1.3", "converging", "completed", 5, 5)]
    [InlineData("11.1.3", "multifd", "completed", 4, 7)]
    [InlineData("11.1.3", "non-converging", "cancelled", 7, null)]
    [InlineData("11.1.3", "pause-before-switchover", "completed", 4, 1308)]
    [InlineData("11.1.3", "postcopy", "completed", 62, null)]
    [InlineData("11.1.3", "postcopy-paused-recovered", "completed", 32, null)]
    [InlineData("11.1.3", "switchover-ack", "completed", 4, 10)]
    [InlineData("11.1.3", "vfio-auto", "failed", 0, null)]
    [InlineData("11.1.3", "vfio-destination-stuck-in-resuming", "failed", 0, null)]
    [InlineData("11.1.3", "vfio-device-dirty-tracking", "completed", 2, 46)]
    [InlineData("11.1.3", "vfio-device-dirty-tracking-fails", "failed", 0, null)]
    [InlineData("11.1.3", "vfio-multifd", "completed", 2, 53)]
    [InlineData("11.1.3", "vfio-off", "", 0, null)]
    [InlineData("11.1.3", "vfio-postcopy-refused", "", 0, null)]
    [InlineData("11.1.3", "vfio-switchover-ack", "completed", 2, 75)]
    public void LastReport_StatusPassesAndDowntime(string version, string name, string status, int passes, int? downtimeMilliseconds)
    {
        var last = RecordedMigration.Play(version, name).Last;
        Assert.Equal(status, last.Status);
        Assert.Equal((uint)passes, last.Numbers.Pass);
        Assert.Equal(downtimeMilliseconds, last.Numbers.Downtime?.ToTimeSpan().TotalMilliseconds);
    }

    [Theory]
    [InlineData("7.2.22", Provenance.Computed)]
    [InlineData("10.0.2", Provenance.Computed)]
    [InlineData("11.1.3", Provenance.Engine)]
    public void NonConverging_ExpectedDowntimeStandsWhileRemainingSawTooths(string version, Provenance provenance)
    {
        var running = RecordedMigration.Play(version, "non-converging").Running.ToList();
        var firstPass = running.Where(report => report.Numbers.FirstPass).ToList();
        var later = running.Where(report => !report.Numbers.FirstPass && report.Numbers.HasBandwidthBytesPerSecond).Skip(2).ToList();

        // The engine says "100 ms", its own limit, all through the first pass: that is no estimate.
        Assert.True(firstPass.Count > 20);
        Assert.All(firstPass, report => Assert.Null(report.ExpectedDowntime));
        Assert.True(later.Count > 30);
        Assert.All(later, report => Assert.InRange(report.ExpectedDowntime!.Value.TotalMilliseconds, 2200, 2800));
        Assert.All(later, report => Assert.Equal(provenance, report.Numbers.ExpectedDowntimeProvenance));
        Assert.All(later, report => Assert.Equal(provenance, report.Numbers.RemainingProvenance));
        Assert.Contains(later, report => report.Numbers.RemainingBytes < 12 << 20);
        Assert.Contains(later, report => report.Numbers.RemainingBytes > 58 << 20);
    }

    [Theory]
    [InlineData("7.2.22")]
    [InlineData("10.0.2")]
    [InlineData("11.1.3")]
    public void NonConverging_BandwidthIsSmoothAndDirtyRateAbsentUntilMeasured(string version)
    {
        var running = RecordedMigration.Play(version, "non-converging").Running.ToList();

        // The cap was 24 MiB/s. One poll that came late shifts a window of a second by a fifth, no more.
        Assert.All(
            running.Where(report => report.Numbers.HasBandwidthBytesPerSecond),
            report => Assert.InRange(report.Numbers.BandwidthBytesPerSecond, 20u << 20, 30u << 20));
        Assert.All(running.Where(report => report.Numbers.FirstPass), report => Assert.False(report.Numbers.HasDirtyBytesPerSecond));
        Assert.Contains(running, report => report.Numbers.HasDirtyBytesPerSecond && report.Numbers.DirtyBytesPerSecond > 20 << 20);
    }

    [Theory]
    [InlineData("7.2.22", "cancelled", 199_925_760)]
    [InlineData("10.0.2", "destination-killed", 198_795_264)]
    [InlineData("11.1.3", "cancelled", 200_630_272)]
    public void NumbersVanishAtTheEnd_TheLastOnesStandAndSaySo(string version, string name, ulong remaining)
    {
        var last = RecordedMigration.Play(version, name).Last.Numbers;
        Assert.Equal(remaining, last.RemainingBytes);
        Assert.Equal(Provenance.CarriedOver, last.RemainingProvenance);
        Assert.Equal(RamTotal, last.RamTotalBytes);
    }

    [Theory]
    [InlineData("postcopy")]
    [InlineData("postcopy-paused-recovered")]
    public void NewestEngineWithPostCopy_ItsPassesAreNotBelieved(string name)
    {
        var recording = RecordedMigration.Play("11.1.3", name);
        Assert.All(recording.Running, report => Assert.False(report.Numbers.PassesHonest));
        Assert.All(RecordedMigration.Play("10.0.2", name).Running, report => Assert.True(report.Numbers.PassesHonest));
    }

    [Fact]
    public void AutoConverge_ThrottleStepsAreReportedAndItEnds()
    {
        var recording = RecordedMigration.Play("7.2.22", "auto-converge");
        Assert.Equal([20u, 30u, 40u, 50u, 60u, 70u, 80u, 90u, 99u],
            recording.Running.Select(report => report.Numbers.ThrottlePercent).Where(percent => percent > 0).Distinct());
    }

    [Fact]
    public void EveryRunningReport_ZeroPagesCountAsProgress()
    {
        var last = RecordedMigration.Play("10.0.2", "converging").Last.Numbers;
        Assert.True(last.ProcessedBytes > RamTotal, "every page was dealt with at least once");
        Assert.True(last.TransferredBytes < last.ProcessedBytes);
    }
}
