using System.Collections.Concurrent;
using Dapper;
using Google.Protobuf.WellKnownTypes;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Npgsql;
using Orchestrator.ControlPlane.Database;
using Orchestrator.ControlPlane.Database.Notifications;
using Orchestrator.ControlPlane.Guests;
using Orchestrator.ControlPlane.Hosts;
using Orchestrator.ControlPlane.Migrations;
using Orchestrator.ControlPlane.Migrations.Admission;
using Orchestrator.ControlPlane.Migrations.Calibration;
using Orchestrator.ControlPlane.Migrations.Ledger;
using Orchestrator.ControlPlane.Migrations.Replaying;
using Orchestrator.ControlPlane.Migrations.Supervision;
using Orchestrator.ControlPlane.Migrations.Watching;
using Orchestrator.ControlPlane.Migrations.Wishes;
using Orchestrator.ControlPlane.Placement;
using Orchestrator.ControlPlane.Policies;
using Orchestrator.ControlPlane.Queue;
using Orchestrator.ControlPlane.Replicas;
using Orchestrator.PolicyMessages;
using Orchestrator.V1;
using Migration = Orchestrator.ControlPlane.Migrations.Migration;

namespace Orchestrator.ControlPlane.Tests.Migrations;

/// <summary>
/// A control plane's migrations on a real database, with scripted agents and a clock the test moves. A second one on the same database is
/// the same control plane after a restart.
/// </summary>
internal sealed class Fleet : IAsyncDisposable
{
    public const ulong Memory = 1024UL * 1024 * 1024;

    private static readonly TimeSpan s_bound = TimeSpan.FromSeconds(60);

    private readonly ConcurrentQueue<Exception> _failures = new();
    private readonly Dispatcher _dispatcher;
    private readonly SlotCourier _courier;
    private readonly CancellationTokenSource _dispatching = new();
    private Task _rounds = Task.CompletedTask;

    /// <param name="lease">Long by default: a busy machine is not to cost a test its lease.</param>
    public Fleet(
        NpgsqlDataSource database, PlayedAgents? agents = null, MovedClock? clock = null, TimeSpan? retryFor = null, TimeSpan? lease = null,
        TimeSpan? wishWithin = null)
    {
        Database = database;
        Agents = agents ?? new PlayedAgents();
        Clock = clock ?? new MovedClock();
        var options = Options.Create(new MigrationOptions
        {
            ReadingsEvery = TimeSpan.FromMilliseconds(10),
            WishWithin = wishWithin ?? TimeSpan.FromSeconds(60),
        });
        var gate = new DatabaseGate(
            database,
            Options.Create(new DatabaseOptions { RetryFor = retryFor ?? TimeSpan.FromSeconds(30) }),
            TimeProvider.System,
            NullLogger<DatabaseGate>.Instance);
        Guests = new GuestStore(gate);
        Hosts = new HostStore(gate);
        Policies = new PolicyStore(gate);
        Migrations = new MigrationStore(gate);
        Claims = new MigrationClaims(gate);
        Replicas = new ReplicaStore(gate);
        var term = lease ?? TimeSpan.FromSeconds(60);
        Lease = new ReplicaLease(
            new ReplicaIdentity(Guid.NewGuid(), "test", () => "http://127.0.0.1:7443"),
            database,
            Options.Create(new ReplicaOptions { Lease = term, RenewEvery = term / 10, SweepEvery = TimeSpan.FromMilliseconds(50) }),
            TimeProvider.System,
            NullLogger<ReplicaLease>.Instance);
        Notifications = new NotificationListener(database, TimeProvider.System, NullLogger<NotificationListener>.Instance);
        Progress = new ProgressStore(gate);
        Calibrations = new CalibrationStore(gate);
        History = new MigrationHistory(gate);
        Feed = new MigrationFeed(options);
        Hindsight = new MigrationHindsight(
            new MigrationReplay(new ReplayLedger(Migrations, History, Progress, options, Clock), Policies), Calibrations);
        Readings = new ReadingWriter(new ReadingStore(gate), options, TimeProvider.System, NullLogger<ReadingWriter>.Instance);
        Edges = new SupervisionEdges
        {
            Store = Progress,
            History = History,
            Readings = Readings,
            Feed = Feed,
            Conditions = new ConditionsReader(Calibrations, Hosts),
            Agents = new LeasedCalls(Agents, Lease),
            Lease = Lease,
            Beat = new SupervisionBeat(Clock, options.Value),
            Faults = new FaultPoint(Options.Create(new FaultOptions())),
            Logger = new CollectingLogger<MigrationSupervisor>(_failures),
        };
        Supervisors = new MigrationSupervisors(Claims, Policies, Post, Edges, new CollectingLogger<MigrationSupervisors>(_failures));
        TakeOver = new MigrationTakeOver(Claims, Supervisors, Lease, Notifications, NullLogger<MigrationTakeOver>.Instance);
        Sources = new WatchSources(Migrations, History, Feed);
        Follower = new RemoteFollower(Sources, Supervisors, Notifications, TimeProvider.System, NullLogger<RemoteFollower>.Instance);
        var post = new WishPost(new WishStore(gate), new WishReader(Policies));
        Desk = new WishDesk(post, Supervisors, Notifications, TimeProvider.System, NullLogger<WishDesk>.Instance);
        Limits = new LimitsStore(gate);
        Slots = new SlotStore(gate);
        var reader = new QueueReader(new FleetStore(gate, Agents, Clock), Clock);
        Round = new AdmissionRound(gate, reader);
        Standings = new QueueStandings(gate, Limits, reader, Clock);
        _dispatcher = new Dispatcher(
            Round,
            new NamedLeases(new LeaseStore(gate), Lease, TimeProvider.System, NullLogger<NamedLeases>.Instance),
            Notifications,
            new CollectingLogger<Dispatcher>(_failures));
        _courier = new SlotCourier(Slots, Supervisors, Notifications, new CollectingLogger<SlotCourier>(_failures));
        var facts = new AdmissionFacts(Guests, Hosts, Policies, Limits, Options.Create(new DefaultPolicyOptions()));
        Admission = new MigrationAdmission(facts, Migrations, Clock);
        Wishes = new MigrationWishes(
            Sources,
            facts,
            Supervisors,
            new WishErrand(post, Desk, Migrations, options, TimeProvider.System),
            new QueueExit(Slots, Migrations, Clock));
    }

