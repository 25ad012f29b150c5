using FsCheck;
using FsCheck.Fluent;
using Orchestrator.Policy.Evacuation;
using Orchestrator.Policy.Placement;

namespace Orchestrator.Policy.Tests.Evacuation;

/// <summary>Fleets of every kind: roomy and tight, with links known and not, with wishes about neighbours, with limits.</summary>
internal sealed record DrawnFleet(FleetFacts Facts, EvacuationTerms Terms)
{
    private const string Name = "name";
    public static DateTimeOffset Now { get; } = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public static Gen<DrawnFleet> Fleets =>
        from sources in Gen.Choose(1, 3)
        from targets in Gen.Choose(0, 5)
        from tight in Gen.Elements(true, false)
        from hosts in Hosts(targets, tight).ListOf(sources + targets)
        from numbered in Gen.Constant(hosts.Select((host, index) => Numbered(host, index, sources)).ToList())
        from guests in Gen.Choose(0, 14).SelectMany(count => Guest(numbered).ListOf(count))
        from limits in Limits
        from foreign in Foreign(numbered)
        from rolling in Gen.Choose(0, 2)
        from terms in DrawnTerms(numbered, sources, rolling, guests.Count)
        select new DrawnFleet(Made(numbered, [.. guests.Select(Numbered)]) with { Limits = limits, Foreign = foreign }, terms);

    /// <summary>The fleet with a change to every host and every guest.</summary>
    public DrawnFleet With(Func<FleetHost, FleetHost> host, Func<FleetGuest, FleetGuest> guest) => this with
    {
        Facts = Facts with
        {
            Fleet = Facts.Fleet with { Hosts = [.. Facts.Fleet.Hosts.Select(host)], Guests = [.. Facts.Fleet.Guests.Select(guest)] },
            Guests = [.. Facts.Guests.Select(facts => facts with { Placement = facts.Placement with { Guest = guest(facts.Placement.Guest) } })],
        },
    };

    // What was drawn of a host is what is free of it.
    private static FleetFacts Made(List<FleetHost> hosts, List<GuestFacts> guests) => new()
    {
        Fleet = new FleetSnapshot(
            Now,
            [
                .. hosts.Select(host => host with
                {
                    MemoryAllocatable = new(host.MemoryAllocatable.Bytes + On(host, guests).Sum(guest => guest.Memory.Bytes)),
                    VcpusAllocatable = host.VcpusAllocatable + On(host, guests).Sum(guest => guest.Placement.Guest.Vcpus),
                }),
            ],
            [.. guests.Select(guest => guest.Placement.Guest), Bystander(hosts[^1])]),
        Guests = guests,
    };

    private static Gen<TransferLimits> Limits =>
        from some in Gen.Elements(true, false)
        from each in Gen.Choose(1, 3)
        from source in Gen.Choose(1, 2)
        from preparing in Gen.Choose(1, 3)
        select some
            ? new TransferLimits
            {
                Transferring = each + 1,
                TransferringPerSource = source,
                TransferringPerTarget = each,
                Preparing = preparing,
                PreparingPerTarget = 1,
            }
            : new TransferLimits();

    private static Gen<FleetHost> Hosts(int targets, bool tight) =>
        from free in Gen.Choose(0, tight ? 40 : 400)
        from gigabits in Gen.Elements(0, 1, 10, 25)
        from rack in Gen.Choose(0, 2)
        from closed in Gen.Choose(0, 9)
        from silent in Gen.Choose(0, 19)
        select new FleetHost
        {
            HostId = "",
            MemoryAllocatable = DataSize.FromGibibytes(free),
            VcpusAllocatable = tight ? 20 : 200,
            LinkSpeed = new DataRate(gigabits * 125_000_000L),
            Cordoned = closed == 0 && targets > 0,
            Condition = silent != 0 ? HostCondition.Connected : HostCondition.Suspect,
            Engines = [new FleetEngine("", ["kvm"], [])],
            Labels = rack == 0 ? Labels() : Labels(("rack", $"r{rack}")),
        };

    private static FleetHost Numbered(FleetHost host, int index, int sources)
    {
        var id = index < sources ? $"source-{index}" : $"target-{index - sources}";
        return host with { HostId = id, Labels = Labels([.. host.Labels.Select(label => (label.Key, label.Value)), (Name, id)]) };
    }

    private static GuestFacts Numbered(GuestFacts guest, int index) =>
        guest with { Placement = guest.Placement with { Guest = guest.Placement.Guest with { GuestId = $"guest-{index:00}" } } };

