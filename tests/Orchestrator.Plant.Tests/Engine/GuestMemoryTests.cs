using Orchestrator.Plant.Description;
using Orchestrator.Plant.Engine;

namespace Orchestrator.Plant.Tests.Engine;

public class GuestMemoryTests
{
    private const long Memory = 1 << 30;
    private const long Hot = 100_000_000;

    [Theory]
    [InlineData(0.1)]
    [InlineData(1)]
    [InlineData(10)]
    public void Sync_RandomWrites_AreTheExpectedNumberOfDifferentPages(double seconds)
    {
        var memory = Sent(sequential: false);
        memory.Write(0, seconds, 0);

        Assert.Equal(Hot * (1 - Math.Exp(-seconds)), memory.Sync(), 1);
        Assert.Equal(0, memory.Sync());
    }

    [Theory]
    [InlineData(0.1, 0.1)]
    [InlineData(10, 1)]
    public void Sync_SequentialWrites_AreTheRateUpToTheSet(double seconds, double share)
    {
        var memory = Sent(sequential: true);
        memory.Write(0, seconds, 0);

        Assert.Equal(Hot * share, memory.Sync(), 1);
    }

    [Fact]
    public void Write_Throttled_SlowsOnlyBeyondWhatIsLeftOver()
    {
        // Writing takes 60 % of the guest's time: 40 % of throttling costs it nothing, 70 % leave half of its pace.
        Assert.Equal(Hot * 0.5, Found(0.4), 1);
        Assert.Equal(Hot * 0.25, Found(0.7), 1);

        static double Found(double throttle)
        {
            var memory = Sent(sequential: true, cpuShare: 0.6);
            memory.Write(0, 0.5, throttle);
            return memory.Sync();
        }
    }

    [Fact]
    public void Write_ByChanges_TheFactorsMultiply()
    {
        PaceChange[] changes =
        [
            new(TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(5), 0.5),
            new(TimeSpan.FromSeconds(15), null, null, 0.1),
        ];
        double[] moments = [9.9, 10.5, 11.5, 15.5, 16.5];

        Assert.Equal([1, 0.5, 1, 0.05, 0.1], moments.Select(moment => changes.Aggregate(1.0, (factor, change) => factor * change.At(moment))));
    }

    [Fact]
    public void Send_ZeroPages_CostTheSearchAndNineBytes()
    {
        var memory = new GuestMemory(new GuestDescription { Memory = 409_600_000, ZeroShare = 1 });

        var (seconds, wire, processed) = memory.Send(10, 1e9, 4.096e9, double.PositiveInfinity);

        Assert.Equal(0.1, seconds, 6);
        Assert.Equal(900_000, wire, 1);
        Assert.Equal(409_600_000, processed, 1);
        Assert.Equal(0, memory.Queued);
    }

    [Fact]
    public void Send_NeverMoreThanTheRoom()
    {
        var memory = new GuestMemory(new GuestDescription { Memory = 409_600_000, ZeroShare = 0.5 });

        Assert.Equal(1_000_000, memory.Send(10, 1e9, 4e9, 1_000_000).Wire, 1);
        Assert.Equal(0, memory.Send(10, 1e9, 4e9, 0).Wire, 1);
    }

    private static GuestMemory Sent(bool sequential, double cpuShare = 1)
    {
        var memory = new GuestMemory(new GuestDescription
        {
            Memory = Memory,
            HotSets = [new HotSet("hot", Hot, Hot, sequential, cpuShare, [])],
        });
        memory.Send(100, 1e9, 1e12, double.PositiveInfinity);
        Assert.Equal(0, memory.Queued);
        return memory;
    }
}