    /// <summary>For tests of the stores: nothing runs.</summary>
    public static Fleet Idle(NpgsqlDataSource database, PlayedAgents? agents = null, MovedClock? clock = null) => new(database, agents, clock);

    public NpgsqlDataSource Database { get; }

    public PlayedAgents Agents { get; }

    public MovedClock Clock { get; }

    public GuestStore Guests { get; }

    public HostStore Hosts { get; }

    public PolicyStore Policies { get; }

    public MigrationStore Migrations { get; }

    public ProgressStore Progress { get; }

    public MigrationHistory History { get; }

    public CalibrationStore Calibrations { get; }

    public MigrationHindsight Hindsight { get; }

    public MigrationFeed Feed { get; }

    public ReadingWriter Readings { get; }

    public SupervisionEdges Edges { get; }

    public MigrationPost Post { get; } = new();

    public MigrationSupervisors Supervisors { get; }

    public MigrationClaims Claims { get; }

    public ReplicaStore Replicas { get; }

    public ReplicaLease Lease { get; }

    public NotificationListener Notifications { get; }

    public MigrationTakeOver TakeOver { get; }

    public LimitsStore Limits { get; }

    public SlotStore Slots { get; }

    public AdmissionRound Round { get; }

    public QueueStandings Standings { get; }

    public WatchSources Sources { get; }

    public RemoteFollower Follower { get; }

    public WishDesk Desk { get; }

    public MigrationAdmission Admission { get; }

    public MigrationWishes Wishes { get; }

    /// <summary>What is started here is let through and commanded here, without the queue: for tests of several replicas.</summary>
    public bool BeginsHere { get; private set; }

    /// <param name="dispatch">False: rounds are the test's own.</param>
    /// <param name="beginHere">Nobody waits in the queue, and whoever is asked to start a migration commands it.</param>
    public async Task<Fleet> StartAsync(bool dispatch = true, bool beginHere = false)
    {
        BeginsHere = beginHere;
        await Lease.BeginAsync(CancellationToken.None);
        await Notifications.StartAsync(CancellationToken.None);
        await Readings.StartAsync(CancellationToken.None);
        await Follower.StartAsync(CancellationToken.None);
        await Desk.StartAsync(CancellationToken.None);
        await TakeOver.StartAsync(CancellationToken.None);
        await _courier.StartAsync(CancellationToken.None);
        if (dispatch && !beginHere)
        {
            // Without the lease: several fleets on one database all dispatch, which must do no harm either.
            _rounds = Task.Run(() => _dispatcher.ServeAsync(_dispatching.Token));
        }

        return this;
    }

