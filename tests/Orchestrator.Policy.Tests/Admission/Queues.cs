using FsCheck;
using FsCheck.Fluent;
using Orchestrator.Policy.Admission;
using Orchestrator.Policy.Placement;

namespace Orchestrator.Policy.Tests.Admission;

/// <summary>Queues, fleets and limits: sound ones with round numbers, and drawn ones in which everything is scarce.</summary>
internal static class Queues
{
    public static readonly DateTimeOffset Now = new(2026, 5, 1, 12, 0, 0, TimeSpan.Zero);

    public static readonly AdmissionLimits Wide = new()
    {
        Transferring = 1000,
        Preparing = 1000,
        TransferringPerSource = 1000,
        TransferringPerTarget = 1000,
        PreparingPerTarget = 1000,
        LinkShare = 1,
        MinRate = DataRate.FromMebibytesPerSecond(1),
        Classes =
        [
            new PriorityClass("evacuation", 300, TimeSpan.FromMinutes(1), 200),
            new PriorityClass("user", 200, TimeSpan.FromMinutes(1), 100),
            new PriorityClass("rebalancing", 100, TimeSpan.FromMinutes(1), 50),
        ],
        FailureMemory = TimeSpan.FromMinutes(10),
    };

    /// <summary>Ids in the order of their numbers.</summary>
    public static Guid Id(int number) => new(number, 0, 0, new byte[8]);

    public static FleetHost Host(string id, long gibibytes = 64, long linkMebibytes = 0, string? rack = null, HostCondition condition = HostCondition.Connected) => new()
    {
        HostId = id,
        Condition = condition,
        MemoryAllocatable = DataSize.FromGibibytes(gibibytes),
        VcpusAllocatable = 1000,
        LinkSpeed = DataRate.FromMebibytesPerSecond(linkMebibytes),
        Labels = rack is null ? new Dictionary<string, string>() : new Dictionary<string, string> { ["rack"] = rack },
        Engines = [new FleetEngine("10.0.13", ["tcg"], [])],
    };

    public static QueuedMigration Queued(
        int number, string source, string? target = null, double waited = 0, string caller = "a", string priorityClass = "user", long gibibytes = 1) => new()
        {
            MigrationId = Id(number),
            Caller = caller,
            PriorityClass = priorityClass,
            QueuedAt = Now - TimeSpan.FromSeconds(waited),
            TargetHostId = target,
            Placement = new PlacementRequest(
            Guest(number, source, gibibytes), new MachineNeeds { MachineType = "q35", CpuModel = "qemu64", Accelerator = "tcg" }),
        };

    public static RunningMigration Running(
        int number, string source, string target, AdmissionPool pool = AdmissionPool.Transferring, double? preparedSince = null, string caller = "a") => new()
        {
            MigrationId = Id(number),
            Caller = caller,
            PriorityClass = "user",
            QueuedAt = Now - TimeSpan.FromSeconds(preparedSince ?? 0),
            SourceHostId = source,
            TargetHostId = target,
            Pool = pool,
            PreparedAt = preparedSince is { } seconds ? Now - TimeSpan.FromSeconds(seconds) : null,
            Memory = DataSize.FromGibibytes(1),
        };

    public static FleetGuest Guest(int number, string host, long gibibytes = 1) =>
        new() { GuestId = $"g{number:D5}", Memory = DataSize.FromGibibytes(gibibytes), Vcpus = 1, HostId = host };

    /// <summary>The guests are those of the queue and of what runs.</summary>
    public static AdmissionSnapshot Snapshot(
        AdmissionLimits limits,
        IReadOnlyList<FleetHost> hosts,
        IReadOnlyList<QueuedMigration> queue,
        params IReadOnlyList<RunningMigration> running) => new()
        {
            Limits = limits,
            Fleet = new FleetSnapshot(
            Now,
            hosts,
            [
                .. queue.Select(migration => migration.Placement.Guest),
                .. running.Select(migration => new FleetGuest
                {
                    GuestId = $"running-{migration.MigrationId}",
                    Memory = migration.Memory,
                    Vcpus = 1,
                    HostId = migration.SourceHostId,
                    TargetHostId = migration.TargetHostId,
                }),
            ]),
            Queue = queue,
            Running = running,
            TypicalRate = DataRate.FromMebibytesPerSecond(100),
        };

