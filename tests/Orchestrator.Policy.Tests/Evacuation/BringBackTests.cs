using Orchestrator.Policy.Evacuation;
using Orchestrator.Policy.Placement;

namespace Orchestrator.Policy.Tests.Evacuation;

/// <summary>Guests go home to a host that had not become empty.</summary>
public class BringBackTests
{
    private static readonly DateTimeOffset s_now = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Next_CancelledWithGuestsThatNeverLeft_BringsTheOthersBackAllTheSame()
    {
        var terms = new EvacuationTerms { HostIds = ["a"], Policy = "any" };
        var state = EvacuationConductor.Cancel(
            new EvacuationState
            {
                Phase = EvacuationPhase.Running,
                Hosts = [new HostStanding("a", HostPhase.Emptying, WasCordoned: false, Cordoned: true)],
                Guests = [Standing("left", GuestPhase.Moved) with { TargetHostId = "b", Attempts = 1 }, Standing("stayed", GuestPhase.Waiting)],
            },
            EvacuationCancelMode.BringBack);

        var first = EvacuationConductor.Next(terms, state, Facts(cordoned: true), s_now);
        Assert.Equal([new ConductorAction.Uncordon("a")], first.Actions);
        var second = EvacuationConductor.Next(terms, first.State, Facts(cordoned: false), s_now.AddSeconds(1));
        var begin = Assert.IsType<ConductorAction.Begin>(Assert.Single(second.Actions));
        Assert.Equal(("left", "b", "a"), (begin.GuestId, begin.SourceHostId, begin.TargetHostId));
    }

    private static GuestStanding Standing(string guestId, GuestPhase phase) => new()
    {
        GuestId = guestId,
        HomeHostId = "a",
        SourceHostId = "a",
        Phase = phase,
        Since = s_now,
    };

    private static ConductorFacts Facts(bool cordoned)
    {
        List<GuestFacts> guests = [Guest("left", "b"), Guest("stayed", "a")];
        return new ConductorFacts(
            new FleetFacts
            {
                Fleet = new FleetSnapshot(s_now, [Host("a") with { Cordoned = cordoned }, Host("b")], [.. guests.Select(guest => guest.Placement.Guest)]),
                Guests = guests,
            },
            []);
    }

    private static GuestFacts Guest(string guestId, string hostId) => new()
    {
        Placement = new PlacementRequest(
            new FleetGuest { GuestId = guestId, HostId = hostId, Memory = DataSize.FromGibibytes(1), Vcpus = 1 },
            new MachineNeeds { MachineType = "q35", CpuModel = "host", Accelerator = "kvm" }),
    };

    private static FleetHost Host(string hostId) => new()
    {
        HostId = hostId,
        Condition = HostCondition.Connected,
        MemoryAllocatable = DataSize.FromGibibytes(9),
        VcpusAllocatable = 9,
        Engines = [new FleetEngine("", ["kvm"], [])],
    };
}
