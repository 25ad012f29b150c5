using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using Orchestrator.Rpc.Errors;
using Orchestrator.V1;
using static Orchestrator.Scenarios.Policies;

namespace Orchestrator.Scenarios;

/// <summary>Nonsense in every field: refused with all of them named, at once.</summary>
[Collection(FleetScenarios.Name)]
public class NonsenseScenarios(ScenarioFleet fleet)
{
    private const string NoName = "No Name!";
    private static readonly string s_long = new('x', 3000);
    private static readonly Duration s_noDuration = new() { Seconds = long.MaxValue, Nanos = -7 };

    private MigrationService.MigrationServiceClient Migrations => fleet.ControlPlane.Migrations;

    private GuestService.GuestServiceClient Guests => fleet.ControlPlane.Guests;

    private HostService.HostServiceClient Hosts => fleet.ControlPlane.Hosts;

    private PolicyService.PolicyServiceClient Policies => fleet.ControlPlane.Policies;

    [Fact]
    public Task StartMigration() => NamesAsync(
        () => Migrations.StartMigrationAsync(new StartMigrationRequest
        {
            MigrationId = "x",
            GuestId = NoName,
            TargetHostId = NoName,
            Policy = NoName,
            PolicyRevision = uint.MaxValue,
            MaxDowntime = s_noDuration,
            Deadline = s_noDuration,
            Mode = (MigrationMode)77,
            MaxBytesPerSecond = ulong.MaxValue,
            RequestedBy = s_long,
            PriorityClass = s_long,
            NotBefore = new Timestamp { Seconds = long.MaxValue, Nanos = -7 },
            Notice = new NoticeTerms { LeadTime = s_noDuration, WebhookUrl = s_long },
        }).ResponseAsync,
        "migration_id", "guest_id", "target_host_id", "policy", "policy_revision", "max_downtime", "deadline", "mode", "max_bytes_per_second",
        "requested_by", "priority_class", "not_before", "notice.lead_time", "notice.webhook_url");

    [Fact]
    public Task AdjustMigration() => NamesAsync(
        () => Migrations.AdjustMigrationAsync(new AdjustMigrationRequest { MigrationId = "x", RequestId = "y" }).ResponseAsync,
        "migration_id", "request_id", "change");

    [Fact]
    public async Task AdjustMigration_EachChange()
    {
        await NamesAsync(() => Adjust(request => request.PauseNow = s_noDuration), "pause_now");
        await NamesAsync(() => Adjust(request => request.RaiseLimit = new Duration { Seconds = -1 }), "raise_limit");
        await NamesAsync(() => Adjust(request => request.SetBandwidth = ulong.MaxValue), "set_bandwidth");
        await NamesAsync(
            () => Adjust(request => request.SwitchPolicy = new SwitchPolicy { Policy = NoName, Revision = uint.MaxValue }),
            "switch_policy.policy", "switch_policy.revision");

        Task<AdjustMigrationResponse> Adjust(Action<AdjustMigrationRequest> change)
        {
            var request = new AdjustMigrationRequest { MigrationId = Guid.NewGuid().ToString(), RequestId = Guid.NewGuid().ToString() };
            change(request);
            return Migrations.AdjustMigrationAsync(request).ResponseAsync;
        }
    }

    [Fact]
    public Task CancelMigration() => NamesAsync(
        () => Migrations.CancelMigrationAsync(new CancelMigrationRequest { MigrationId = "", Reason = s_long }).ResponseAsync,
        "migration_id", "reason");

    [Fact]
    public async Task MigrationQueries()
    {
        await NamesAsync(() => Migrations.GetMigrationAsync(new GetMigrationRequest { MigrationId = "x" }).ResponseAsync, "migration_id");
        await NamesAsync(
            () => Migrations.ListMigrationsAsync(new ListMigrationsRequest
            {
                Filter = new MigrationFilter { GuestId = NoName, HostId = NoName, Phases = { (MigrationPhase)99 } },
                PageSize = 5000,
                PageToken = "?",
            }).ResponseAsync,
            "filter.guest_id", "filter.host_id", "filter.phases", "page_size", "page_token");
        await NamesAsync(
            () => Migrations.ListDecisionsAsync(new ListDecisionsRequest { MigrationId = "x", PageSize = 5000, PageToken = "?" }).ResponseAsync,
            "migration_id", "page_size", "page_token");
        await NamesAsync(
            () => Migrations.ListReadingsAsync(new ListReadingsRequest { MigrationId = "x", PageSize = 9000, PageToken = "?" }).ResponseAsync,
            "migration_id", "page_size", "page_token");
        await NamesAsync(
            () => FirstAsync(Migrations.WatchMigration(new WatchMigrationRequest { MigrationId = "x" }).ResponseStream), "migration_id");
        await NamesAsync(
            () => FirstAsync(Migrations.WatchMigrations(new WatchMigrationsRequest
            {
                Filter = new MigrationFilter { GuestId = NoName, HostId = NoName, Phases = { (MigrationPhase)99 } },
            }).ResponseStream),
            "filter.guest_id", "filter.host_id", "filter.phases");
    }

