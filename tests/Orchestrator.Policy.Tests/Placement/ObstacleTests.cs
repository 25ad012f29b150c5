using Orchestrator.Policy.Placement;

namespace Orchestrator.Policy.Tests.Placement;

/// <summary>Each obstacle by itself, with its words, and the way out of it.</summary>
public class ObstacleTests
{
    private static readonly DateTimeOffset s_at = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly FleetHost s_source = Host("a");

    [Fact]
    public void Judge_Nothing_IsACandidate() => Assert.Empty(Judge(Host("b"), Request()).Obstacles);

    [Fact]
    public void Judge_Source_IsSource() => Stands(
        Judge(s_source, Request()), Obstacle.IsSource, "the guest is there already");

    [Theory]
    [InlineData(HostCondition.Suspect, "its agent has not been heard for a while")]
    [InlineData(HostCondition.Lost, "its agent has not been heard for long")]
    [InlineData(HostCondition.Dead, "has been declared dead")]
    public void Judge_NotConnected_SaysHowBad(HostCondition condition, string message) =>
        Stands(Judge(Host("b") with { Condition = condition }, Request()), Obstacle.NotConnected, message);

    [Fact]
    public void Judge_Cordoned_SaysWhy() => Stands(
        Judge(Host("b") with { Cordoned = true, CordonReason = "new kernel" }, Request()), Obstacle.Cordoned, "is cordoned: new kernel");

    [Fact]
    public void Judge_TooLittleMemory_SaysHowMuchIsFree()
    {
        var there = Guest("there") with { Memory = DataSize.FromMebibytes(61_235), HostId = "b" };
        Stands(Judge(Host("b"), Request(), there), Obstacle.Memory, "needs 8 GiB, 4.2 GiB of 64 GiB are free");
        Assert.Empty(Judge(Host("b"), Request(), there with { HostId = "a" }).Obstacles);
        Stands(Judge(Host("b"), Request(), there with { HostId = "a", TargetHostId = "b" }), Obstacle.Memory, "needs 8 GiB, 4.2 GiB of 64 GiB are free");
    }

    [Fact]
    public void Judge_MoreIsPromisedThanThereIs_NothingIsFree()
    {
        var there = Guest("there") with { Memory = DataSize.FromGibibytes(80), HostId = "b" };
        Stands(Judge(Host("b"), Request(), there), Obstacle.Memory, "needs 8 GiB, 0 B of 64 GiB are free");
    }

    [Fact]
    public void Judge_OneByteTooLittle_SaysItInBytes() => Stands(
        Judge(Host("b") with { MemoryAllocatable = DataSize.FromGibibytes(8) - new DataSize(1) }, Request()),
        Obstacle.Memory,
        "needs 8589934592 bytes, 8589934591 of 8 GiB are free");

    [Fact]
    public void Judge_TooFewVcpus_SaysHowMany()
    {
        var there = Guest("there") with { Vcpus = 31, Memory = DataSize.FromMebibytes(16), HostId = "b" };
        Stands(Judge(Host("b"), Request(), there), Obstacle.Cpus, "needs 4 vCPUs, 1 of 32 are free");
    }

    [Fact]
    public void Judge_CpuLacksFlags_NamesThem() => Stands(
        Judge(Host("b") with { CpuFlags = [.. CpuModels.Find("Haswell")!] }, Request(machine => machine with { CpuModel = "Skylake-Client-v4" })),
        Obstacle.CpuModel,
        "its CPUs lack 3dnowprefetch, adx, ibrs, rdseed, smap and 3 more of Skylake-Client-v4");

    [Fact]
    public void Judge_CpuUnderTcg_DoesNotMatter() => Assert.Empty(Judge(
        Host("b") with { CpuFlags = ["lm"] },
        Request(machine => machine with { CpuModel = "Skylake-Server,+amx-tile", Accelerator = "tcg" })).Obstacles);

    [Fact]
    public void Judge_OtherMachineTypes_SaysWhatTheEngineHas()
    {
        var host = Host("b") with { Engines = [new FleetEngine("7.2.22 (Debian)", ["kvm", "tcg"], ["pc-q35-7.2", "pc-q35-7.1"])] };
        Stands(
            Judge(host, Request(machine => machine with { MachineType = "pc-q35-9.2" })),
            Obstacle.MachineType,
            "engine 7.2.22 (Debian) builds 2 machine types, but not pc-q35-9.2");
        Assert.Empty(Judge(host, Request(machine => machine with { MachineType = "pc-q35-7.1" })).Obstacles);
        Assert.Empty(Judge(host, Request(machine => machine with { MachineType = "q35" })).Obstacles);
    }

