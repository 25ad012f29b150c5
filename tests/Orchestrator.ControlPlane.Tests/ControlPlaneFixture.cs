using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Orchestrator.ControlPlane.Hosts;
using Orchestrator.TestPostgres;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Tests;

/// <summary>A whole control plane in this process, on a database of its own, and a client that speaks to it over loopback.</summary>
public sealed class ControlPlaneFixture : IAsyncLifetime
{
    private readonly PostgresFixture _database = new();
    private readonly List<WebApplication> _running = [];
    private readonly List<GrpcChannel> _channels = [];

    /// <summary>Of every replica, beside those that all tests have.</summary>
    public IReadOnlyList<string> Settings { get; init; } = [];

    public string ConnectionString => _database.ConnectionString;

    public HostService.HostServiceClient Hosts => new(_channels[0]);

    public GuestService.GuestServiceClient Guests => new(_channels[0]);

    public PolicyService.PolicyServiceClient Policies => new(_channels[0]);

    public MigrationService.MigrationServiceClient Migrations => new(_channels[0]);

    public ScheduleService.ScheduleServiceClient Schedules => new(_channels[0]);

    public NoticeService.NoticeServiceClient Notices => new(_channels[0]);

    public GrpcChannel Channel => _channels[0];

    public IServiceProvider Services => _running[0].Services;

    public async Task InitializeAsync()
    {
        await _database.InitializeAsync();
        await AddReplicaAsync();
    }

    public async Task DisposeAsync()
    {
        foreach (var channel in _channels)
        {
            channel.Dispose();
        }

        await StopAsync();
        foreach (var app in _running)
        {
            await app.DisposeAsync();
        }

        await _database.DisposeAsync();
    }

    /// <summary>In order, as at a shutdown; once more does nothing.</summary>
    public Task StopAsync() => Task.WhenAll(_running.Select(app => app.StopAsync()));

    /// <summary>Another control plane on the same database.</summary>
    public async Task<GrpcChannel> AddReplicaAsync(params string[] settings)
    {
        var app = await StartReplicaAsync(settings);
        var channel = GrpcChannel.ForAddress(
            app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
        lock (_running)
        {
            _running.Add(app);
            _channels.Add(channel);
        }

        return channel;
    }

    /// <summary>The same, for a test that looks inside and ends it itself.</summary>
    public async Task<WebApplication> StartReplicaAsync(params string[] settings)
    {
        var app = Program.Build(
        [
            $"--Database:ConnectionString={_database.ConnectionString}", "--Listen:Address=http://127.0.0.1:0",
            "--Logging:LogLevel:Default=None", "--Logging:LogLevel:Microsoft.AspNetCore=None", "--Agents:ReportInterval=00:00:00.05",
            "--Agents:ResyncEvery=00:00:00.2", "--Agents:SilenceLimit=00:00:02", "--Agents:LongestPause=00:00:00.3",
            "--Hosts:NoteEvery=00:00:00.4", "--Hosts:SuspectAfter=00:00:04", "--Hosts:LostAfter=00:00:08", .. Settings, .. settings,
        ]);
        await app.StartAsync();
        return app;
    }

    internal async Task<ScriptedAgent> AddHostAsync(string? hostId = null)
    {
        var agent = await ScriptedAgent.StartAsync(hostId ?? NewId("host"));
        await Hosts.RegisterHostAsync(new RegisterHostRequest { HostId = agent.HostId, AgentEndpoint = agent.Endpoint });
        await ConnectedAsync(agent.HostId);
        return agent;
    }

    /// <summary>Waits until every replica hears the host, and the ledger has it so.</summary>
    internal Task ConnectedAsync(string hostId) => Eventually.HoldsAsync(async () =>
        _running.All(app => app.Services.GetRequiredService<AgentLinks>().IsConnected(hostId))
        && (await Hosts.GetHostAsync(new GetHostRequest { HostId = hostId })).Host.State == HostState.Connected);

    internal async Task<string> DefineGuestAsync()
    {
        var guestId = NewId("guest");
        await Guests.DefineGuestAsync(new DefineGuestRequest { GuestId = guestId, Spec = Sample.Spec() });
        return guestId;
    }

    internal static string NewId(string kind) => $"{kind}-{Guid.NewGuid():N}"[..24];
}
