using Orchestrator.Bench.Placement;
using Orchestrator.Policy;
using Orchestrator.Policy.Evacuation;
using Orchestrator.Policy.Placement;

namespace Orchestrator.Bench.Evacuation;

/// <summary>How long planner and conductor think about a large fleet that is three quarters full.</summary>
internal sealed class PlanningRun(TimeProvider clock)
{
    private const int Hosts = 500;
    private const int Guests = 10_000;
    private const int Repeats = 5;

    public IReadOnlyList<PlanningFigures> Measure(int seed)
    {
        var draw = new FleetDraw(new PlacementOptions { Hosts = Hosts, Guests = Guests, Place = 0, Choices = 0, Seed = seed });
        return [Measure("1 host", Crowded(draw), 1), Measure("rack of 20", draw.Snapshot(new HashSet<string>()), 20)];
    }

    // The first host gets guests of others until it has forty.
    private static FleetSnapshot Crowded(FleetDraw draw)
    {
        var first = draw.Hosts[0].HostId;
        var missing = 40 - draw.Guests.Count(guest => guest.HostId == first);
        List<FleetGuest> guests = [];
        foreach (var guest in draw.Guests)
        {
            var moves = missing > 0 && guest.HostId != first;
            missing -= moves ? 1 : 0;
            guests.Add(moves ? guest with { HostId = first } : guest);
        }

        return draw.Snapshot(new HashSet<string>()) with { Guests = guests };
    }

    private PlanningFigures Measure(string name, FleetSnapshot fleet, int count)
    {
        var terms = new EvacuationTerms { HostIds = [.. fleet.Hosts.Take(count).Select(host => host.HostId)], Policy = "predictive" };
        var hosts = terms.HostIds.ToHashSet(StringComparer.Ordinal);
        var now = fleet.At;
        var open = Facts(fleet, hosts);
        var cordons = EvacuationConductor.Next(terms, EvacuationConductor.Start(terms), open, now).State;
        var cordoned = Facts(
            fleet with { Hosts = [.. fleet.Hosts.Select(host => hosts.Contains(host.HostId) ? host with { Cordoned = true } : host)] }, hosts);
        var begun = EvacuationConductor.Next(terms, cordons, cordoned, now);
        var moving = begun.State.Guests.Where(guest => guest.IsUnderWay).ToDictionary(guest => guest.GuestId, guest => guest.TargetHostId);
        var underWay = Facts(
            cordoned.Fleet.Fleet with
            {
                Guests = [.. cordoned.Fleet.Fleet.Guests.Select(guest => guest with { TargetHostId = moving.GetValueOrDefault(guest.GuestId) })],
            },
            hosts) with
        {
            Moves = [.. moving.Keys.Select(guest => new MoveReport
            {
                GuestId = guest, Attempt = 1, Progress = MoveProgress.Transferring, Remaining = DataSize.FromGibibytes(4),
            })],
        };
        var plan = EvacuationPlanner.Plan(terms, open.Fleet, now);
        return new PlanningFigures
        {
            Name = name,
            GuestsToMove = begun.State.Guests.Count,
            Stuck = begun.State.Guests.Count(guest => guest.Phase is GuestPhase.Stuck),
            PlanRatio = plan.Total / plan.BandwidthBound,
            FirstNextMs = Time(() => EvacuationConductor.Next(terms, cordons, cordoned, now)),
            NextMs = Time(() => EvacuationConductor.Next(terms, begun.State, underWay, now)),
            OutlookMs = Time(() => EvacuationConductor.Outlook(terms, begun.State, underWay, now)),
            PlanMs = Time(() => EvacuationPlanner.Plan(terms, open.Fleet, now)),
        };
    }

    private static ConductorFacts Facts(FleetSnapshot fleet, HashSet<string> hosts) => new(
        new FleetFacts
        {
            Fleet = fleet,
            Guests =
            [
                .. fleet.Guests.Where(guest => guest.HostId is { } host && hosts.Contains(host))
                    .Select(guest => new GuestFacts { Placement = FleetDraw.Request(guest), DirtyRate = DataRate.FromMebibytesPerSecond(50) }),
            ],
        },
        []);

    // What others take the CPU away for is in the slower ones.
    private double Time<T>(Func<T> work)
    {
        List<double> times = [];
        for (var repeat = 0; repeat < Repeats; repeat++)
        {
            var began = clock.GetTimestamp();
            _ = work();
            times.Add(clock.GetElapsedTime(began).TotalMilliseconds);
        }

        return EvacuatorResult.Median(times);
    }
}

/// <summary>Medians in milliseconds.</summary>
internal sealed record PlanningFigures
{
    public required string Name { get; init; }

    public required int GuestsToMove { get; init; }

    public required int Stuck { get; init; }

    /// <summary>The plan's total as a multiple of its own bound.</summary>
    public required double PlanRatio { get; init; }

    /// <summary>The step that gives all guests their targets and begins the first.</summary>
    public required double FirstNextMs { get; init; }

    /// <summary>A step while some are on their way.</summary>
    public required double NextMs { get; init; }

    public required double OutlookMs { get; init; }

    public required double PlanMs { get; init; }
}
