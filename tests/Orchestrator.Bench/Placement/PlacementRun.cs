using Orchestrator.Bench.Measuring;
using Orchestrator.Policy.Placement;

namespace Orchestrator.Bench.Placement;

/// <summary>Draws the fleet, then measures: choices one by one, an evacuation's worth of placements, and filling the fleet up.</summary>
internal sealed class PlacementRun(PlacementOptions options, TimeProvider clock)
{
    private static readonly HashSet<string> s_none = [];

    public async Task<PlacementResult> RunAsync(CancellationToken cancellation)
    {
        var before = Machine.LoadAverage();

        // Code that runs for the first time is compiled first; that is not what is measured.
        _ = Measure(options with { Seed = options.Seed + 1, Choices = Math.Min(options.Choices, 2000) });
        var result = Measure(options);
        return result with
        {
            Machine = await Machine.DescribeAsync("", cancellation),
            LoadAverageBefore = before,
            LoadAverageAfter = Machine.LoadAverage(),
        };
    }

    private PlacementResult Measure(PlacementOptions of)
    {
        var draw = new FleetDraw(of);
        var random = new Random(of.Seed);
        var (ledger, build) = Time(() => FleetLedger.Of(draw.Snapshot(s_none)));
        List<double> choices = [];
        var without = 0;
        var cpu = Environment.CpuUsage.TotalTime;
        for (var choice = 0; choice < of.Choices; choice++)
        {
            var request = FleetDraw.Request(draw.Guests[random.Next(draw.Guests.Count)]);
            var (chosen, took) = Time(() => PlacementPolicy.Choose(ledger, request));
            choices.Add(took);
            without += chosen.HostId is null ? 1 : 0;
        }

        cpu = Environment.CpuUsage.TotalTime - cpu;
        var (_, explain) = Time(() => PlacementPolicy.Explain(ledger, FleetDraw.Request(draw.Guests[0])));
        return new PlacementResult
        {
            Options = of,
            BuildMs = build,
            ChooseMs = Distribution.Of(choices),
            ChooseCpuMs = cpu.TotalMilliseconds / of.Choices,
            ChoicesWithoutHost = without,
            ExplainMs = explain,
            Batch = Evacuate(of, draw),
            Fill = Fill(of, draw),
        };
    }

    // The hosts with the lowest ids are emptied until there are guests enough.
    private BatchFigures Evacuate(PlacementOptions of, FleetDraw draw)
    {
        List<FleetGuest> moving = [];
        HashSet<string> cordoned = [];
        var byHost = draw.Guests.ToLookup(guest => guest.HostId);
        foreach (var host in draw.Hosts.TakeWhile(_ => moving.Count < of.Place))
        {
            cordoned.Add(host.HostId);
            moving.AddRange(byHost[host.HostId]);
        }

        moving = [.. moving.Take(of.Place)];
        var snapshot = draw.Snapshot(cordoned);
        var requests = moving.Select(FleetDraw.Request).ToList();
        var ledger = FleetLedger.Of(snapshot);
        var placed = 0;
        var (_, took) = Time(() =>
        {
            foreach (var request in requests)
            {
                if (PlacementPolicy.Choose(ledger, request).HostId is { } hostId)
                {
                    ledger.Reserve(request.Guest, hostId);
                    placed++;
                }
            }

            return placed;
        });
        var open = draw.Hosts.Where(host => !cordoned.Contains(host.HostId)).ToList();
        var fullest = open.Where(host => ledger.Load(host.HostId).MovesIn > 0)
            .Max(host => 1 - ((double)ledger.Load(host.HostId).MemoryFree.Bytes / host.MemoryAllocatable.Bytes));
        var bytes = moving.Where(guest => ledger.Guest(guest.GuestId)!.TargetHostId is not null).Sum(guest => guest.Memory.Bytes);
        return new BatchFigures
        {
            Guests = moving.Count,
            HostsEmptied = cordoned.Count,
            Placed = placed,
            TookMs = took,
            ArrivalsMost = open.Max(host => ledger.Load(host.HostId).MovesIn),
            ArrivalsLeastPossible = (int)Math.Ceiling((double)placed / open.Count),
            MemoryShareMost = fullest,
            MemoryShareMostPossible = LevelShare(open, FleetLedger.Of(snapshot), bytes),
        };
    }

    // New guests without terms come until none finds a host. No placement can give out more than is free.
    private static FillFigures Fill(PlacementOptions of, FleetDraw draw)
    {
        var ledger = FleetLedger.Of(draw.Snapshot(s_none));
        var free = draw.Hosts.Sum(host => Math.Max(0, ledger.Load(host.HostId).MemoryFree.Bytes));
        long given = 0;
        var (refusals, inARow) = (0, 0);
        double? firstRefusal = null;
        var guests = 0;
        const int Enough = 200;
        while (inARow < Enough)
        {
            var guest = draw.PlainGuest(guests++);
            if (PlacementPolicy.Choose(ledger, FleetDraw.Request(guest)).HostId is { } hostId)
            {
                ledger.Reserve(guest, hostId);
                ledger.Arrive(guest.GuestId);
                given += guest.Memory.Bytes;
                inARow = 0;
            }
            else
            {
                refusals++;
                inARow++;
                firstRefusal ??= (double)given / free;
            }
        }

        return new FillFigures(of.Hosts, guests - refusals, firstRefusal ?? 1, (double)given / free);
    }

    // As water stands: what arrives is poured over the hosts, lowest share first.
    private static double LevelShare(List<FleetHost> hosts, FleetLedger before, long bytes)
    {
        var loads = hosts
            .Select(host => (Whole: (double)host.MemoryAllocatable.Bytes, Used: (double)(host.MemoryAllocatable - before.Load(host.HostId).MemoryFree).Bytes))
            .OrderBy(load => load.Used / load.Whole).ToList();
        var (whole, used) = (0.0, 0.0);
        for (var index = 0; index < loads.Count; index++)
        {
            whole += loads[index].Whole;
            used += loads[index].Used;
            var level = (used + bytes) / whole;
            if (index + 1 == loads.Count || level <= loads[index + 1].Used / loads[index + 1].Whole)
            {
                return level;
            }
        }

        return 0;
    }

    private (T Result, double Milliseconds) Time<T>(Func<T> work)
    {
        var began = clock.GetTimestamp();
        var result = work();
        return (result, clock.GetElapsedTime(began).TotalMilliseconds);
    }
}