    [Fact]
    public void Judge_OlderEngine_SaysBoth()
    {
        var request = Request(machine => machine with { EngineVersion = "10.0.13 (Debian)" });
        Stands(Judge(Host("b"), request), Obstacle.EngineVersion, "has engine 9.2.1, the guest runs on 10.0.13 (Debian)");
        Assert.Empty(Judge(Host("b", version: ""), request).Obstacles);
    }

    [Fact]
    public void Judge_TwoEngines_OneMustHaveEverything()
    {
        var request = Request(machine => machine with { MachineType = "pc-q35-9.2", EngineVersion = "9.2.0" });
        var old = new FleetEngine("8.0.0", ["kvm"], ["pc-q35-9.2"]);
        var young = new FleetEngine("9.2.1", ["tcg"], ["pc-q35-9.2"]);
        Stands(Judge(Host("b") with { Engines = [old, young] }, request), Obstacle.EngineVersion, "has engine 8.0.0, the guest runs on 9.2.0");
        Assert.Empty(Judge(Host("b") with { Engines = [old, young, old with { Version = "9.2.0" }] }, request).Obstacles);
    }

    [Fact]
    public void Judge_NoKvm_SaysWhatThereIs()
    {
        Stands(
            Judge(Host("b") with { Engines = [new FleetEngine("9.2.1", ["tcg"], [])] }, Request()),
            Obstacle.Accelerator,
            "no guest has answered on kvm there, only on tcg");
        Stands(Judge(Host("b") with { Engines = [] }, Request()), Obstacle.Accelerator, "has no engine");
    }

    [Fact]
    public void Judge_Selector_SaysEachThatDoesNotHold()
    {
        var terms = new PlacementTerms(
            [
                new LabelRequirement("rack", LabelOperator.In, "r2", "r3"),
                new LabelRequirement("zone", LabelOperator.Exists),
                new LabelRequirement("old", LabelOperator.DoesNotExist),
                new LabelRequirement("rack", LabelOperator.NotIn, "r1"),
                new LabelRequirement("none", LabelOperator.NotIn, "x"),
            ],
            []);
        var request = Request() with { Guest = Guest("g") with { HostId = "a", Placement = terms } };
        Stands(
            Judge(Labelled("b", ("rack", "r1"), ("old", "yes")), request),
            Obstacle.HostSelector,
            "label rack must be one of r2, r3, it is r1; label zone must be there; label old must not be there, it is yes; "
            + "label rack must not be r1, it is r1");
        Assert.Empty(Judge(Labelled("b", ("rack", "r2"), ("zone", "z")), request).Obstacles);
    }

    [Fact]
    public void Judge_FailedThereLately_SaysUntilWhen()
    {
        var request = Request() with { RecentFailures = [new FailedMove("b", s_at.AddSeconds(-40), s_at.AddSeconds(260))] };
        Stands(Judge(Host("b"), request), Obstacle.RecentFailure, "a move of the guest there failed at 2026-01-01 11:59:20Z; not again before 2026-01-01 12:04:20Z");
        Assert.Empty(Judge(Host("b"), request with { RecentFailures = [new FailedMove("b", s_at.AddSeconds(-400), s_at)] }).Obstacles);
        Assert.Empty(Judge(Host("c"), request).Obstacles);
    }