    public async ValueTask DisposeAsync()
    {
        await _dispatching.CancelAsync();
        await _rounds;
        await _courier.StopAsync(CancellationToken.None);
        await TakeOver.StopAsync(CancellationToken.None);
        await Desk.StopAsync(CancellationToken.None);
        await Follower.StopAsync(CancellationToken.None);
        await Readings.StopAsync(CancellationToken.None);
        await Notifications.StopAsync(CancellationToken.None);
        await Lease.EndAsync();
        await Replicas.EndAsync(Lease.ReplicaId, CancellationToken.None);
        TakeOver.Dispose();
        _dispatcher.Dispose();
        _courier.Dispose();
        Standings.Dispose();
        _dispatching.Dispose();
        Desk.Dispose();
        Follower.Dispose();
        Readings.Dispose();
        Notifications.Dispose();
        await Lease.DisposeAsync();
        Assert.Empty(_failures);
    }

    /// <summary>Two hosts and a guest on the first, each new.</summary>
    public async Task<Move> AddGuestAsync(bool paused = false, bool vfio = false)
    {
        var tag = Guid.NewGuid().ToString("N")[..12];
        var move = new Move(this, $"guest-{tag}", $"source-{tag}", $"target-{tag}");
        foreach (var host in new[] { move.SourceHost, move.TargetHost })
        {
            await Hosts.RegisterAsync(
                new RegisteredHost(
                    new AgentAddress(host, $"http://{host}:7444"), new Dictionary<string, string>(), false, "", Clock.GetUtcNow(), Clock.GetUtcNow(),
                    Description(host, vfio)),
                CancellationToken.None);
        }

        var spec = new MachineSpec { MemoryBytes = Memory, Vcpus = 1 };
        if (vfio)
        {
            spec.VfioDevices.Add(new VfioDevice { DeviceId = "gpu", SysfsPath = "/sys/bus/pci/devices/0000:01:00.0" });
        }

        await Guests.DefineAsync(new GuestDefinition(move.GuestId, spec), Clock.GetUtcNow(), CancellationToken.None);
        await ExecuteAsync(
            "UPDATE guests SET host_id = @SourceHost, state = @state, revision = revision + 1 WHERE guest_id = @GuestId",
            new { move.SourceHost, move.GuestId, state = paused ? "Paused" : "Running" });
        return move;
    }

    /// <summary>A running guest of 1 GiB.</summary>
    public async Task<string> AddGuestOnAsync(string hostId)
    {
        var guestId = $"guest-{Guid.NewGuid():N}"[..20];
        await Guests.DefineAsync(new GuestDefinition(guestId, new MachineSpec { MemoryBytes = Memory, Vcpus = 1 }), Clock.GetUtcNow(), CancellationToken.None);
        await ExecuteAsync(
            "UPDATE guests SET host_id = @hostId, state = 'Running', revision = revision + 1 WHERE guest_id = @guestId", new { hostId, guestId });
        return guestId;
    }

    /// <summary>Lets a migration through both gates, and has it commanded by this replica.</summary>
    public async Task BeginHereAsync(Migration migration)
    {
        await using (var connection = await Database.OpenConnectionAsync())
        {
            await using var transaction = await connection.BeginTransactionAsync();
            var wanted = new SlotWanted(migration.MigrationId, migration.TargetHostId, (long)Memory, 1);
            await SlotStore.TakeAsync(connection, [wanted], Clock.GetUtcNow(), CancellationToken.None);
            await SlotStore.GrantAsync(connection, [migration.MigrationId], Clock.GetUtcNow(), CancellationToken.None);
            await connection.ExecuteAsync(new CommandDefinition(
                "UPDATE migrations SET replica_id = @ReplicaId WHERE migration_id = @MigrationId",
                new { Lease.ReplicaId, migration.MigrationId },
                transaction));
            await transaction.CommitAsync();
        }

        var adopted = await Claims.AdoptAsync(migration.MigrationId, Lease.ReplicaId, CancellationToken.None);
        await Supervisors.TakeUpAsync([adopted ?? throw new InvalidOperationException("It is not there.")], CancellationToken.None);
    }

