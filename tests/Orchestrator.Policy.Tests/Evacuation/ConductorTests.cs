using Orchestrator.Policy.Evacuation;
using Orchestrator.Policy.Placement;

namespace Orchestrator.Policy.Tests.Evacuation;

/// <summary>Small fleets on which everything goes well, but for what a test says.</summary>
public class ConductorTests
{
    private static readonly EvacuationTerms s_terms = new() { HostIds = ["h1"], Policy = "predictive" };

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Cancel_BringBack_EverybodyIsHomeAgain(int beats)
    {
        var world = World(Facts([Host("h1"), Host("h2"), Host("h3")], [.. Enumerable.Range(0, 12).Select(index => Guest($"g{index:00}", 1 + index))]));
        world.Run(beats);
        Assert.Contains(world.State.Guests, guest => guest.Phase is GuestPhase.Moved or GuestPhase.Moving);

        world.State = EvacuationConductor.Cancel(world.State, EvacuationCancelMode.BringBack);
        world.Run(2000);

        Assert.Equal(EvacuationPhase.Cancelled, world.State.Phase);
        Assert.All(world.Guests, guest => Assert.Equal("h1", guest.HostId));
    }

    [Theory]
    [InlineData("h3", "h2", "h3")]
    [InlineData("h2", "h2")]
    public void Plan_FailedLatelyOnAHost_GoesThereOnlyWhenThereIsNoOther(string goes, params string[] targets)
    {
        var guest = Guest("g00", 4);
        var failed = guest with
        {
            Placement = guest.Placement with { RecentFailures = [new FailedMove("h2", DrawnFleet.Now.AddSeconds(-5), DrawnFleet.Now.AddMinutes(10))] },
        };

        var plan = EvacuationPlanner.Plan(s_terms, Facts([Host("h1"), .. targets.Select(Host)], [failed]), DrawnFleet.Now);

        Assert.Equal(goes, Assert.Single(plan.Moves).TargetHostId);
    }

    [Fact]
    public void Plan_GuestThatSomebodyElseMoves_IsNotTouched()
    {
        var guest = Guest("g00", 4);
        var moving = guest with { Placement = guest.Placement with { Guest = guest.Placement.Guest with { TargetHostId = "h2" } } };

        var plan = EvacuationPlanner.Plan(s_terms, Facts([Host("h1"), Host("h2")], [moving]), DrawnFleet.Now);

        Assert.Empty(plan.Moves);
        Assert.Equal("Somebody else is moving it to h2.", Assert.Single(plan.Stuck).Message);
    }

    [Fact]
    public void Plan_NoHostFits_NamesTheNearestFirst()
    {
        var cordoned = Host("h2") with { Cordoned = true, CordonReason = "new disks", MemoryAllocatable = DataSize.FromGibibytes(1) };
        var full = Host("h3") with { MemoryAllocatable = DataSize.FromGibibytes(2) };

        var plan = EvacuationPlanner.Plan(s_terms, Facts([Host("h1"), cordoned, full], [Guest("g00", 4)]), DrawnFleet.Now);

        Assert.Equal(
            "h3: needs 4 GiB, 2 GiB of 2 GiB are free; h2: is cordoned: new disks, needs 4 GiB, 1 GiB of 1 GiB are free",
            Assert.Single(plan.Stuck).Message);
    }

    [Fact]
    public void InOrder_WhatFailedThenTheBriefThenTheLongest()
    {
        var facts = Facts([Host("h1"), Host("h2")], []);
        var links = new Links(facts);
        List<AssignedMove> moves = [Move(64), Move(2), Move(128), Move(1), Move(16, failed: true), Move(4)];

        Assert.Equal(
            ["g16", "g1", "g2", "g128", "g64", "g4"],
            NextMoves.InOrder(facts with { Pace = new MovePace { Prepare = TimeSpan.FromSeconds(1) } }, links, moves).Select(move => move.Guest.GuestId));
    }

    private static AssignedMove Move(int gibibytes, bool failed = false)
    {
        var guest = Guest($"g{gibibytes}", gibibytes);
        var wish = EvacuationPlanner.Wish(s_terms, guest) with { Avoid = failed ? "h9" : null };
        return new AssignedMove(wish, "h2", new MoveForecast(guest.Memory, null, Converges: true));
    }

    // 25 Gb/s.
    private static FleetHost Host(string id) => new()
    {
        HostId = id,
        Condition = HostCondition.Connected,
        MemoryAllocatable = DataSize.FromGibibytes(500),
        VcpusAllocatable = 500,
        LinkSpeed = new DataRate(3_125_000_000),
        Engines = [new FleetEngine("", ["kvm"], [])],
    };

    private static GuestFacts Guest(string id, int gibibytes) => new()
    {
        Placement = new PlacementRequest(
            new FleetGuest { GuestId = id, HostId = "h1", Memory = DataSize.FromGibibytes(gibibytes), Vcpus = 1 },
            new MachineNeeds { MachineType = "q35", CpuModel = "host", Accelerator = "kvm" }),
    };

    private static FleetFacts Facts(List<FleetHost> hosts, List<GuestFacts> guests) => new()
    {
        Fleet = new FleetSnapshot(DrawnFleet.Now, hosts, [.. guests.Select(guest => guest.Placement.Guest)]),
        Guests = guests,
    };

    // Every action is done and every move succeeds.
    private static EvacuationWorld World(FleetFacts facts) => new(new DrawnFleet(facts, s_terms), [1]);
}
