using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orchestrator.Agent.V1;
using Orchestrator.HostAgent.Guests;
using static Orchestrator.Agent.V1.AgentService;

namespace Orchestrator.HostAgent.Tests.Fleet;

/// <summary>A whole agent in this process, with real guests in processes of their own.</summary>
internal sealed class TestAgent : IAsyncDisposable
{
    /// <summary>What no test waits longer for.</summary>
    public static readonly TimeSpan Bound = TimeSpan.FromSeconds(60);

    private readonly string _address;
    private readonly IReadOnlyDictionary<string, string?> _settings;
    private WebApplication? _app;
    private GrpcChannel? _channel;

    private TestAgent(string hostId, string runtimeFolder, string address, IReadOnlyDictionary<string, string?> settings)
    {
        HostId = hostId;
        RuntimeFolder = runtimeFolder;
        _address = address;
        _settings = settings;
    }

    public string HostId { get; }

    public string RuntimeFolder { get; }

    public string Endpoint { get; private set; } = "";

    public AgentServiceClient Client { get; private set; } = null!;

    public IServiceProvider Services => _app!.Services;

    /// <param name="runtimeFolder">One of <see cref="TestFolder"/>.</param>
    /// <param name="address">A loopback address of the test's own; the port is free at first and then kept through restarts.</param>
    public static async Task<TestAgent> StartAsync(
        string hostId, string runtimeFolder, string address, params (string Key, string Value)[] settings)
    {
        var agent = new TestAgent(
            hostId, runtimeFolder, address, settings.ToDictionary(setting => setting.Key, setting => (string?)setting.Value));
        try
        {
            await agent.StartAsync();
            return agent;
        }
        catch
        {
            await agent.StopAsync();
            throw;
        }
    }

    public async Task StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        if (Environment.GetEnvironmentVariable("AGENT_TEST_LOG") is { Length: > 0 })
        {
            builder.Logging.AddSimpleConsole(console => console.SingleLine = true).AddFilter("Microsoft", LogLevel.Warning).SetMinimumLevel(LogLevel.Debug);
        }

        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>(_settings)
        {
            ["Agent:HostId"] = HostId,
            ["Agent:RuntimeFolder"] = RuntimeFolder,
            ["Agent:ProbeKvm"] = _settings.GetValueOrDefault("Agent:ProbeKvm", "false"),
            ["Listen:Address"] = Endpoint.Length > 0 ? Endpoint : $"http://{_address}:0",
            ["Qemu:Program"] = _settings.GetValueOrDefault("Qemu:Program", Environment.GetEnvironmentVariable("ORCHESTRATOR_QEMU")),
        });
        var settings = AgentSettings.Read(builder.Configuration, out var problems) ?? throw new InvalidOperationException(string.Join("; ", problems));
        _app = AgentSetup.Build(builder, settings);
        await _app.StartAsync();
        Endpoint = _app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        _channel = GrpcChannel.ForAddress(Endpoint);
        Client = new AgentServiceClient(_channel);
    }

    /// <summary>The agent goes; its guests stay.</summary>
    public async Task StopAsync()
    {
        _channel?.Dispose();
        if (_app is not null)
        {
            using var patience = new CancellationTokenSource(Bound);
            await _app.StopAsync(patience.Token);
            await _app.DisposeAsync();
        }

        _app = null;
        _channel = null;
    }

    public Guest Guest(string guestId) => Services.GetRequiredService<GuestRegistry>().Find(guestId)!;

    public GuestFolder Folder(string guestId) => new(RuntimeFolder, guestId);

    public Task<ExecuteResponse> ExecuteAsync(ExecuteRequest request) =>
        Client.ExecuteAsync(request, deadline: DateTime.MaxValue).ResponseAsync.WaitAsync(Bound);

    public async Task<MigrationReport> PollAsync(Guid migrationId, SessionRole role) =>
        (await Client.PollAsync(new PollRequest { MigrationId = migrationId.ToString() })).Reports.Single(report => report.Role == role);

    /// <summary>The first report of that session that is so, as an observer sees them.</summary>
    public async Task<MigrationReport> UntilAsync(Guid migrationId, SessionRole role, Func<MigrationReport, bool> reached)
    {
        using var bound = new CancellationTokenSource(Bound);
        using var stream = Client.Observe(new ObserveRequest(), cancellationToken: bound.Token);
        MigrationReport? last = null;
        try
        {
            while (await stream.ResponseStream.MoveNext(bound.Token))
            {
                foreach (var report in stream.ResponseStream.Current.Reports.Where(report => report.MigrationId == migrationId.ToString() && report.Role == role))
                {
                    last = report;
                    if (reached(report))
                    {
                        return report;
                    }
                }
            }
        }
        catch (Exception failure) when (bound.IsCancellationRequested)
        {
            throw new TimeoutException($"Not reached; the last report was {last}", failure);
        }

        throw new TimeoutException($"The stream ended; the last report was {last}");
    }

    /// <summary>Ends every guest of this host, whatever became of the agent, and everything it wrote.</summary>
    public async ValueTask DisposeAsync()
    {
        try
        {
            await StopAsync();
        }
        finally
        {
            TestFolder.Remove(RuntimeFolder);
        }
    }
}
