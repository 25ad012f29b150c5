using Orchestrator.Policy;
using Orchestrator.Policy.Placement;

namespace Orchestrator.Bench.Placement;

/// <summary>
/// A fleet in racks of twenty, of two generations of processors, with guests of 2 to 64 GiB in services of about fifty: a third of the
/// guests keep away from their like on a host, a fifth would rather be in other racks, a tenth select a kind of disk, one in twenty stays
/// with its cache.
/// </summary>
internal sealed class FleetDraw
{
    private const int RackSize = 20;
    private const int ServiceSize = 50;

    // Larger guests ask for a newer processor.
    private const int LargeVcpus = 8;
    private static readonly int[] s_gibibytes = [2, 2, 4, 4, 4, 8, 8, 8, 16, 16, 32, 64];
    private static readonly string[] s_old =
        [.. "cmov cx8 fpu fxsr lm mmx sse sse2 syscall nx cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3 aes pclmulqdq rdtscp".Split(' ')];

    private static readonly string[] s_young =
        [.. s_old, .. "abm avx avx2 bmi1 bmi2 f16c fma movbe xsave xsaveopt erms fsgsbase invpcid pcid rdrand smep".Split(' ')];

    private readonly PlacementOptions _options;
    private readonly Random _random;

    public FleetDraw(PlacementOptions options)
    {
        _options = options;
        _random = new Random(options.Seed);
        Hosts = [.. Enumerable.Range(0, options.Hosts).Select(Host)];
        var free = Hosts.Select(host => host.MemoryAllocatable).ToArray();
        Guests = [.. Enumerable.Range(0, options.Guests).Select(index => Settle(Guest($"g{index:D6}"), free))];
    }

    public IReadOnlyList<FleetHost> Hosts { get; }

    public IReadOnlyList<FleetGuest> Guests { get; }

    public FleetSnapshot Snapshot(IReadOnlySet<string> cordoned) => new(
        DateTimeOffset.UnixEpoch,
        [.. Hosts.Select(host => cordoned.Contains(host.HostId) ? host with { Cordoned = true, CordonReason = "evacuated" } : host)],
        Guests);

    /// <summary>A new one that any host may take that has the room.</summary>
    public FleetGuest PlainGuest(int index)
    {
        var gibibytes = s_gibibytes[_random.Next(s_gibibytes.Length)];
        return new FleetGuest { GuestId = $"n{index:D6}", Memory = DataSize.FromGibibytes(gibibytes), Vcpus = 1 };
    }

    public static PlacementRequest Request(FleetGuest guest) => new(
        guest,
        new MachineNeeds
        {
            MachineType = "pc-q35-9.2",
            CpuModel = guest.Vcpus > LargeVcpus ? "Haswell-noTSX,+aes" : "Nehalem",
            Accelerator = "kvm",
            EngineVersion = guest.HostId is null ? "" : "9.2.1",
        });

    private static FleetHost Host(int index) => new()
    {
        HostId = $"h{index:D4}",
        Condition = HostCondition.Connected,
        Labels = new Dictionary<string, string>
        {
            ["rack"] = $"r{index / RackSize:D2}",
            ["disk"] = index % 4 == 0 ? "nvme" : "ssd",
            ["zone"] = $"z{index / RackSize % 3}",
        },
        MemoryAllocatable = DataSize.FromGibibytes(index % 2 == 0 ? 512 : 384),
        VcpusAllocatable = index % 2 == 0 ? 512 : 384,
        LinkSpeed = new DataRate(3_125_000_000),
        CpuFlags = index % 3 == 0 ? s_old : s_young,
        Engines = [new FleetEngine("9.2.1", ["kvm", "tcg"], ["pc-q35-9.2", "pc-q35-9.1", "pc-q35-9.0", "pc-q35-8.2"])],
    };

    // Without regard to terms, as fleets come to be, and not beyond capacity as long as there is room by chance.
    private FleetGuest Settle(FleetGuest guest, DataSize[] free)
    {
        const int Tries = 50;
        for (var attempt = 0; attempt < Tries; attempt++)
        {
            var host = _random.Next(free.Length);
            if (free[host] >= guest.Memory && (guest.Vcpus <= LargeVcpus || Hosts[host].CpuFlags == s_young))
            {
                free[host] -= guest.Memory;
                return guest with { HostId = Hosts[host].HostId };
            }
        }

        return guest;
    }

    private FleetGuest Guest(string guestId)
    {
        var size = s_gibibytes[_random.Next(s_gibibytes.Length)];
        var service = $"s{_random.Next(Math.Max(1, _options.Guests / ServiceSize)):D3}";
        var labels = new Dictionary<string, string> { ["service"] = service, ["env"] = _random.Next(10) < 7 ? "prod" : "test" };
        var alike = new Dictionary<string, string> { ["service"] = service };
        List<AffinityTerm> terms = [];
        if (_random.Next(3) == 0)
        {
            terms.Add(new AffinityTerm(alike, "", Anti: true, Required: true));
        }

        if (_random.Next(5) == 0)
        {
            terms.Add(new AffinityTerm(labels, "rack", Anti: true, Required: false));
        }

        if (_random.Next(20) == 0)
        {
            terms.Add(new AffinityTerm(alike, "zone", Anti: false, Required: true));
        }

        return new FleetGuest
        {
            GuestId = guestId,
            Memory = DataSize.FromGibibytes(size),
            Vcpus = Math.Max(1, size / 2),
            Labels = labels,
            Placement = new PlacementTerms(_random.Next(10) == 0 ? [new LabelRequirement("disk", LabelOperator.In, "nvme")] : [], terms),
        };
    }
}