    [Fact]
    public Task DefineGuest() => NamesAsync(
        () => Guests.DefineGuestAsync(new DefineGuestRequest
        {
            GuestId = NoName,
            Spec = new MachineSpec
            {
                MemoryBytes = 17,
                Vcpus = 5000,
                MachineType = "q35,accel=kvm",
                CpuModel = s_long,
                Accelerator = (Accelerator)9,
                BootGuest = new V1.BootGuest { WorkingSetBytes = ulong.MaxValue, DirtyBytesPerSecond = ulong.MaxValue, FillBytes = ulong.MaxValue, HeartbeatsPerSecond = 5000 },
                Disks = { new Disk { Path = "relative", Format = "vmdk" } },
                NetworkInterfaces = { new NetworkInterface { Tap = s_long, MacAddress = "x" } },
                VfioDevices = { new VfioDevice { DeviceId = "No!", SysfsPath = "/etc/passwd" } },
            },
        }).ResponseAsync,
        "guest_id", "spec.memory_bytes", "spec.vcpus", "spec.machine_type", "spec.cpu_model", "spec.accelerator", "spec.boot_guest.working_set_bytes",
        "spec.boot_guest.dirty_bytes_per_second", "spec.boot_guest.fill_bytes", "spec.boot_guest.heartbeats_per_second", "spec.disks[0].path",
        "spec.disks[0].format", "spec.network_interfaces[0].tap", "spec.network_interfaces[0].mac_address", "spec.vfio_devices[0].device_id",
        "spec.vfio_devices[0].sysfs_path");

    [Fact]
    public async Task OtherGuestRequests()
    {
        await NamesAsync(() => Guests.DefineGuestAsync(new DefineGuestRequest { GuestId = "a" }).ResponseAsync, "spec");
        await NamesAsync(
            () => Guests.DefineGuestAsync(new DefineGuestRequest
            {
                GuestId = "a",
                Spec = new MachineSpec { MemoryBytes = 64 << 20, Kernel = new DirectKernel { Path = "x", InitrdPath = "y", CommandLine = s_long } },
            }).ResponseAsync,
            "spec.kernel.path", "spec.kernel.initrd_path", "spec.kernel.command_line");
        await NamesAsync(() => Guests.StartGuestAsync(new StartGuestRequest { GuestId = NoName, HostId = NoName }).ResponseAsync, "guest_id", "host_id");
        await NamesAsync(() => Guests.StopGuestAsync(new StopGuestRequest { GuestId = NoName, Grace = s_noDuration }).ResponseAsync, "guest_id", "grace");
        await NamesAsync(() => Guests.PauseGuestAsync(new PauseGuestRequest { GuestId = NoName }).ResponseAsync, "guest_id");
        await NamesAsync(() => Guests.ResumeGuestAsync(new ResumeGuestRequest { GuestId = NoName }).ResponseAsync, "guest_id");
        await NamesAsync(() => Guests.RemoveGuestAsync(new RemoveGuestRequest { GuestId = NoName }).ResponseAsync, "guest_id");
        await NamesAsync(() => Guests.GetGuestAsync(new GetGuestRequest { GuestId = NoName }).ResponseAsync, "guest_id");
        await NamesAsync(
            () => Guests.ListGuestsAsync(new ListGuestsRequest { HostId = NoName, PageSize = 5000, PageToken = "?" }).ResponseAsync,
            "host_id", "page_size", "page_token");
    }

