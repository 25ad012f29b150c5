using Orchestrator.Lab.Peers.Nova;

namespace Orchestrator.Lab.Tests.Peers.Nova;

public class DowntimeLadderTests
{
    private static readonly NovaOptions s_vgpu = new() { Downtime = 500_000, DowntimeSteps = 3, DowntimeDelay = 3 };

    [Fact]
    public void Defaults_GiveElevenValues() => Assert.Equal(
        [50, 95, 140, 185, 230, 275, 320, 365, 410, 455, 500],
        DowntimeLadder.For(new NovaOptions(), 8).Rungs.Select(rung => (int)rung.Limit.TotalMilliseconds));

    [Theory]
    [InlineData(1, 150, 1500)]
    [InlineData(2, 150, 1500)]
    [InlineData(8, 600, 6000)]
    [InlineData(16, 1200, 12000)]
    [InlineData(64, 4800, 48000)]
    [InlineData(256, 19200, 192000)]
    [InlineData(512, 38400, 384000)]
    [InlineData(1024, 76800, 768000)]
    public void Rungs_AreSpacedByTheGuestsSize(double gibibytes, int perRung, int last)
    {
        var rungs = DowntimeLadder.For(new NovaOptions(), DowntimeLadder.DataSize(Script.Migration(gibibytes).Guest)).Rungs;
        Assert.Equal(TimeSpan.FromSeconds(perRung), rungs[1].After);
        Assert.Equal(TimeSpan.FromSeconds(last), rungs[^1].After);
    }

    [Fact]
    public void VgpuRecipe_BeginsWithMinutesOfDowntime() => Assert.Equal(
        [(0, 166_666), (192, 277_777), (384, 388_888), (576, 500_000)],
        DowntimeLadder.For(s_vgpu, 64).Rungs.Select(rung => ((int)rung.After.TotalSeconds, (int)rung.Limit.TotalMilliseconds)));

    [Fact]
    public void Rung_IsInForceOnlyAfterItsTime()
    {
        var ladder = DowntimeLadder.For(new NovaOptions(), 2);
        Assert.Null(ladder.At(TimeSpan.Zero));
        Assert.Equal(TimeSpan.FromMilliseconds(50), ladder.At(TimeSpan.FromSeconds(150)));
        Assert.Equal(TimeSpan.FromMilliseconds(95), ladder.At(TimeSpan.FromSeconds(150.5)));
    }

    [Fact]
    public void Devices_AreNoPartOfTheSize() => Assert.Equal(8, DowntimeLadder.DataSize(Script.Migration(8, vfio: true).Guest));
}