    [Fact]
    public void Judge_Device_NeedsAFreeOneWhoseDriverIsNotOlder()
    {
        var need = new DeviceNeed("nic0", "/sys/a", "15b3:101e", "mlx5_vfio_pci", "5.2");
        var request = Request() with { Guest = Guest("g") with { HostId = "a", Devices = [need] } };
        var host = Host("b") with
        {
            Devices =
            [
                new FleetDevice("/sys/1", "15b3:101e", "mlx5_vfio_pci", "5.1", 1),
                new FleetDevice("/sys/2", "15b3:101e", "mlx5_vfio_pci", "5.3", 1, "somebody"),
                new FleetDevice("/sys/3", "15b3:101e", "mlx5_vfio_pci", "5.3", 2),
                new FleetDevice("/sys/4", "8086:1889", "mlx5_vfio_pci", "5.3", 1),
            ],
        };
        Stands(
            Judge(host, request),
            Obstacle.Device,
            "device nic0 needs a 15b3:101e with mlx5_vfio_pci 5.2 or newer that can migrate: 3 of that kind, 1 with such a driver, 0 of them free");
        Assert.Empty(Judge(host with { Devices = [host.Devices[1] with { GuestId = "" }] }, request).Obstacles);
        Assert.Empty(Judge(host with { Devices = [host.Devices[2] with { MigrationFlags = 0 }] }, request).Obstacles);
        Assert.Single(Judge(
            host with { Devices = [new FleetDevice("/sys/5", "15b3:101e", "vfio-pci")] },
            request with { Guest = request.Guest with { Devices = [need with { Driver = "" }] } }).Obstacles);
        Stands(
            Judge(host, request with { Guest = request.Guest with { Devices = [need with { Kind = "" }] } }),
            Obstacle.Device,
            "nobody knows what could stand in for device nic0: the guest's host does not list /sys/a");
    }

    [Fact]
    public void Reserve_LastDevice_IsTakenUntilReleased()
    {
        var need = new DeviceNeed("nic0", "/sys/a", "15b3:101e");
        var guest = Guest("g") with { HostId = "a", Devices = [need] };
        var host = Host("b") with { Devices = [new FleetDevice("/sys/1", "15b3:101e", "mlx5_vfio_pci", "5.1", 1)] };
        var ledger = FleetLedger.Of(new FleetSnapshot(s_at, [s_source, host], [guest, guest with { GuestId = "other" }]));
        var other = Request() with { Guest = guest with { GuestId = "other" } };
        ledger.Reserve(guest, "b");
        Assert.Equal(Obstacle.Device, PlacementPolicy.FirstObstacle(ledger, other, "b"));
        Assert.Null(PlacementPolicy.FirstObstacle(ledger, Request() with { Guest = guest }, "b"));
        ledger.Release("g");
        Assert.Null(PlacementPolicy.FirstObstacle(ledger, other, "b"));
        ledger.Reserve(guest, "b");
        ledger.Arrive("g");
        Assert.Equal(Obstacle.Device, PlacementPolicy.FirstObstacle(ledger, other, "b"));
        ledger.Remove("g");
        Assert.Null(PlacementPolicy.FirstObstacle(ledger, other, "b"));
    }

    [Fact]
    public void Judge_AntiAffinity_CountsThoseOnTheirWayToo()
    {
        var request = With(new AffinityTerm(new Dictionary<string, string> { ["app"] = "web" }, "rack", Anti: true, Required: true));
        var web = Guest("w") with { Labels = new Dictionary<string, string> { ["app"] = "web" }, HostId = "a", TargetHostId = "c" };
        Stands(Judge(Labelled("b", ("rack", "r1")), request, web), Obstacle.AntiAffinity, "1 guest with app=web in rack=r1");
        Assert.Empty(Judge(Labelled("b", ("rack", "r2")), request, web).Obstacles);
    }

    [Fact]
    public void Judge_SomebodyKeepsAwayFromThisGuest_IsRespected()
    {
        var shy = Guest("s") with
        {
            HostId = "b",
            Placement = new PlacementTerms([], [new AffinityTerm(new Dictionary<string, string> { ["app"] = "web" }, "", Anti: true, Required: true)]),
        };
        var request = Request() with { Guest = Guest("g") with { HostId = "a", Labels = new Dictionary<string, string> { ["app"] = "web" } } };
        Stands(
            Judge(Host("b"), request, shy), Obstacle.AntiAffinity, "1 guest in host b to be kept apart from guests with app=web");
    }

    [Fact]
    public void Judge_Affinity_UnlessThereIsNoneAnywhere()
    {
        var request = With(new AffinityTerm(new Dictionary<string, string> { ["app"] = "db" }, "", Anti: false, Required: true));
        var db = Guest("d") with { Labels = new Dictionary<string, string> { ["app"] = "db" }, HostId = "a" };
        Stands(Judge(Host("b"), request, db), Obstacle.Affinity, "no guest with app=db is in host b, 1 guest elsewhere");
        Assert.Empty(Judge(Host("b"), request, db with { TargetHostId = "b" }).Obstacles);
        Assert.Empty(Judge(Host("b"), request).Obstacles);
    }