    public static Gen<AdmissionSnapshot> Drawn { get; } =
        from limits in Limits()
        from hostCount in Gen.Choose(2, 6)
        from hosts in Gen.ArrayOf(Hosts(), hostCount)
        from waiting in Gen.Choose(0, 25)
        from queued in Gen.ArrayOf(Waiting(hostCount), waiting)
        from moving in Gen.Choose(0, 10)
        from running in Gen.ArrayOf(Moving(hostCount), moving)
        select Snapshot(
            limits,
            [.. hosts.Select((host, index) => host with { HostId = $"h{index}" })],
            [.. queued.Select((migration, index) => migration(index))],
            [.. running.Select((migration, index) => migration(10_000 + index))]);

    private static Gen<AdmissionLimits> Limits() =>
        from transferring in Gen.Choose(1, 12)
        from preparing in Gen.Choose(1, 12)
        from perSource in Gen.Choose(1, transferring)
        from perTarget in Gen.Choose(1, transferring)
        from preparingPerTarget in Gen.Choose(1, preparing)
        from perRack in Gen.Choose(0, transferring)
        from share in Gen.Choose(1, 10)
        from least in Gen.Choose(1, 100)
        select Wide with
        {
            Transferring = transferring,
            Preparing = preparing,
            TransferringPerSource = perSource,
            TransferringPerTarget = perTarget,
            PreparingPerTarget = preparingPerTarget,
            PerLabel = perRack == 0 ? [] : [new LabelLimit("rack", perRack)],
            LinkShare = share / 10.0,
            MinRate = DataRate.FromMebibytesPerSecond(least),
        };

    private static Gen<FleetHost> Hosts() =>
        from gibibytes in Gen.Choose(20, 90)
        from link in Gen.Choose(0, 1000)
        from rack in Gen.Choose(0, 3)
        from condition in Gen.Choose(0, 9)
        from cordoned in Gen.Choose(0, 9)
        select Host("", gibibytes, link < 100 ? 0 : link, rack == 0 ? null : $"r{rack}", condition == 0 ? HostCondition.Suspect : HostCondition.Connected)
            with
        { Cordoned = cordoned == 0 };

    private static Gen<Func<int, QueuedMigration>> Waiting(int hosts) =>
        from source in Gen.Choose(0, hosts - 1)
        from target in Gen.Choose(-hosts, hosts)
        from waited in Gen.Choose(0, 4000)
        from caller in Gen.Choose(0, 3)
        from priorityClass in Gen.Choose(0, 3)
        from gibibytes in Gen.Choose(1, 16)
        from held in Gen.Choose(0, 30)
        select (Func<int, QueuedMigration>)(number => Queued(
            number, $"h{source}", target < 0 ? null : $"h{target}", waited, $"c{caller}", priorityClass == 3 ? "forgotten" : Wide.Classes[priorityClass].Name,
            gibibytes) with
        {
            Paused = held == 0,
            NotBefore = held == 1 ? Now.AddMinutes(5) : null,
            NoticeUntil = held == 2 ? Now.AddMinutes(7) : held == 3 ? Now.AddMinutes(-7) : null,
        });

    private static Gen<Func<int, RunningMigration>> Moving(int hosts) =>
        from source in Gen.Choose(0, hosts - 1)
        from step in Gen.Choose(1, hosts - 1)
        from pool in Gen.Choose(0, 2)
        from waited in Gen.Choose(0, 400)
        from cap in Gen.Choose(0, 300)
        from caller in Gen.Choose(0, 3)
        from left in Gen.Choose(0, 300)
        select (Func<int, RunningMigration>)(number => Running(
            number,
            $"h{source}",
            $"h{(source + step) % hosts}",
            pool == 0 ? AdmissionPool.Transferring : AdmissionPool.Preparing,
            pool == 1 ? waited : null,
            $"c{caller}") with
        {
            MaxRate = cap < 150 ? DataRate.Zero : DataRate.FromMebibytesPerSecond(cap),
            Remaining = left < 150 ? null : TimeSpan.FromSeconds(left),
        });
}
