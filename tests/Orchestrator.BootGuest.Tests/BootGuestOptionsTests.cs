namespace Orchestrator.BootGuest.Tests;

public sealed class BootGuestOptionsTests
{
    [Fact]
    public void ToCommandLine_Defaults_NamesEveryOption() =>
        Assert.Equal("ws=16 rate=8 fill=0 beat=100", new BootGuestOptions().ToCommandLine());

    [Fact]
    public void ToCommandLine_FlatOut_IsRateZero()
    {
        var options = new BootGuestOptions
        {
            WorkingSetMebibytes = 64,
            Pace = new DirtyPace.FlatOut(),
            FillMebibytes = 100,
            BeatsPerSecond = 1000,
        };

        Assert.Equal("ws=64 rate=0 fill=100 beat=1000", options.ToCommandLine());
    }

    [Fact]
    public void ToCommandLine_CpuBound_LeavesTheRateOut() =>
        Assert.Equal("ws=16 cpu=40 fill=0 beat=100", new BootGuestOptions { Pace = new DirtyPace.CpuBound(40) }.ToCommandLine());

    [Theory]
    [InlineData(0)]
    [InlineData(2801)]
    public void WorkingSet_OutOfRange_IsRefusedWithTheRange(int mebibytes)
    {
        var refused = Assert.Throws<ArgumentOutOfRangeException>(() => new BootGuestOptions { WorkingSetMebibytes = mebibytes });

        Assert.Contains("WorkingSetMebibytes must be 1..2800", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(2801)]
    public void Fill_OutOfRange_IsRefused(int mebibytes) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new BootGuestOptions { FillMebibytes = mebibytes });

    [Theory]
    [InlineData(0)]
    [InlineData(1001)]
    public void Beats_OutOfRange_AreRefused(int beats) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new BootGuestOptions { BeatsPerSecond = beats });

    [Theory]
    [InlineData(0)]
    [InlineData(65536)]
    public void Pace_OutOfRange_IsRefusedWithTheRange(int rate)
    {
        var refused = Assert.Throws<ArgumentOutOfRangeException>(() => new DirtyPace.Steady(rate));

        Assert.Contains("mebibytesPerSecond must be 1..65535", refused.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => new DirtyPace.CpuBound(rate));
    }
}
