using FsCheck;
using FsCheck.Fluent;
using Orchestrator.Policy.Evacuation;

namespace Orchestrator.Policy.Tests.Evacuation;

/// <summary>Fleets of every kind: roomy and tight, with links known and not, with wishes about neighbours, with limits.</summary>
internal sealed record DrawnFleet(FleetFacts Facts, EvacuationTerms Terms)
{
    public static DateTimeOffset Now { get; } = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public static Gen<DrawnFleet> Fleets =>
        from sources in Gen.Choose(1, 3)
        from targets in Gen.Choose(0, 5)
        from tight in Gen.Elements(true, false)
        from hosts in Hosts(sources, targets, tight).ListOf(sources + targets)
        from numbered in Gen.Constant(hosts.Select((host, index) => Numbered(host, index, sources)).ToList())
        from guests in Gen.Choose(0, 14).SelectMany(count => Guest(numbered).ListOf(count))
        from limits in Limits
        from foreign in Foreign(numbered)
        from rolling in Gen.Choose(0, 2)
        from terms in DrawnTerms(numbered, sources, rolling, guests.Count)
        select new DrawnFleet(
            new FleetFacts
            {
                Hosts = numbered,
                Guests = [.. guests.Select((guest, index) => guest with { GuestId = $"guest-{index:00}" })],
                Limits = limits,
                Foreign = foreign,
            },
            terms);

    private static Gen<TransferLimits> Limits =>
        from some in Gen.Elements(true, false)
        from each in Gen.Choose(1, 3)
        from source in Gen.Choose(1, 2)
        from preparing in Gen.Choose(1, 3)
        select some
            ? new TransferLimits
            {
                Transferring = each + 1, TransferringPerSource = source, TransferringPerTarget = each, Preparing = preparing, PreparingPerTarget = 1,
            }
            : new TransferLimits();

    private static Gen<HostFacts> Hosts(int sources, int targets, bool tight) =>
        from free in Gen.Choose(0, tight ? 40 : 400)
        from gigabits in Gen.Elements(0, 1, 10, 25)
        from rack in Gen.Choose(0, 2)
        from closed in Gen.Choose(0, 9)
        from silent in Gen.Choose(0, 19)
        select new HostFacts
        {
            HostId = "",
            FreeMemory = DataSize.FromGibibytes(free),
            FreeCpus = tight ? 20 : 200,
            Up = new DataRate(gigabits * 125_000_000L),
            Down = new DataRate(gigabits * 125_000_000L),
            Closed = closed == 0 && targets > 0 ? "is cordoned" : null,
            Connected = silent != 0 || sources == 0,
            Labels = rack == 0 ? Labels() : Labels(("rack", $"r{rack}")),
        };

    private static HostFacts Numbered(HostFacts host, int index, int sources) =>
        host with { HostId = index < sources ? $"source-{index}" : $"target-{index - sources}" };

    private static Gen<GuestFacts> Guest(List<HostFacts> hosts) =>
        from host in Gen.Choose(0, hosts.Count - 1)
        from lean in Gen.Choose(0, 2)
        from memory in Gen.Elements(1, 2, 4, 8, 16, 32, 64)
        from dirty in Gen.Elements(-1, 0, 10, 300, 4000)
        from app in Gen.Choose(0, 4)
        from term in Gen.Choose(0, 9)
        from refused in Gen.Choose(0, 12)
        from state in Gen.Choose(0, 9)
        select new GuestFacts
        {
            GuestId = "",
            HostId = hosts[lean == 0 ? host : 0].HostId,
            Memory = DataSize.FromGibibytes(memory),
            Cpus = 1 + (memory / 8),
            DirtyRate = dirty < 0 ? null : DataRate.FromMebibytesPerSecond(dirty),
            Activity = state == 0 ? GuestActivity.Paused : GuestActivity.Running,
            Labels = Labels(("app", $"a{app}")),
            Neighbours = term switch
            {
                0 => [new Neighbourhood(Labels(("app", $"a{app}")), "", Anti: true, Required: true)],
                1 => [new Neighbourhood(Labels(("app", $"a{(app + 1) % 5}")), "rack", Anti: true, Required: true)],
                2 => [new Neighbourhood(Labels(("app", $"a{(app + 1) % 5}")), "rack", Anti: false, Required: true)],
                3 => [new Neighbourhood(Labels(("app", $"a{app}")), "", Anti: true, Required: false)],
                _ => [],
            },
            Refusals = refused < hosts.Count ? Labels((hosts[refused].HostId, "has no such device")) : Labels(),
        };

    private static Gen<List<ForeignTransfer>> Foreign(List<HostFacts> hosts) =>
        from count in Gen.Choose(0, 2)
        from ends in Gen.Choose(0, hosts.Count - 1).Two().ListOf(count)
        select ends.Where(pair => pair.Item1 != pair.Item2)
            .Select(pair => new ForeignTransfer(hosts[pair.Item1].HostId, hosts[pair.Item2].HostId, DataSize.FromGibibytes(20), 2)).ToList();

    private static Gen<EvacuationTerms> DrawnTerms(List<HostFacts> hosts, int sources, int rolling, int guests) =>
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
