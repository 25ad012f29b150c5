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
using Orchestrator.ControlPlane.Migrations.Ledger;
using Orchestrator.ControlPlane.Migrations.Supervision;
using Orchestrator.ControlPlane.Migrations.Watching;
using Orchestrator.ControlPlane.Migrations.Wishes;
using Orchestrator.ControlPlane.Policies;
using Orchestrator.ControlPlane.Replicas;
using Orchestrator.PolicyMessages;
using Orchestrator.V1;

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
            ReadingsEvery = TimeSpan.FromMilliseconds(10), WishWithin = wishWithin ?? TimeSpan.FromSeconds(60),
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
        History = new MigrationHistory(gate);
        Feed = new MigrationFeed(options);
        Readings = new ReadingWriter(new ReadingStore(gate), options, TimeProvider.System, NullLogger<ReadingWriter>.Instance);
        Edges = new SupervisionEdges
        {
            Store = Progress,
            History = History,
            Readings = Readings,
            Feed = Feed,
            Agents = new LeasedCalls(Agents, Lease),
            Lease = Lease,
            Beat = new SupervisionBeat(Clock, options.Value),
            Faults = new FaultPoint(Options.Create(new FaultOptions())),
            Logger = new CollectingLogger<MigrationSupervisor>(_failures),
        };
        Supervisors = new MigrationSupervisors(Claims, Policies, Post, Edges, new CollectingLogger<MigrationSupervisors>(_failures));
        TakeOver = new MigrationTakeOver(Claims, Supervisors, Lease, Notifications, NullLogger<MigrationTakeOver>.Instance);
        var facts = new AdmissionFacts(Guests, Hosts, Policies, Options.Create(new DefaultPolicyOptions()));
        Admission = new MigrationAdmission(facts, Migrations, Supervisors, Agents, Clock);
        Sources = new WatchSources(Migrations, History, Feed);
        Follower = new RemoteFollower(Sources, Supervisors, Notifications, TimeProvider.System, NullLogger<RemoteFollower>.Instance);
        var post = new WishPost(new WishStore(gate), new WishReader(Policies));
        Desk = new WishDesk(post, Supervisors, Notifications, TimeProvider.System, NullLogger<WishDesk>.Instance);
        Wishes = new MigrationWishes(
            Migrations, History, facts, Supervisors, new WishErrand(post, Desk, Migrations, options, TimeProvider.System));
    }

    /// <summary>For tests of the stores: nothing runs.</summary>
    public static Fleet Idle(NpgsqlDataSource database) => new(database);

    public NpgsqlDataSource Database { get; }

    public PlayedAgents Agents { get; }

    public MovedClock Clock { get; }

    public GuestStore Guests { get; }

    public HostStore Hosts { get; }

    public PolicyStore Policies { get; }

    public MigrationStore Migrations { get; }

    public ProgressStore Progress { get; }

    public MigrationHistory History { get; }

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

    public WatchSources Sources { get; }

    public RemoteFollower Follower { get; }

    public WishDesk Desk { get; }

    public MigrationAdmission Admission { get; }

    public MigrationWishes Wishes { get; }

    public async Task<Fleet> StartAsync()
    {
        await Lease.BeginAsync(CancellationToken.None);
        await Notifications.StartAsync(CancellationToken.None);
        await Readings.StartAsync(CancellationToken.None);
        await Follower.StartAsync(CancellationToken.None);
        await Desk.StartAsync(CancellationToken.None);
        await TakeOver.StartAsync(CancellationToken.None);
        return this;
    }

    public async ValueTask DisposeAsync()
    {
        await TakeOver.StopAsync(CancellationToken.None);
        await Desk.StopAsync(CancellationToken.None);
        await Follower.StopAsync(CancellationToken.None);
        await Readings.StopAsync(CancellationToken.None);
        await Notifications.StopAsync(CancellationToken.None);
        await Lease.EndAsync();
        await Replicas.EndAsync(Lease.ReplicaId, CancellationToken.None);
        TakeOver.Dispose();
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
                    new HostDescription { HostId = host }),
                CancellationToken.None);
        }

        var spec = new MachineSpec { MemoryBytes = Memory, Vcpus = 1 };
        if (vfio)
        {
            spec.VfioDevices.Add(new VfioDevice { DeviceId = "gpu" });
        }

        await Guests.DefineAsync(move.GuestId, spec, Clock.GetUtcNow(), CancellationToken.None);
        await ExecuteAsync(
            "UPDATE guests SET host_id = @SourceHost, state = @state, revision = revision + 1 WHERE guest_id = @GuestId",
            new { move.SourceHost, move.GuestId, state = paused ? "Paused" : "Running" });
        return move;
    }

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