    [Fact]
    public async Task HostRequests()
    {
        var request = new RegisterHostRequest { HostId = NoName, AgentEndpoint = "ftp://x" };
        for (var i = 0; i < 65; i++)
        {
            request.Labels[$"k{i}"] = i == 0 ? s_long : "v";
        }

        await NamesAsync(() => Hosts.RegisterHostAsync(request).ResponseAsync, "host_id", "agent_endpoint", "labels", "labels[k0]");
        await NamesAsync(() => Hosts.GetHostAsync(new GetHostRequest { HostId = NoName }).ResponseAsync, "host_id");
        await NamesAsync(() => Hosts.CordonHostAsync(new CordonHostRequest { HostId = NoName, Reason = s_long }).ResponseAsync, "host_id", "reason");
        await NamesAsync(() => Hosts.UncordonHostAsync(new UncordonHostRequest { HostId = NoName }).ResponseAsync, "host_id");
        await NamesAsync(() => Hosts.RemoveHostAsync(new RemoveHostRequest { HostId = NoName }).ResponseAsync, "host_id");
        await NamesAsync(() => Hosts.ListHostsAsync(new ListHostsRequest { PageSize = 5000, PageToken = "?" }).ResponseAsync, "page_size", "page_token");
    }

    [Fact]
    public async Task PolicyRequests()
    {
        await NamesAsync(
            () => Policies.CreatePolicyAsync(new CreatePolicyRequest { Name = NoName, Document = Rubbish() }).ResponseAsync,
            "name", "document.description", "document.initial_downtime", "document.max_downtime", "document.exponential.factor", "document.exponential.time",
            "document.steps[0].throttle.initial_percent", "document.steps[1].pause.max_pause", "document.stop.max_passes", "document.stop.max_transfer_factor");
        await NamesAsync(() => Policies.CreatePolicyAsync(new CreatePolicyRequest { Name = "a" }).ResponseAsync, "document.steps");
        await NamesAsync(
            () => Policies.UpdatePolicyAsync(
                new UpdatePolicyRequest { Name = NoName, Document = Rubbish(), ExpectedRevision = uint.MaxValue }).ResponseAsync,
            "name", "document.max_downtime", "expected_revision");
        await NamesAsync(
            () => Policies.GetPolicyAsync(new GetPolicyRequest { Name = NoName, Revision = uint.MaxValue }).ResponseAsync, "name", "revision");
        await NamesAsync(() => Policies.DeletePolicyAsync(new DeletePolicyRequest { Name = NoName }).ResponseAsync, "name");
        await NamesAsync(() => Policies.ListPoliciesAsync(new ListPoliciesRequest { PageSize = 5000, PageToken = "?" }).ResponseAsync, "page_size", "page_token");
        await NamesAsync(
            () => Policies.ListPolicyRevisionsAsync(new ListPolicyRevisionsRequest { Name = NoName, PageSize = 5000, PageToken = "?" }).ResponseAsync,
            "name", "page_size", "page_token");
        var violations = (await Policies.ValidatePolicyAsync(new ValidatePolicyRequest { Document = Rubbish() })).Violations;
        Assert.Contains(violations, violation => violation.Field == "steps[1].pause.max_pause");
    }

    [Fact]
    public async Task PolicyDocument_EachKindOfPacingStepAndTrigger()
    {
        await NamesAsync(
            () => Policies.CreatePolicyAsync(new CreatePolicyRequest { Name = "a", Document = Rungs() }).ResponseAsync,
            "document.ladder.rungs[0].passes", "document.ladder.rungs[1].limit", "document.ladder.rungs[1].time",
            "document.ladder.rungs[2].time_per_gib", "document.ladder.rungs[3].stalled_rounds", "document.ladder.rungs[4].after",
            "document.steps[1].post_copy.max_bytes_per_second", "document.stop.max_total_time", "document.stop.max_total_time_per_gib",
            "document.bandwidth.max_bytes_per_second", "document.bandwidth.switchover_bytes_per_second", "document.free_page_hint");
        await NamesAsync(
            () => Policies.CreatePolicyAsync(new CreatePolicyRequest { Name = "a", Document = Triggers() }).ResponseAsync,
            "document.exponential.start_after", "document.exponential.stalled_rounds", "document.steps[1].throttle.increment_percent",
            "document.steps[1].throttle.max_percent", "document.steps[1].when[0].stalled.rounds", "document.steps[1].when[0].stalled.min_improvement",
            "document.steps[1].when[1].passes_above", "document.steps[1].when[2].transferred_above_ram_times", "document.steps[1].when[3].elapsed_above",
            "document.steps[1].when[4].elapsed_above_per_gib", "document.steps[1].when[5].no_progress_for", "document.steps[1].when[6].limit_exhausted.for",
            "document.steps[1].when[7].condition", "document.steps[2].action");
    }

