using Dapper;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Orchestrator.ControlPlane.Placement;
using Orchestrator.Policy.Placement;
using Orchestrator.V1;
using AffinityTerm = Orchestrator.V1.AffinityTerm;
using LabelOperator = Orchestrator.V1.LabelOperator;
using LabelRequirement = Orchestrator.V1.LabelRequirement;
using PlacementTerms = Orchestrator.V1.PlacementTerms;

namespace Orchestrator.ControlPlane.Tests.Placing;

/// <summary>Each test has hosts and labels of its own: the fleet of the class is one.</summary>
public sealed class ExplainPlacementTests(ControlPlaneFixture fleet) : IClassFixture<ControlPlaneFixture>
{
    private static readonly TimeSpan s_failureMemory = TimeSpan.FromMinutes(10);

    private AdmissionService.AdmissionServiceClient Admission => new(fleet.Channel);

    [Fact]
    public async Task Explain_RunningGuest_SourceIsNoCandidateAndTheOtherIs()
    {
        await using var source = await fleet.AddHostAsync();
        await using var target = await fleet.AddHostAsync();
        var guestId = await RunAsync(source.HostId);

        var verdicts = await ExplainAsync(guestId);

        Assert.Equal([PlacementObstacle.IsSource], Obstacles(verdicts, source.HostId));
        var candidate = verdicts.Single(verdict => verdict.HostId == target.HostId);
        Assert.Empty(candidate.Obstacles);
        Assert.Equal(["free-memory", "link", "spread", "affinity"], candidate.Parts.Select(part => part.Name));
        Assert.Equal(candidate.Score, candidate.Parts.Sum(part => part.Value * part.Weight), 1e-9);
        Assert.Equal(verdicts.OrderBy(verdict => verdict.Obstacles.Count > 0).Select(verdict => verdict.HostId), verdicts.Select(verdict => verdict.HostId));
    }

    [Fact]
    public async Task Explain_CordonAndSilence_AreObstacles()
    {
        await using var cordoned = await fleet.AddHostAsync();
        var silent = await fleet.AddHostAsync();
        await fleet.Hosts.CordonHostAsync(new CordonHostRequest { HostId = cordoned.HostId, Reason = "new kernel" });
        await silent.DisposeAsync();
        var guestId = await fleet.DefineGuestAsync();

        await Eventually.HoldsAsync(async () =>
            Obstacles(await ExplainAsync(guestId), silent.HostId).SequenceEqual([PlacementObstacle.NotConnected]));

        var verdict = (await ExplainAsync(guestId)).Single(verdict => verdict.HostId == cordoned.HostId);
        Assert.Equal(
            new HostObstacle { Obstacle = PlacementObstacle.Cordoned, Message = "is cordoned: new kernel" }, Assert.Single(verdict.Obstacles));
    }

    [Fact]
    public async Task Explain_TermsOfGuests_AreKept()
    {
        await using var one = await fleet.AddHostAsync();
        await using var other = await fleet.AddHostAsync();
        await fleet.Hosts.RegisterHostAsync(
            new RegisterHostRequest { HostId = one.HostId, AgentEndpoint = one.Endpoint, Labels = { ["disk"] = "ssd" } });
        var app = ControlPlaneFixture.NewId("app");
        await RunAsync(one.HostId, guest => guest.Labels["app"] = app);
        var selecting = await DefineAsync(guest => guest.Placement = new PlacementTerms
        {
            HostSelector = { new LabelRequirement { Key = "disk", Operator = LabelOperator.In, Values = { "ssd" } } },
        });
        var avoiding = await DefineAsync(guest => guest.Placement = new PlacementTerms
        {
            Affinity = { new AffinityTerm { GuestLabels = { ["app"] = app }, Anti = true, Required = true } },
        });

        var selected = await ExplainAsync(selecting);
        Assert.Empty(Obstacles(selected, one.HostId));
        Assert.Equal([PlacementObstacle.HostSelector], Obstacles(selected, other.HostId));
        var avoided = await ExplainAsync(avoiding);
        Assert.Equal([PlacementObstacle.AntiAffinity], Obstacles(avoided, one.HostId));
        Assert.Empty(Obstacles(avoided, other.HostId));
    }

    [Fact]
    public async Task Explain_GuestOnItsWayTo_TakesRoomThere()
    {
        await using var source = await fleet.AddHostAsync();
        await using var target = await fleet.AddHostAsync();
        var large = await RunAsync(source.HostId, guest => guest.Spec.MemoryBytes = 60UL << 30);
        var small = await RunAsync(source.HostId, guest => guest.Spec.MemoryBytes = 8UL << 30);
        Assert.Empty(Obstacles(await ExplainAsync(small), target.HostId));

        await ExecuteAsync(
            "UPDATE guests SET active_migration_id = @id, migration_target_host_id = @hostId WHERE guest_id = @large",
            new { id = Guid.NewGuid(), hostId = target.HostId, large });

        var verdict = (await ExplainAsync(small)).Single(verdict => verdict.HostId == target.HostId);
        Assert.Equal(
            new HostObstacle { Obstacle = PlacementObstacle.Memory, Message = "needs 8 GiB, 4 GiB of 64 GiB are free" },
            Assert.Single(verdict.Obstacles));

        // What is held for a guest does not stand in its own way.
        Assert.Empty(Obstacles(await ExplainAsync(large), target.HostId));
    }

