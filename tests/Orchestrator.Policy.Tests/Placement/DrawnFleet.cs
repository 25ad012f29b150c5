using FsCheck;
using FsCheck.Fluent;
using Orchestrator.Policy.Placement;

namespace Orchestrator.Policy.Tests.Placement;

/// <summary>A small fleet in which everything that placement looks at is scarce, and guests that ask for it.</summary>
internal sealed record DrawnFleet(FleetSnapshot Snapshot, IReadOnlyList<PlacementRequest> Requests)
{
    private static readonly string[] s_racks = ["r1", "r2", "r3"];
    private static readonly string[] s_apps = ["web", "db", "cache"];
    private static readonly string[] s_models = ["qemu64", "Haswell", "Skylake-Server,-hle", "EPYC-Rome", "host", "nothing-known", "qemu64,+sse4.2"];
    private static readonly string[] s_machines = ["pc-q35-7.2", "pc-q35-9.2", "q35"];
    private static readonly string[] s_versions = ["", "7.2.22 (Debian 1:7.2+dfsg-7)", "9.2.0", "10.0.13"];
    private static readonly string[][] s_processors =
    [
        [],
        [.. CpuModels.Find("Haswell")!],
        [.. CpuModels.Find("Skylake-Server")!],
        [.. CpuModels.Find("EPYC-Rome")!],
    ];

    public static Gen<DrawnFleet> Any { get; } =
        from seed in Gen.Choose(0, int.MaxValue)
        from hosts in Gen.Choose(1, 9)
        from guests in Gen.Choose(0, 30)
        from requests in Gen.Choose(1, 20)
        select Draw(new Random(seed), hosts, guests, requests);

    public DrawnFleet Shuffled(int seed)
    {
        var random = new Random(seed);
        return this with
        {
            Snapshot = Snapshot with { Hosts = Shuffle(random, Snapshot.Hosts), Guests = Shuffle(random, Snapshot.Guests) },
        };
    }

    private static T[] Shuffle<T>(Random random, IEnumerable<T> items)
    {
        var shuffled = items.ToArray();
        random.Shuffle(shuffled);
        return shuffled;
    }

    private static DrawnFleet Draw(Random random, int hosts, int guests, int requests)
    {
        var at = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
        var fleet = Enumerable.Range(0, hosts).Select(index => Host(random, index)).ToList();
        var there = Enumerable.Range(0, guests).Select(index => Guest(random, index, fleet)).ToList();
        var wanted = Enumerable.Range(0, requests).Select(index => Request(random, at, index, fleet, there)).ToList();
        return new DrawnFleet(new FleetSnapshot(at, fleet, there), wanted);
    }

    private static FleetHost Host(Random random, int index) => new()
    {
        HostId = $"h{index}",
        Condition = random.Next(8) == 0 ? (HostCondition)random.Next(4) : HostCondition.Connected,
        Cordoned = random.Next(8) == 0,
        Labels = random.Next(4) == 0 ? new Dictionary<string, string>() : new Dictionary<string, string> { ["rack"] = One(random, s_racks) },
        MemoryAllocatable = DataSize.FromGibibytes(random.Next(0, 40)),
        VcpusAllocatable = random.Next(0, 40),
        LinkSpeed = new DataRate(random.Next(3) * 1_250_000_000L),
        CpuFlags = One(random, s_processors),
        Engines = [.. Enumerable.Range(0, random.Next(8) == 0 ? 0 : 1 + random.Next(2)).Select(_ => Engine(random))],
        Devices = [.. Enumerable.Range(0, random.Next(3)).Select(device => new FleetDevice(
            $"/sys/d{device}", random.Next(4) == 0 ? "15b3:101f" : "15b3:101e", "mlx5_vfio_pci", One(random, s_versions), (ulong)random.Next(2)))],
    };

    private static FleetEngine Engine(Random random) => new(
        One(random, s_versions), random.Next(4) == 0 ? ["tcg"] : ["tcg", "kvm"], random.Next(3) == 0 ? [] : s_machines[..random.Next(1, 3)]);

    private static FleetGuest Guest(Random random, int index, List<FleetHost> hosts) => new()
    {
        GuestId = $"g{index}",
        Memory = DataSize.FromMebibytes(random.Next(256, 9000)),
        Vcpus = random.Next(1, 8),
        Labels = Labels(random),
        Placement = new PlacementTerms(
            random.Next(3) > 0 ? [] : [Requirement(random)], [.. Enumerable.Range(0, random.Next(3)).Select(_ => Term(random))]),
        Devices = random.Next(5) > 0 ? [] : [new DeviceNeed("nic0", "/sys/d0", "15b3:101e", "mlx5_vfio_pci", One(random, s_versions))],
        HostId = random.Next(6) == 0 ? null : One(random, hosts).HostId,
        TargetHostId = random.Next(6) > 0 ? null : One(random, hosts).HostId,
    };

    private static Dictionary<string, string> Labels(Random random)
    {
        Dictionary<string, string> labels = [];
        if (random.Next(4) > 0)
        {
            labels["app"] = One(random, s_apps);
        }

        if (random.Next(2) > 0)
        {
            labels["env"] = random.Next(2) == 0 ? "prod" : "test";
        }

        return labels;
    }

    private static LabelRequirement Requirement(Random random)
    {
        var kind = (LabelOperator)random.Next(4);
        return new LabelRequirement("rack", kind, kind is LabelOperator.In or LabelOperator.NotIn ? s_racks[..random.Next(1, 3)] : []);
    }

    private static AffinityTerm Term(Random random)
    {
        var labels = Labels(random);
        if (labels.Count == 0)
        {
            labels["env"] = "prod";
        }

        return new AffinityTerm(labels, random.Next(2) == 0 ? "" : "rack", random.Next(3) > 0, random.Next(2) == 0, random.Next(1, 101));
    }

    private static PlacementRequest Request(
        Random random, DateTimeOffset at, int index, List<FleetHost> hosts, List<FleetGuest> guests)
    {
        // One that is there, or a new one; a guest that is asked for twice is asked for twice.
        var guest = guests.Count > 0 && random.Next(4) > 0 ? One(random, guests) : Guest(random, 1000 + index, hosts) with { TargetHostId = null };
        return new PlacementRequest(
            guest,
            new MachineNeeds
            {
                MachineType = One(random, s_machines),
                CpuModel = One(random, s_models),
                Accelerator = random.Next(3) == 0 ? "tcg" : "kvm",
                EngineVersion = One(random, s_versions),
            },
            random.Next(4) > 0 ? [] : [new FailedMove(One(random, hosts).HostId, at.AddMinutes(-5), at.AddMinutes(random.Next(-4, 6)))]);
    }

    private static T One<T>(Random random, IReadOnlyList<T> of) => of[random.Next(of.Count)];
}
