using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Orchestrator.Bench.Agents;

/// <summary>Many hosts in this process, each with a loopback port of its own.</summary>
internal sealed class ScriptedFleet : IAsyncDisposable
{
    private readonly WebApplication _server;
    private readonly Func<string, CopyPlan> _planOf;
    private Dictionary<int, ScriptedHost> _byPort = [];
    private Dictionary<ScriptedHost, int> _ports = [];

    private ScriptedFleet(int hosts, HostShape shape, Func<string, CopyPlan> planOf, TimeProvider clock)
    {
        _planOf = planOf;
        Shape = shape;
        Hosts = [.. Enumerable.Range(1, hosts).Select(number => new ScriptedHost($"host-{number:000}", this, clock))];
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            for (var number = 0; number < hosts; number++)
            {
                kestrel.Listen(IPAddress.Loopback, 0, endpoint => endpoint.Protocols = HttpProtocols.Http2);
            }
        });
        builder.Services.AddSingleton(this);
        builder.Services.AddGrpc();
        _server = builder.Build();
        _server.MapGrpcService<ScriptedAgentService>();
    }

    public IReadOnlyList<ScriptedHost> Hosts { get; }

    public HostShape Shape { get; }

    public AgentTally Tally { get; } = new();

    /// <param name="planOf">What the copy of a guest is like, by the guest's id.</param>
    public static async Task<ScriptedFleet> StartAsync(
        int hosts, HostShape shape, Func<string, CopyPlan> planOf, TimeProvider clock, CancellationToken cancellation)
    {
        var fleet = new ScriptedFleet(hosts, shape, planOf, clock);
        try
        {
            await fleet._server.StartAsync(cancellation);
            var addresses = fleet._server.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()?.Addresses ?? [];
            fleet._byPort = addresses.Select(address => new Uri(address).Port).Zip(fleet.Hosts).ToDictionary(pair => pair.First, pair => pair.Second);
            fleet._ports = fleet._byPort.ToDictionary(pair => pair.Value, pair => pair.Key);
            return fleet;
        }
        catch
        {
            await fleet.DisposeAsync();
            throw;
        }
    }

    /// <summary>"http://ADDRESS:PORT" of the host's agent.</summary>
    public string EndpointOf(ScriptedHost host) => $"http://127.0.0.1:{_ports[host]}";

    public ScriptedHost AtPort(int port) => _byPort[port];

    public CopyPlan PlanOf(string guestId) => _planOf(guestId);

    /// <returns>Null when no host of this fleet is there.</returns>
    public ScriptedHost? At(string endpoint) =>
        Uri.TryCreate(endpoint, UriKind.Absolute, out var uri) ? _byPort.GetValueOrDefault(uri.Port) : null;

    public async ValueTask DisposeAsync() => await _server.DisposeAsync();
}
