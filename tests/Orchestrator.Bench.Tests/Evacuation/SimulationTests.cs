using Orchestrator.Bench.Evacuation;

namespace Orchestrator.Bench.Tests.Evacuation;

public class SimulationTests
{
    private const double Gibibyte = 1024.0 * 1024 * 1024;

    [Fact]
    public void Advance_OneQuietGuest_TakesItsMemoryOverTheLink()
    {
        var simulation = Fleet(Guest("a", 10, dirty: 0));
        Begin(simulation, "a", "target-0");
        RunOut(simulation);
        Assert.Equal(2 + 10 + 0.4, simulation.Now, 3);
        Assert.Equal(10 * Gibibyte, simulation.BytesSent, 1e5);
        Assert.Equal("target-0", simulation.Setup.Guests[0].Host);
    }

    [Fact]
    public void Advance_TwoAtOnce_ShareTheirSourcesLink()
    {
        var simulation = Fleet(Guest("a", 10, dirty: 0), Guest("b", 10, dirty: 0));
        Begin(simulation, "a", "target-0");
        Begin(simulation, "b", "target-1");
        RunOut(simulation);
        Assert.Equal(2 + 20 + 0.4, simulation.Now, 3);
    }

    [Fact]
    public void Advance_GuestThatDirties_SendsAPassMoreThanItsMemory()
    {
        var simulation = Fleet(Guest("a", 10, dirty: 0.1));
        Begin(simulation, "a", "target-0");
        RunOut(simulation);

        // 10 s at 0.1 GiB/s dirty 1 GiB less what is hit twice; after that too little for a third pass.
        Assert.InRange(simulation.BytesSent, 10.8 * Gibibyte, 11.1 * Gibibyte);
    }

    [Fact]
    public void Advance_GuestThatFails_LeavesItsRoomAndStays()
    {
        var simulation = Fleet(Guest("a", 10, dirty: 0, failures: 1));
        var room = simulation.Free("target-0");
        Begin(simulation, "a", "target-0");
        RunOut(simulation);
        Assert.Equal(TransferEnd.Failed, Assert.Single(simulation.Ended).End);
        Assert.Equal("source-0", simulation.Setup.Guests[0].Host);
        Assert.Equal(room, simulation.Free("target-0"));
        Assert.Equal(5 * Gibibyte, simulation.BytesSent, 1e5);
    }

    [Fact]
    public void Begin_NoRoom_IsRefused()
    {
        var simulation = Fleet(Guest("a", 200, dirty: 0));
        Assert.Throws<InvalidOperationException>(() => Begin(simulation, "a", "target-0"));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public void Of_SameSeed_SameFiguresAndNoFasterThanTheBound(int evacuator)
    {
        var first = EvacuationRun.Of(Setups.All(3).First(), EvacuationRun.Everybody[evacuator]);
        Assert.Equal(first, EvacuationRun.Of(Setups.All(3).First(), EvacuationRun.Everybody[evacuator]));
        Assert.Equal(0, first.GuestsLeft);
        Assert.InRange(first.Ratio!.Value, 1, 3);
    }

    private static Simulation Fleet(params SimulatedGuest[] guests) => new(new EvacuationSetup(
        "test",
        "none",
        1,
        [
            new SimulatedHost("source-0", Gibibyte, Gibibyte, 0, IsSource: true),
            new SimulatedHost("target-0", Gibibyte, Gibibyte, 100 * Gibibyte, IsSource: false),
            new SimulatedHost("target-1", Gibibyte, Gibibyte, 100 * Gibibyte, IsSource: false),
        ],
        guests));

    private static SimulatedGuest Guest(string id, double gibibytes, double dirty, int failures = 0) => new()
    {
        Id = id,
        Home = "source-0",
        Host = "source-0",
        Memory = gibibytes * Gibibyte,
        DirtyRate = dirty * Gibibyte,
        WorkingSet = gibibytes * Gibibyte,
        ReportedDirtyRate = null,
        Prepare = 2,
        Failures = failures,
        FailsAt = 0.5,
    };

    private static void Begin(Simulation simulation, string guest, string target) =>
        simulation.Begin(simulation.Setup.Guests.Single(each => each.Id == guest), target, new PostCopyRules());

    private static void RunOut(Simulation simulation)
    {
        for (var step = 0; step < 1000 && simulation.Running.Count > 0; step++)
        {
            simulation.Advance(double.PositiveInfinity);
        }

        Assert.Empty(simulation.Running);
    }
}
