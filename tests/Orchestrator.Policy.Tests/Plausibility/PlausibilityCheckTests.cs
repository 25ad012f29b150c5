using System.Text.Json;
using Orchestrator.Policy.Convergence;
using Orchestrator.Policy.Plausibility;

namespace Orchestrator.Policy.Tests.Plausibility;

public class PlausibilityCheckTests
{
    private const ulong Mebibyte = 1 << 20;
    private const ulong Gibibyte = 1 << 30;

    private static readonly ReportedNumbers s_sound = new()
    {
        Sequence = 1,
        Elapsed = TimeSpan.FromSeconds(21),
        Activity = EngineActivity.PreCopy,
        Pass = 3,
        PassesHonest = true,
        RamTotal = 4 * Gibibyte,
        RamRemaining = 47 * Mebibyte / 10,
        Remaining = 400 * Mebibyte,
        Transferred = 2458 * Mebibyte,
        Bandwidth = 120_997_500,
        SwitchOverBandwidth = 120_997_500,
        DirtyRate = 7_749_632,
        ExpectedDowntime = TimeSpan.FromMilliseconds(3500),
        EngineExpectedDowntimeMilliseconds = 3480,
        DowntimeLimit = TimeSpan.FromMilliseconds(300),
        GuestRunning = true,
    };

    [Fact]
    public void SoundNumbers_AreAllBelieved()
    {
        var (reading, _) = PlausibilityCheck.Check(s_sound, PlausibilityMemory.Empty);

        Assert.Empty(reading.Suspects);
        Assert.Equal(new DataSize((long)(400 * Mebibyte)), reading.Remaining);
        Assert.Equal(new DataRate(120_997_500), reading.Bandwidth);
        Assert.Equal(TimeSpan.FromMilliseconds(3500), reading.ExpectedDowntime);
        Assert.Equal(3, reading.Pass);
        Assert.True(reading.IsFresh(ReadingNumber.Remaining | ReadingNumber.RamRemaining | ReadingNumber.Transferred
            | ReadingNumber.Bandwidth | ReadingNumber.SwitchOverBandwidth | ReadingNumber.DirtyRate | ReadingNumber.ExpectedDowntime
            | ReadingNumber.Pass));
        Assert.False(reading.IsFresh(ReadingNumber.StopCopy));
    }

    [Fact]
    public void WrappedRemaining_AndFourThousandYears_AreNamedAndTheLastGoodOnesStand()
    {
        // As seen on qemu-devel with a vGPU: 16 EiB, 152455434886355 ms, 967.98 mbps, 4.7 MiB of RAM left; gone after some rounds.
        var (_, memory) = PlausibilityCheck.Check(s_sound, PlausibilityMemory.Empty);
        var absurd = s_sound with
        {
            Sequence = 2,
            Elapsed = TimeSpan.FromSeconds(21.25),
            Remaining = ulong.MaxValue - (2 * Mebibyte),
            ExpectedDowntime = TimeSpan.FromMilliseconds(152_455_434_886_355),
            EngineExpectedDowntimeMilliseconds = 152_455_434_886_355,
        };

        var (reading, after) = PlausibilityCheck.Check(absurd, memory);

        Assert.Equal(
            ["remaining_bytes", "engine_expected_downtime_ms", "expected_downtime"], reading.Suspects.Select(suspect => suspect.Field));
        Assert.Equal("18446744073707454463", reading.Suspects[0].Raw);
        Assert.Equal(new DataSize((long)(400 * Mebibyte)), reading.Remaining);
        Assert.Equal(TimeSpan.FromMilliseconds(3500), reading.ExpectedDowntime);
        Assert.False(reading.IsFresh(ReadingNumber.Remaining));
        Assert.False(reading.IsFresh(ReadingNumber.ExpectedDowntime));
        Assert.True(reading.IsFresh(ReadingNumber.RamRemaining));

        var (sound, _) = PlausibilityCheck.Check(s_sound with { Sequence = 3, Elapsed = TimeSpan.FromSeconds(21.5) }, after);
        Assert.Empty(sound.Suspects);
        Assert.True(sound.IsFresh(ReadingNumber.Remaining));
    }

    [Theory]
    [InlineData(1UL << 63)]
    [InlineData(ulong.MaxValue)]
    [InlineData((4UL << 30) + (1UL << 40) + 1)]
    public void Remaining_BeyondRamAndDevices_IsSuspect(ulong remaining) =>
        Assert.Equal("remaining_bytes", Assert.Single(Suspects(s_sound with { Remaining = remaining })).Field);

    [Fact]
    public void Remaining_WithDevicesHeard_IsBoundedByFourTimesWhatTheySay()
    {
        var devices = s_sound with { Devices = [new ReportedDevice("gpu0", Gibibyte, 3 * Gibibyte)], Remaining = 4 * Gibibyte };
        var (_, memory) = PlausibilityCheck.Check(devices, PlausibilityMemory.Empty);

        // RAM 4 + 4 x 4 + 16 GiB.
        Assert.Empty(PlausibilityCheck.Check(devices with { Remaining = 36 * Gibibyte, Elapsed = Later(1) }, memory).Reading.Suspects);
        Assert.NotEmpty(PlausibilityCheck.Check(devices with { Remaining = (36 * Gibibyte) + 1, Elapsed = Later(1) }, memory).Reading.Suspects);
    }