    // Nobody says anything of it but that it is there.
    private static FleetGuest Bystander(FleetHost host) => new()
    {
        GuestId = "bystander",
        HostId = host.HostId.StartsWith("target", StringComparison.Ordinal) ? host.HostId : null,
        Memory = DataSize.Zero,
        Vcpus = 0,
        Labels = Labels(("app", "a1")),
    };

    private static IEnumerable<GuestFacts> On(FleetHost host, List<GuestFacts> guests) => guests.Where(guest => guest.HostId == host.HostId);

    private static Gen<GuestFacts> Guest(List<FleetHost> hosts) =>
        from host in Gen.Choose(0, hosts.Count - 1)
        from lean in Gen.Choose(0, 2)
        from memory in Gen.Elements(1, 2, 4, 8, 16, 32, 64)
        from dirty in Gen.Elements(-1, 0, 10, 300, 4000)
        from app in Gen.Choose(0, 4)
        from term in Gen.Choose(0, 9)
        from refused in Gen.Choose(0, 12)
        from failed in Gen.Choose(0, 40)
        from state in Gen.Choose(0, 9)
        select new GuestFacts
        {
            Placement = new PlacementRequest(
                new FleetGuest
                {
                    GuestId = "",
                    HostId = hosts[lean == 0 ? host : 0].HostId,
                    Memory = DataSize.FromGibibytes(memory),
                    Vcpus = 1 + (memory / 8),
                    Labels = Labels(("app", $"a{app}")),
                    Placement = new PlacementTerms(
                        refused < hosts.Count ? [new LabelRequirement(Name, LabelOperator.NotIn, hosts[refused].HostId)] : [], Affinity(term, app)),
                },
                new MachineNeeds { MachineType = "q35", CpuModel = "host", Accelerator = "kvm" },
                failed < hosts.Count ? [new FailedMove(hosts[failed].HostId, Now.AddSeconds(-20), Now.AddSeconds(200))] : []),
            DirtyRate = dirty < 0 ? null : DataRate.FromMebibytesPerSecond(dirty),
            Activity = state == 0 ? GuestActivity.Paused : GuestActivity.Running,
        };

    private static AffinityTerm[] Affinity(int term, int app) => term switch
    {
        0 => [new AffinityTerm(Labels(("app", $"a{app}")), "", Anti: true, Required: true)],
        1 => [new AffinityTerm(Labels(("app", $"a{(app + 1) % 5}")), "rack", Anti: true, Required: true)],
        2 => [new AffinityTerm(Labels(("app", $"a{(app + 1) % 5}")), "rack", Anti: false, Required: true)],
        3 => [new AffinityTerm(Labels(("app", $"a{app}")), "", Anti: true, Required: false)],
        _ => [],
    };

    private static Gen<List<ForeignTransfer>> Foreign(List<FleetHost> hosts) =>
        from count in Gen.Choose(0, 2)
        from ends in Gen.Choose(0, hosts.Count - 1).Two().ListOf(count)
        select ends.Where(pair => pair.Item1 != pair.Item2)
            .Select(pair => new ForeignTransfer(hosts[pair.Item1].HostId, hosts[pair.Item2].HostId, DataSize.FromGibibytes(20), 2)).ToList();

    private static Gen<EvacuationTerms> DrawnTerms(List<FleetHost> hosts, int sources, int rolling, int guests) =>
        from treatments in Gen.Choose(0, 11).ListOf(guests)
        from seconds in Gen.Choose(10, 400)
        select new EvacuationTerms
        {
            HostIds = [.. hosts.Take(sources).Select(host => host.HostId)],
            MaxHostsOut = rolling,
            Policy = "predictive",
            MaxAttempts = 3,
            Deadline = Now.AddSeconds(seconds),
            Overrides = treatments
                .Select((treatment, index) => (Guest: $"guest-{index:00}", Treatment: treatment))
                .Where(pair => pair.Treatment < 3)
                .ToDictionary(
                    pair => pair.Guest,
                    pair => pair.Treatment switch
                    {
                        0 => new GuestTerms { Treatment = GuestTreatment.Skip },
                        1 => new GuestTerms { Treatment = GuestTreatment.Restart },
                        _ => new GuestTerms { PostCopyAllowed = true, TargetHostId = hosts[^1].HostId },
                    },
                    StringComparer.Ordinal),
        };

    private static Dictionary<string, string> Labels(params (string Key, string Value)[] labels) =>
        labels.ToDictionary(label => label.Key, label => label.Value, StringComparer.Ordinal);
}