    [Fact]
    public async Task MessageBeyondAllBounds_IsRefusedAndTheServerLives()
    {
        var huge = new CordonHostRequest { HostId = "host-a", Reason = new string('x', 5 << 20) };
        var refused = await Assert.ThrowsAsync<RpcException>(async () => await Hosts.CordonHostAsync(huge));
        Assert.Equal(StatusCode.ResourceExhausted, refused.StatusCode);
        Assert.NotNull((await Hosts.GetHostAsync(new GetHostRequest { HostId = "host-a" })).Host);
    }

    private static PolicyDocument Rubbish() => new()
    {
        Description = s_long,
        InitialDowntime = s_noDuration,
        MaxDowntime = new Duration { Seconds = 5_000_000 },
        Exponential = new ExponentialPacing { Factor = double.NaN, Time = new Duration { Nanos = 1 } },
        Steps =
        {
            new LadderStep { Throttle = new Throttle { InitialPercent = 500 }, When = { new Trigger() } },
            new LadderStep { Pause = new Pause(), When = { new Trigger { PassesAbove = 1 } } },
        },
        Stop = new StopConditions { MaxPasses = uint.MaxValue, MaxTransferFactor = double.NegativeInfinity },
    };

    private static PolicyDocument Rungs() => new()
    {
        InitialDowntime = Milliseconds(30),
        MaxDowntime = Seconds(1),
        Ladder = new LadderPacing
        {
            Rungs =
            {
                new Rung { Limit = Milliseconds(100), Passes = uint.MaxValue },
                new Rung { Limit = Milliseconds(90), Time = s_noDuration },
                new Rung { Limit = Milliseconds(200), TimePerGib = s_noDuration },
                new Rung { Limit = Milliseconds(300), StalledRounds = uint.MaxValue },
                new Rung { Limit = Milliseconds(400) },
            },
        },
        Steps =
        {
            Raise(),
            new LadderStep { PostCopy = new PostCopy { MaxBytesPerSecond = ulong.MaxValue }, When = { Stalled() } },
        },
        Stop = new StopConditions { MaxTotalTime = s_noDuration, MaxTotalTimePerGib = s_noDuration },
        Bandwidth = new BandwidthTerms { MaxBytesPerSecond = ulong.MaxValue, SwitchoverBytesPerSecond = ulong.MaxValue },
        FreePageHint = true,
    };

    private static PolicyDocument Triggers() => new()
    {
        InitialDowntime = Milliseconds(30),
        MaxDowntime = Seconds(1),
        Exponential = new ExponentialPacing { Factor = 2, StalledRounds = uint.MaxValue, StartAfter = s_noDuration },
        Steps =
        {
            Raise(),
            new LadderStep
            {
                Throttle = new Throttle { IncrementPercent = 500, MaxPercent = 500 },
                When =
                {
                    new Trigger { Stalled = new Stalled { Rounds = uint.MaxValue, MinImprovement = 7 } },
                    new Trigger { PassesAbove = uint.MaxValue },
                    new Trigger { TransferredAboveRamTimes = double.NaN },
                    new Trigger { ElapsedAbove = s_noDuration },
                    new Trigger { ElapsedAbovePerGib = s_noDuration },
                    new Trigger { NoProgressFor = s_noDuration },
                    new Trigger { LimitExhausted = new LimitExhausted { For = s_noDuration } },
                    new Trigger(),
                },
            },
            new LadderStep { When = { Stalled() } },
        },
    };

    private static async Task NamesAsync<T>(Func<Task<T>> call, params IReadOnlyList<string> fields)
    {
        var refused = await Assert.ThrowsAsync<RpcException>(call);
        Assert.True(refused.StatusCode == StatusCode.InvalidArgument, refused.ToString());
        var named = Refusal.FindDetail<BadRequest>(refused)!.FieldViolations;
        Assert.Empty(fields.Except(named.Select(violation => violation.Field)));
        Assert.All(named, violation => Assert.NotEmpty(violation.Description));
    }

    private static async Task<T> FirstAsync<T>(IAsyncStreamReader<T> stream)
    {
        Assert.True(await stream.MoveNext(CancellationToken.None));
        return stream.Current;
    }
}