    /// <summary>As admission does it, whatever the limits say.</summary>
    public async Task<Migration> LetThroughAsync(Migration migration)
    {
        await using var connection = await Database.OpenConnectionAsync();
        await using var transaction = await connection.BeginTransactionAsync();
        var wanted = new SlotWanted(migration.MigrationId, migration.TargetHostId, (long)Memory, 1);
        Assert.Equal(
            [migration.MigrationId], await SlotStore.TakeAsync(connection, [wanted], Clock.GetUtcNow(), CancellationToken.None));
        await transaction.CommitAsync();
        return await Migrations.FindAsync(migration.MigrationId, CancellationToken.None) ?? throw new InvalidOperationException("It is not there.");
    }

    /// <summary>A machine with room for sixty guests.</summary>
    public static HostDescription Description(string hostId, bool vfio = false) => new()
    {
        HostId = hostId,
        Cpus = 64,
        MemoryTotalBytes = 64 * Memory,
        MemoryAllocatableBytes = 60 * Memory,
        VcpusAllocatable = 240,
        Engines = { new EngineDescription { Kind = "qemu", Version = "10.0.13", Accelerators = { "tcg" } } },
        Devices =
        {
            Enumerable.Range(0, vfio ? 1 : 0).Select(_ => new HostDevice
            {
                SysfsPath = "/sys/bus/pci/devices/0000:01:00.0", Kind = "10de:2321", Driver = "vfio-pci", MigrationFlags = 1,
            }),
        },
    };

    /// <summary>A policy of its own; the same document twice is two policies.</summary>
    public async Task<string> AddPolicyAsync(PolicyDocument document)
    {
        var name = $"policy-{Guid.NewGuid():N}"[..20];
        Assert.Empty(PolicyViolations(document));
        Assert.Equal(
            WritePolicyOutcome.Written, (await Policies.CreateAsync(name, document, Clock.GetUtcNow(), CancellationToken.None)).Outcome);
        return name;
    }

    public Task ExecuteAsync(string sql, object parameters) => WithConnectionAsync(
        connection => connection.ExecuteAsync(new CommandDefinition(sql, parameters)));

    public Task<T?> ScalarAsync<T>(string sql, object parameters) => WithConnectionAsync(
        connection => connection.ExecuteScalarAsync<T>(new CommandDefinition(sql, parameters)));

    public async Task<IReadOnlyList<T>> QueryAsync<T>(string sql, object parameters) => await WithConnectionAsync(
        async connection => (await connection.QueryAsync<T>(new CommandDefinition(sql, parameters))).ToList());

    /// <summary>Moves the clock on, little by little, until something that waits for time has happened.</summary>
    public async Task<T> WhileTimePassesAsync<T>(Task<T> awaited, TimeSpan step)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (!awaited.IsCompleted)
        {
            Assert.True(TimeProvider.System.GetElapsedTime(began) < s_bound, "It did not happen however far the clock was moved.");
            Clock.Advance(step);
            await Task.WhenAny(awaited, Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System));
        }

        return await awaited;
    }

    public static Duration Seconds(double seconds) => TimeSpan.FromSeconds(seconds).ToDuration();

    /// <summary>Doubles the limit every second of the copy up to 400 ms; gives up after a minute.</summary>
    public static PolicyDocument Doubling { get; } = new()
    {
        InitialDowntime = Seconds(0.1),
        MaxDowntime = Seconds(0.4),
        Exponential = new ExponentialPacing { Factor = 2, Time = Seconds(1) },
        Steps =
        {
            new LadderStep { RaiseDowntime = new RaiseDowntime() },
            new LadderStep { When = { new Trigger { ElapsedAbove = Seconds(60) } }, Abort = new Abort() },
        },
    };

    private static IEnumerable<string> PolicyViolations(PolicyDocument document)
    {
        PolicyDocumentParser.Parse(document, out var violations);
        return violations.Found.Select(violation => $"{violation.Field} {violation.Description}");
    }

    private async Task<T> WithConnectionAsync<T>(Func<NpgsqlConnection, Task<T>> work)
    {
        await using var connection = await Database.OpenConnectionAsync();
        return await work(connection);
    }
}