    [Fact]
    public void Judge_GuestMeetsItsOwnTerms_DoesNotCountItself()
    {
        var labels = new Dictionary<string, string> { ["app"] = "web" };
        var apart = With(new AffinityTerm(labels, "", Anti: true, Required: true));
        var together = With(new AffinityTerm(labels, "", Anti: false, Required: true));
        foreach (var request in new[] { apart, together })
        {
            var self = request.Guest with { Labels = labels, TargetHostId = "b" };
            Assert.Empty(Judge(Host("b"), request with { Guest = self }, self).Obstacles);
        }
    }

    [Fact]
    public void Choose_SoftTerms_DecideBetweenEquals()
    {
        var web = Guest("w") with { Labels = new Dictionary<string, string> { ["app"] = "web" }, HostId = "c", Memory = DataSize.FromMebibytes(16) };
        var fleet = FleetLedger.Of(new FleetSnapshot(s_at, [s_source, Host("b"), Host("c")], [web]));
        Assert.Equal("c", PlacementPolicy.Choose(fleet, With(new AffinityTerm(web.Labels, "", Anti: false, Required: false))).HostId);
        Assert.Equal("b", PlacementPolicy.Choose(fleet, With(new AffinityTerm(web.Labels, "", Anti: true, Required: false))).HostId);
    }

    [Fact]
    public void Choose_BusyLink_IsAvoided()
    {
        var moving = Guest("m") with { HostId = "a", TargetHostId = "b", Memory = DataSize.FromMebibytes(16), Vcpus = 1 };
        var fleet = FleetLedger.Of(new FleetSnapshot(s_at, [s_source, Host("b"), Host("c")], [moving]));
        Assert.Equal("c", PlacementPolicy.Choose(fleet, Request()).HostId);
    }

    [Fact]
    public void Choose_NoHost_CountsEachUnderItsFirstObstacle()
    {
        var fleet = FleetLedger.Of(new FleetSnapshot(
            s_at, [s_source, Host("b") with { Cordoned = true, MemoryAllocatable = DataSize.Zero }, Host("c") with { MemoryAllocatable = DataSize.Zero }], []));
        var choice = PlacementPolicy.Choose(fleet, Request());
        Assert.Null(choice.HostId);
        Assert.Equal(
            [new ObstacleCount(Obstacle.IsSource, 1), new ObstacleCount(Obstacle.Cordoned, 1), new ObstacleCount(Obstacle.Memory, 1)], choice.Tally.Counts);
    }

    private static void Stands(Verdict verdict, Obstacle obstacle, string message) =>
        Assert.Equal([new ObstacleFound(obstacle, message)], verdict.Obstacles);

    private static Verdict Judge(FleetHost host, PlacementRequest request, params FleetGuest[] guests)
    {
        FleetHost[] others = [s_source, Labelled("c", ("rack", "r1"))];
        return PlacementPolicy.Judge(
            FleetLedger.Of(new FleetSnapshot(s_at, [host, .. others.Where(other => other.HostId != host.HostId)], guests)), request, host.HostId);
    }

    private static PlacementRequest With(AffinityTerm term) =>
        Request() with { Guest = Guest("g") with { HostId = "a", Placement = new PlacementTerms([], [term]) } };

    private static PlacementRequest Request(Func<MachineNeeds, MachineNeeds>? change = null)
    {
        var machine = new MachineNeeds { MachineType = "pc-q35-9.2", CpuModel = "qemu64", Accelerator = "kvm" };
        return new PlacementRequest(Guest("g") with { HostId = "a" }, change?.Invoke(machine) ?? machine);
    }

    private static FleetGuest Guest(string guestId) => new() { GuestId = guestId, Memory = DataSize.FromGibibytes(8), Vcpus = 4 };

    private static FleetHost Labelled(string hostId, params (string Key, string Value)[] labels) =>
        Host(hostId) with { Labels = labels.ToDictionary(label => label.Key, label => label.Value) };

    private static FleetHost Host(string hostId, string version = "9.2.1") => new()
    {
        HostId = hostId,
        Condition = HostCondition.Connected,
        MemoryAllocatable = DataSize.FromGibibytes(64),
        VcpusAllocatable = 32,
        LinkSpeed = new DataRate(3_125_000_000),
        Engines = [new FleetEngine(version, ["kvm", "tcg"], [])],
    };
}