    [Fact]
    public async Task Explain_UnknownGuestAndNonsense_AreRefused()
    {
        await Refused.WithAsync("GUEST_UNKNOWN", StatusCode.NotFound, () => ExplainAsync("nobody"));
        Assert.Equal(["guest_id"], await Refused.FieldsAsync(() => ExplainAsync("Not A Name")));
    }

    [Fact]
    public async Task Read_Fleet_HasWhatPlacementNeeds()
    {
        await using var source = await fleet.AddHostAsync();
        await using var target = await fleet.AddHostAsync();
        await ExecuteAsync(
            "UPDATE hosts SET description = description || @description::jsonb WHERE host_id = @hostId",
            new
            {
                hostId = source.HostId,
                description = """
                    {"memoryAllocatableBytes": "1073741824", "vcpusAllocatable": 24, "cpuFlags": ["sse2", "avx"],
                     "links": [{"name": "eth0", "bytesPerSecond": "1"}, {"name": "eth1", "bytesPerSecond": "3125000000", "carriesMigrations": true}],
                     "devices": [{"sysfsPath": "/sys/bus/pci/devices/0000:01:00.0", "kind": "15b3:101e", "driver": "mlx5_vfio_pci"}]}
                    """,
            });
        var guestId = await RunAsync(source.HostId, guest =>
        {
            guest.Spec.CpuModel = "Haswell,+aes";
            guest.Spec.VfioDevices.Add(new VfioDevice { DeviceId = "nic0", SysfsPath = "/sys/bus/pci/devices/0000:01:00.0" });
        });

        var store = fleet.Services.GetRequiredService<FleetStore>();
        var reading = await store.ReadAsync(s_failureMemory, "", CancellationToken.None);

        var host = reading.Snapshot.Hosts.Single(host => host.HostId == source.HostId);
        Assert.Equal((1L << 30, 24, 3_125_000_000L), (host.MemoryAllocatable.Bytes, host.VcpusAllocatable, host.LinkSpeed.BytesPerSecond));
        Assert.Equal(["sse2", "avx"], host.CpuFlags);
        Assert.Equal(HostCondition.Connected, host.Condition);
        var other = reading.Snapshot.Hosts.Single(host => host.HostId == target.HostId);
        Assert.Equal((64L << 30, 8), (other.MemoryAllocatable.Bytes, other.VcpusAllocatable));
        var request = reading.RequestFor(guestId)!;
        Assert.Equal((512L << 20, 2, source.HostId, null), (request.Guest.Memory.Bytes, request.Guest.Vcpus, request.Guest.HostId, request.Guest.TargetHostId));
        Assert.Equal(
            new MachineNeeds { MachineType = "pc-q35-7.2", CpuModel = "Haswell,+aes", Accelerator = "tcg", EngineVersion = "7.2.22" }, request.Machine);
        Assert.Equal(
            [new DeviceNeed("nic0", "/sys/bus/pci/devices/0000:01:00.0", "15b3:101e", "mlx5_vfio_pci")], request.Guest.Devices);
        Assert.Null(reading.RequestFor("nobody"));

        // A description that stays is not parsed again, and one that changes is.
        var again = await store.ReadAsync(s_failureMemory, "", CancellationToken.None);
        Assert.Same(host.CpuFlags, again.Snapshot.Hosts.Single(host => host.HostId == source.HostId).CpuFlags);
        await ExecuteAsync(
            """UPDATE hosts SET description = description || '{"cpuFlags": ["lm"]}' WHERE host_id = @hostId""", new { hostId = source.HostId });
        var changed = await store.ReadAsync(s_failureMemory, "", CancellationToken.None);
        Assert.Equal(["lm"], changed.Snapshot.Hosts.Single(host => host.HostId == source.HostId).CpuFlags);
    }

    private static IEnumerable<PlacementObstacle> Obstacles(IReadOnlyList<HostVerdict> verdicts, string hostId) =>
        verdicts.Single(verdict => verdict.HostId == hostId).Obstacles.Select(found => found.Obstacle);

    private async Task<IReadOnlyList<HostVerdict>> ExplainAsync(string guestId) =>
        (await Admission.ExplainPlacementAsync(new ExplainPlacementRequest { GuestId = guestId })).Hosts;

    private async Task<string> RunAsync(string hostId, Action<DefineGuestRequest>? change = null)
    {
        var guestId = await DefineAsync(change ?? (_ => { }));
        await fleet.Guests.StartGuestAsync(new StartGuestRequest { GuestId = guestId, HostId = hostId });
        return guestId;
    }

    private async Task<string> DefineAsync(Action<DefineGuestRequest> change)
    {
        var request = new DefineGuestRequest { GuestId = ControlPlaneFixture.NewId("guest"), Spec = Sample.Spec() };
        change(request);
        await fleet.Guests.DefineGuestAsync(request);
        return request.GuestId;
    }

    private async Task ExecuteAsync(string sql, object parameters)
    {
        await using var connection = new NpgsqlConnection(fleet.ConnectionString);
        await connection.OpenAsync();
        await connection.ExecuteAsync(new CommandDefinition(sql, parameters));
    }
}