    [Fact]
    public void Device_HundredGibibytesToTheByte_IsUnknownAndNotHuge()
    {
        var (reading, memory) = PlausibilityCheck.Check(
            s_sound with { Devices = [new ReportedDevice("gpu0", 0, 107_374_182_400), new ReportedDevice("nic0", 5, 7)] }, PlausibilityMemory.Empty);

        Assert.Equal("devices[gpu0].stop_copy_bytes", Assert.Single(reading.Suspects).Field);
        Assert.Equal(new DataSize(7), reading.StopCopy);
        Assert.False(reading.IsFresh(ReadingNumber.StopCopy));
        Assert.Equal(0UL, memory.Devices["gpu0"].StopCopy);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Remaining_RamAndTheSentinelOfEachDevice_IsUnknown(ulong devices)
    {
        var remaining = (47 * Mebibyte / 10) + (devices * 107_374_182_400);
        Assert.Contains("100 GiB", Assert.Single(Suspects(s_sound with { Remaining = remaining })).Why, StringComparison.Ordinal);
    }

    [Fact]
    public void Remaining_ZeroWhileRamRemains_IsNotDone()
    {
        var (reading, _) = PlausibilityCheck.Check(s_sound with { Remaining = 0 }, PlausibilityMemory.Empty);
        Assert.Null(reading.Remaining);
        Assert.False(reading.IsFresh(ReadingNumber.Remaining));
    }

    [Fact]
    public void Remaining_DevicesStateOutOfNowhere_IsBelievedWhenSaidTwice()
    {
        var (_, memory) = PlausibilityCheck.Check(s_sound, PlausibilityMemory.Empty);
        var jump = s_sound with { Remaining = 350 * Gibibyte };

        var (first, after) = PlausibilityCheck.Check(jump with { Elapsed = Later(0.25) }, memory);
        Assert.Equal("remaining_bytes", Assert.Single(first.Suspects).Field);

        var (second, _) = PlausibilityCheck.Check(jump with { Elapsed = Later(0.5), Remaining = 360 * Gibibyte }, after);
        Assert.Empty(second.Suspects);
        Assert.Equal(new DataSize((long)(360 * Gibibyte)), second.Remaining);
    }

    [Fact]
    public void Remaining_TwoJumpsThatDisagree_AreBothRefused()
    {
        var (_, memory) = PlausibilityCheck.Check(s_sound, PlausibilityMemory.Empty);
        (_, memory) = PlausibilityCheck.Check(s_sound with { Remaining = 350 * Gibibyte, Elapsed = Later(0.25) }, memory);
        var (second, _) = PlausibilityCheck.Check(s_sound with { Remaining = 930 * Gibibyte, Elapsed = Later(0.5) }, memory);
        Assert.Single(second.Suspects);
    }

    [Fact]
    public void Remaining_AllOfRamBackAtASync_IsLegitimate()
    {
        var (_, memory) = PlausibilityCheck.Check(
            s_sound with { RamRemaining = 0, Remaining = 0 }, PlausibilityMemory.Empty);
        var (reading, _) = PlausibilityCheck.Check(
            s_sound with { Elapsed = Later(0.25), RamRemaining = 4 * Gibibyte, Remaining = 4 * Gibibyte }, memory);
        Assert.Empty(reading.Suspects);
    }

    [Fact]
    public void RamRemaining_AboveRam_IsSuspect() =>
        Assert.Equal("ram_remaining_bytes", Assert.Single(Suspects(s_sound with { RamRemaining = 5 * Gibibyte })).Field);

    [Fact]
    public void RamTotal_NoGuestHasThat_TheLastOneStands()
    {
        var (_, memory) = PlausibilityCheck.Check(s_sound, PlausibilityMemory.Empty);
        var (reading, _) = PlausibilityCheck.Check(s_sound with { RamTotal = ulong.MaxValue, Elapsed = Later(1) }, memory);
        Assert.Equal("ram_total_bytes", Assert.Single(reading.Suspects).Field);
        Assert.Equal(DataSize.FromGibibytes(4), reading.RamTotal);
    }

    [Fact]
    public void Transferred_GoingBack_IsSuspect()
    {
        var (_, memory) = PlausibilityCheck.Check(s_sound, PlausibilityMemory.Empty);
        var (reading, _) = PlausibilityCheck.Check(s_sound with { Transferred = 5, Elapsed = Later(1) }, memory);
        Assert.Equal("transferred_bytes", Assert.Single(reading.Suspects).Field);
        Assert.Equal(new DataSize((long)(2458 * Mebibyte)), reading.Transferred);
    }

    [Fact]
    public void Bandwidth_MoreThanAnyLink_IsSuspect() =>
        Assert.Equal("bandwidth_bytes_per_second", Assert.Single(Suspects(s_sound with { Bandwidth = 100_000_000_001 })).Field);

    [Fact]
    public void DirtyRate_MoreThanAnyMemory_IsSuspect() =>
        Assert.Equal("dirty_bytes_per_second", Assert.Single(Suspects(s_sound with { DirtyRate = 3UL << 40 })).Field);

    [Fact]
    public void ExpectedDowntime_EnginesWordForUnknown_IsNoSuspect()
    {
        var (reading, _) = PlausibilityCheck.Check(
            s_sound with { EngineExpectedDowntimeMilliseconds = long.MaxValue, ExpectedDowntime = null }, PlausibilityMemory.Empty);
        Assert.Empty(reading.Suspects);
        Assert.Null(reading.ExpectedDowntime);
    }

    [Fact]
    public void ExpectedDowntime_InTheFirstPass_IsNotKnown()
    {
        var (reading, _) = PlausibilityCheck.Check(
            s_sound with { FirstPass = true, ExpectedDowntime = TimeSpan.FromMilliseconds(300) }, PlausibilityMemory.Empty);
        Assert.Null(reading.ExpectedDowntime);
        Assert.False(reading.IsFresh(ReadingNumber.ExpectedDowntime));
    }

    [Fact]
    public void ExpectedDowntime_LongerThanSendingEverything_IsSuspect()
    {
        var quick = s_sound with { SwitchOverBandwidth = 10UL * Gibibyte, ExpectedDowntime = TimeSpan.FromSeconds(1900) };
        Assert.Equal("expected_downtime", Assert.Single(Suspects(quick)).Field);
    }

    [Theory]
    [InlineData(-5)]
    [InlineData(2_000_001)]
    public void ExpectedDowntime_NoDowntime_IsSuspect(long milliseconds) =>
        Assert.Contains(
            Suspects(s_sound with { ExpectedDowntime = TimeSpan.FromMilliseconds(milliseconds) }), suspect => suspect.Field == "expected_downtime");

    [Theory]
    [InlineData(2)]
    [InlineData(100_000)]
    public void Pass_BackwardsOrAbsurdlyFar_TheLastOneStands(int pass)
    {
        var (_, memory) = PlausibilityCheck.Check(s_sound, PlausibilityMemory.Empty);
        var (reading, _) = PlausibilityCheck.Check(s_sound with { Pass = pass, Elapsed = Later(0.25) }, memory);
        Assert.Equal(3, reading.Pass);
        Assert.False(reading.IsFresh(ReadingNumber.Pass));
    }

    [Theory]
    [InlineData(-1, 0)]
    [InlineData(130, 99)]
    public void Throttle_OutsideItsRange_IsClampedAndNamed(int reported, int shown)
    {
        var (reading, _) = PlausibilityCheck.Check(s_sound with { ThrottlePercent = reported }, PlausibilityMemory.Empty);
        Assert.Equal(shown, reading.ThrottlePercent);
        Assert.Equal("throttle_percent", Assert.Single(reading.Suspects).Field);
    }

    [Fact]
    public void Unreadable_OfTheAgent_IsNamed()
    {
        var suspect = Assert.Single(Suspects(s_sound with { Unreadable = ["ram.transferred=\"x\""] }));
        Assert.Equal(new SuspectNumber("ram.transferred", "\"x\"", "is no number of its type"), suspect);
    }

    [Fact]
    public void AbsentNumbers_CarryTheLastGoodOne_AndAreNotFresh()
    {
        var (_, memory) = PlausibilityCheck.Check(s_sound, PlausibilityMemory.Empty);
        var (reading, _) = PlausibilityCheck.Check(
            new ReportedNumbers { Sequence = 2, Elapsed = Later(1), Activity = EngineActivity.PreCopy, RamTotal = 4 * Gibibyte }, memory);
        Assert.Empty(reading.Suspects);
        Assert.Equal(new DataSize((long)(400 * Mebibyte)), reading.Remaining);
        Assert.Equal(ReadingNumber.None, reading.Fresh);
    }

    [Fact]
    public void Memory_ThroughJson_GoesOnTheSame()
    {
        var (_, memory) = PlausibilityCheck.Check(
            s_sound with { Devices = [new ReportedDevice("gpu0", 1, 2)], Remaining = 350 * Gibibyte }, PlausibilityMemory.Empty);
        var back = JsonSerializer.Deserialize<PlausibilityMemory>(JsonSerializer.Serialize(memory))!;
        var next = s_sound with { Sequence = 2, Elapsed = Later(0.25), Remaining = 18 * Gibibyte, Transferred = 3 };

        var (expected, _) = PlausibilityCheck.Check(next, memory);
        var (actual, _) = PlausibilityCheck.Check(next, back);

        Assert.Equal(JsonSerializer.Serialize(expected), JsonSerializer.Serialize(actual));
    }

    private static TimeSpan Later(double seconds) => s_sound.Elapsed + TimeSpan.FromSeconds(seconds);

    private static IReadOnlyList<SuspectNumber> Suspects(ReportedNumbers reported) =>
        PlausibilityCheck.Check(reported, PlausibilityMemory.Empty).Reading.Suspects;
}
