using Orchestrator.Bench.Agents;

namespace Orchestrator.Bench.Evacuation;

/// <summary>The fleets that are evacuated, drawn from a seed.</summary>
internal static class Setups
{
    private const double Gibibyte = 1024.0 * 1024 * 1024;

    // 25 Gb/s.
    private const double Link = 25e9 / 8;
    private const int GuestsOnAHost = 40;

    private static readonly (string Name, int Sources, int Targets, double Room)[] s_shapes =
    [
        ("1 host to 4", 1, 4, 1.6),
        ("1 host to 10", 1, 10, 2.6),
        ("2 hosts to 6", 2, 6, 1.6),
        ("rack of 4 to 12", 4, 12, 1.6),
        ("8 hosts to 4", 8, 4, 1.6),
        ("1 host to 4, 96 % full", 1, 4, 1 / 0.96),
    ];

    // GiB, and how many of a hundred guests have it.
    private static readonly (int Size, int Share)[] s_sizes = [(1, 8), (2, 12), (4, 20), (8, 20), (16, 16), (32, 12), (64, 8), (128, 4)];

    public static IReadOnlyList<string> Troubles { get; } = ["none", "5 % fail", "5 % fail, one hot"];

    public static IEnumerable<EvacuationSetup> All(ulong seed) =>
        from shape in s_shapes
        from trouble in Troubles
        select Drawn(shape, trouble, seed);

    private static EvacuationSetup Drawn((string Name, int Sources, int Targets, double Room) shape, string trouble, ulong seed)
    {
        var count = shape.Sources * GuestsOnAHost;
        List<SimulatedGuest> guests = [.. Enumerable.Range(0, count).Select(index => Guest(index, trouble, seed))];
        var room = guests.Sum(guest => guest.Memory) * shape.Room / shape.Targets;

        // Rooms differ, as rooms do; together they are what was said.
        var shares = Enumerable.Range(0, shape.Targets).Select(index => 0.85 + (0.3 * Draw.Share(seed, 900_000 + index))).ToList();
        var scale = shape.Targets / shares.Sum();
        return new EvacuationSetup(
            shape.Name,
            trouble,
            seed,
            [
                .. Enumerable.Range(0, shape.Sources).Select(index => new SimulatedHost($"source-{index:00}", Link, Link, 0, IsSource: true)),
                .. shares.Select((share, index) => new SimulatedHost($"target-{index:00}", Link, Link, room * share * scale, IsSource: false)),
            ],
            guests);
    }

    private static SimulatedGuest Guest(int index, string trouble, ulong seed)
    {
        var place = index * 16;
        var size = Size(Draw.Below(seed, place, 100));
        var memory = size * Gibibyte;

        // 5 to 400 MB/s, most of them slow; the working set 5 to 30 % of memory.
        var dirty = 5e6 * Math.Pow(80, Draw.Share(seed, place + 1));
        var working = memory * (0.05 + (0.25 * Draw.Share(seed, place + 2)));

        // One guest dirties faster than any link carries.
        if (trouble == Troubles[2] && index == 7)
        {
            (memory, dirty, working) = (64 * Gibibyte, 1.25 * Link, 0.6 * 64 * Gibibyte);
        }

        var fails = trouble != Troubles[0] && index % 20 == Draw.Below(seed, 800_000 + (index / 20), 20);
        return new SimulatedGuest
        {
            Id = $"guest-{index:000}",
            Home = $"source-{index / GuestsOnAHost:00}",
            Host = $"source-{index / GuestsOnAHost:00}",
            Memory = memory,
            DirtyRate = dirty,
            WorkingSet = working,

            // Half of them have been measured once, and 40 % wrong at most.
            ReportedDirtyRate = Draw.Below(seed, place + 3, 2) == 0 ? null : dirty * (0.6 + (0.8 * Draw.Share(seed, place + 4))),
            Prepare = 1.5 + (0.02 * size) + (2 * Draw.Share(seed, place + 5)),
            Failures = fails ? 1 + Draw.Below(seed, place + 6, 2) : 0,
            FailsAt = 0.1 + (0.8 * Draw.Share(seed, place + 7)),
        };
    }

    private static int Size(int draw)
    {
        foreach (var (size, share) in s_sizes)
        {
            if (draw < share)
            {
                return size;
            }

            draw -= share;
        }

        return s_sizes[^1].Size;
    }
}
