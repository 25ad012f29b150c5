using System.Globalization;
using System.Text.Json;
using Orchestrator.Agent.V1;
using Orchestrator.Qmp;

namespace Orchestrator.Reports.Tests;

public class ReportAssemblerTests
{
    private const long Mebibyte = 1 << 20;

    [Fact]
    public void Remaining_EngineSaysZeroBeforeItsFirstQuery_RamFigureIsTaken()
    {
        var numbers = Assemble(Sample(1, pass: 1, ramRemaining: 100 * Mebibyte, systemWide: "0"));
        Assert.Equal(100ul * Mebibyte, numbers.RemainingBytes);
        Assert.Equal(Provenance.Computed, numbers.RemainingProvenance);
    }

    [Fact]
    public void Remaining_BeyondSigned_IsPassedOnAsItCame()
    {
        var numbers = Assemble(Sample(1, pass: 3, ramRemaining: 5 * Mebibyte, systemWide: "18446744073709551000"));
        Assert.Equal(18446744073709551000ul, numbers.RemainingBytes);
        Assert.Equal(Provenance.Engine, numbers.RemainingProvenance);
    }

    [Fact]
    public void Remaining_DevicesOfAnOlderEngine_AreAdded_AndNeverWrap()
    {
        var sample = Sample(1, pass: 3, ramRemaining: 5 * Mebibyte) with
        {
            Devices = [new DeviceSample("gpu0", 1, 2, null), new DeviceSample("gpu1", ulong.MaxValue, 9, null)],
        };
        Assert.Equal(ulong.MaxValue, Assemble(sample).RemainingBytes);
        Assert.Equal(2, Assemble(sample).Devices.Count);
    }

    [Fact]
    public void ExpectedDowntime_EngineSaysUnknown_OursIsGivenInstead()
    {
        var numbers = Assemble(
            Sample(0.5, pass: 2, transferred: 0, ramRemaining: 50 * Mebibyte, systemWide: "52428800", expected: long.MaxValue),
            Sample(2, pass: 2, transferred: 75 * Mebibyte, ramRemaining: 50 * Mebibyte, systemWide: "52428800", expected: long.MaxValue));
        Assert.Equal(long.MaxValue, numbers.EngineExpectedDowntimeMs);
        Assert.Equal(Provenance.Computed, numbers.ExpectedDowntimeProvenance);
        Assert.Equal(1020, numbers.ExpectedDowntime.ToTimeSpan().TotalMilliseconds, 1.0);
    }

    [Fact]
    public void ExpectedDowntime_WithDevices_CountsWhatTheyCanSendOnlyWhenStopped()
    {
        var devices = new[] { new DeviceSample("gpu0", 0, (ulong)(100 * Mebibyte), null) };
        var numbers = Assemble(
            Sample(0.5, pass: 2, transferred: 0, ramRemaining: 0) with { Devices = devices },
            Sample(2, pass: 2, transferred: 150 * Mebibyte, ramRemaining: 0) with { Devices = devices });
        Assert.Equal(1020, numbers.ExpectedDowntime.ToTimeSpan().TotalMilliseconds, 1.0);
    }

    [Fact]
    public void SwitchOverBandwidth_Configured_IsUsedOnlyWhereTheEngineKnowsIt()
    {
        var knows = Sample(1, pass: 2) with { SwitchOverBytesPerSecond = 7 };
        Assert.Equal(7ul, Assemble(knows).SwitchoverBytesPerSecond);
        var older = knows with { Features = knows.Features with { AvailSwitchoverBandwidth = false } };
        Assert.False(Assemble(older).HasSwitchoverBytesPerSecond);
    }

    [Fact]
    public void Passes_TenASecond_AreNotHonest()
    {
        var numbers = Assemble([.. Enumerable.Range(0, 20).Select(i => Sample(i * 0.1, pass: (uint)i + 2, transferred: i))]);
        Assert.False(numbers.PassesHonest);
    }

    [Fact]
    public void Bandwidth_WhileHeldForTheSwitchOver_KeepsItsValue()
    {
        var numbers = Assemble(
            Sample(0, pass: 2, transferred: 0),
            Sample(1, pass: 2, transferred: 100),
            Sample(3, pass: 2, transferred: 100, status: "pre-switchover"),
            Sample(5, pass: 2, transferred: 100, status: "device"));
        Assert.Equal(100ul, numbers.BandwidthBytesPerSecond);
    }

    [Fact]
    public void Downtime_AfterPostCopy_IsNotGiven()
    {
        var numbers = Assemble(
            Sample(1, pass: 2, status: "postcopy-active"),
            Sample(2, pass: 2, status: "completed", downtime: 2_925_444));
        Assert.Null(numbers.Downtime);
        Assert.Equal(17, Assemble(Sample(1, pass: 2, status: "completed", downtime: 17)).Downtime.ToTimeSpan().TotalMilliseconds);
    }

    [Fact]
    public void Probe_IsPassedOn_NeverAsMoreThanTheRamThereIs()
    {
        var probe = new ProbeSample(TimeSpan.FromSeconds(3), TimeSpan.FromMilliseconds(251), 5ul << 20);
        var numbers = Assemble(Sample(4, pass: 1) with { Probe = probe });
        Assert.Equal((3.0, 0.251, 5ul << 20), Read(numbers));
        Assert.Equal(268435456ul, Assemble(Sample(4, pass: 1) with { Probe = probe with { Bytes = 268435457 } }).DirtyProbe.Bytes);
        Assert.Null(Assemble(Sample(4, pass: 1)).DirtyProbe);
    }

    [Fact]
    public void Probe_EngineHasNoNumbersAnyMore_IsCarriedOver()
    {
        var probe = new ProbeSample(TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(1), 7);
        var failed = Sample(5, pass: 1) with { Info = MigrationInfo.Parse(JsonElement.Parse("""{"status": "failed"}""")) };
        Assert.Equal((3.0, 1.0, 7ul), Read(Assemble(Sample(4, pass: 1) with { Probe = probe }, failed)));
    }

    private static (double Elapsed, double Interval, ulong Bytes) Read(TransferNumbers numbers) => (
        numbers.DirtyProbe.Elapsed.ToTimeSpan().TotalSeconds, numbers.DirtyProbe.Interval.ToTimeSpan().TotalSeconds, numbers.DirtyProbe.Bytes);

    private static TransferNumbers Assemble(params IReadOnlyList<EngineSample> samples)
    {
        var memory = ReportMemory.Empty;
        TransferNumbers? numbers = null;
        foreach (var sample in samples)
        {
            (numbers, memory) = ReportAssembler.Assemble(sample, memory);
        }

        return numbers!;
    }

    private static EngineSample Sample(
        double seconds,
        uint pass,
        long transferred = 0,
        long ramRemaining = 10 * Mebibyte,
        string? systemWide = null,
        long? expected = null,
        long? downtime = null,
        string status = "active")
    {
        Dictionary<string, object> reply = new()
        {
            ["status"] = status,
            ["ram"] = new Dictionary<string, object>
            {
                ["total"] = 268435456,
                ["remaining"] = ramRemaining,
                ["transferred"] = transferred,
                ["dirty-sync-count"] = pass,
                ["normal"] = 1,
                ["duplicate"] = 1,
                ["page-size"] = 4096,
                ["mbps"] = 1.5,
                ["dirty-pages-rate"] = 0,
            },
        };
        if (systemWide is not null)
        {
            reply["remaining"] = ulong.Parse(systemWide, CultureInfo.InvariantCulture);
        }

        if (expected is not null)
        {
            reply["expected-downtime"] = expected;
        }

        if (downtime is not null)
        {
            reply["downtime"] = downtime;
        }

        return new EngineSample
        {
            Info = MigrationInfo.Parse(JsonSerializer.SerializeToElement(reply)),
            Features = s_features with { SystemWideRemaining = systemWide is not null },
            Elapsed = TimeSpan.FromSeconds(seconds),
            DowntimeLimit = TimeSpan.FromMilliseconds(300),
        };
    }

    private static readonly QemuFeatures s_features = RecordedMigration.FeaturesOf("10.0.2");
}
