using System.Collections.Concurrent;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Orchestrator.Agent.V1;
using Orchestrator.ControlPlane.Guests;
using Orchestrator.ControlPlane.Hosts;
using Orchestrator.TestPostgres;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Tests.Hosts;

/// <summary>The links alone, with a listener that writes down what it hears.</summary>
public sealed class AgentLinksTests(PostgresFixture database) : IClassFixture<PostgresFixture>, IAsyncLifetime
{
    private static readonly AgentOptions s_options = new()
    {
        ReportInterval = TimeSpan.FromMilliseconds(50),
        SilenceLimit = TimeSpan.FromSeconds(1),
        LongestPause = TimeSpan.FromMilliseconds(300),
        ResyncEvery = TimeSpan.FromMilliseconds(200),
    };

    private readonly Listener _heard = new();
    private readonly HostStore _hosts = new(Gate.To(database));
    private AgentLinks _links = null!;

    public async Task InitializeAsync()
    {
        _links = NewLinks(new ThrowingListener(), _heard);
        await _links.StartAsync(CancellationToken.None);
    }

    public async Task DisposeAsync()
    {
        await _links.StopAsync(CancellationToken.None);
        _links.Dispose();
    }

    [Fact]
    public async Task Reports_ReachTheListenerInOrder_ThoughAnotherListenerThrows()
    {
        await using var agent = await RegisterAsync();
        for (var n = 1; n <= 50; n++)
        {
            agent.Tell(
                new MigrationReport { MigrationId = "m1", Sequence = (ulong)n }, new MigrationReport { MigrationId = "m2", Sequence = (ulong)n });
        }

        await Eventually.HoldsAsync(() => _heard.Reports.Count(report => report.Host == agent.HostId) == 100);

        var ofOne = _heard.Reports.Where(report => report.Host == agent.HostId && report.Migration == "m2").ToList();
        Assert.Equal(Enumerable.Range(1, 50).Select(n => (ulong)n), ofOne.Select(report => report.Sequence));
        Assert.All(ofOne, report => Assert.InRange(TimeProvider.System.GetElapsedTime(report.ArrivedAt), TimeSpan.Zero, TimeSpan.FromMinutes(2)));
    }

    [Fact]
    public async Task AgentRestarts_IsLostAndConnectedAnewWithAnotherInstance()
    {
        await using var agent = await RegisterAsync();
        var first = agent.InstanceId;
        agent.InstanceId = "second";
        agent.Drop();

        await Eventually.HoldsAsync(() => _heard.Says(agent.HostId).Count == 3);

        Assert.Equal([$"connected {first}", "lost", "connected second"], _heard.Says(agent.HostId));
        Assert.True(_links.IsConnected(agent.HostId));
    }

    [Fact]
    public async Task AgentFallsSilent_IsUnreachable_AndConnectedWhenItSpeaksAgain()
    {
        await using var agent = await RegisterAsync();
        agent.Mute = true;

        await Eventually.HoldsAsync(() => !_links.IsConnected(agent.HostId));
        Assert.DoesNotContain(_links.Heard(), heard => heard.HostId == agent.HostId);
        Assert.NotNull(_links.ClientFor(agent.HostId));

        agent.Mute = false;
        await Eventually.HoldsAsync(() => _links.IsConnected(agent.HostId));
    }

    [Fact]
    public async Task AgentGoesAndComesBackAtItsEndpoint_IsFoundAgain()
    {
        var agent = await RegisterAsync();
        await agent.DisposeAsync();
        await Eventually.HoldsAsync(() => !_links.IsConnected(agent.HostId));

        await using var back = await ScriptedAgent.StartAsync(agent.HostId, agent.Endpoint);

        await Eventually.HoldsAsync(() => _links.IsConnected(agent.HostId));
        Assert.Equal([$"connected {agent.InstanceId}", "lost", $"connected {back.InstanceId}"], _heard.Says(agent.HostId));
    }

    [Fact]
    public async Task EndpointOfAnotherHost_NeverSpeaksForThisOne()
    {
        await using var agent = await RegisterAsync();
        var hostId = agent.HostId;
        agent.HostId = "somebody-else";
        agent.Drop();
        await Eventually.HoldsAsync(() => !_links.IsConnected(hostId));
        agent.Tell(new MigrationReport { MigrationId = "foreign" });

        agent.HostId = hostId;
        await Eventually.HoldsAsync(() => _links.IsConnected(hostId));

        Assert.DoesNotContain(_heard.Reports, report => report.Migration == "foreign");
    }

    [Fact]
    public async Task HostRegisteredElsewhere_IsLinked_AndRemovedElsewhereIsUnlinked()
    {
        await using var agent = await ScriptedAgent.StartAsync(ControlPlaneFixture.NewId("host"));
        await WriteAsync(agent);
        await Eventually.HoldsAsync(() => _links.IsConnected(agent.HostId));
        Assert.Equal(agent.Endpoint, _links.EndpointOf(agent.HostId));

        await _hosts.RemoveAsync(agent.HostId, CancellationToken.None);

        await Eventually.HoldsAsync(() => _links.EndpointOf(agent.HostId) is null && agent.Streams == 0);
        Assert.Null(_links.ClientFor(agent.HostId));
        Assert.Equal("lost", _heard.Says(agent.HostId)[^1]);
    }

    [Fact]
    public async Task Connecting_NotesTheDescription()
    {
        await using var agent = await RegisterAsync();

        await Eventually.HoldsAsync(async () =>
            (await _hosts.FindAsync(agent.HostId, CancellationToken.None))!.Description.AgentInstanceId == agent.InstanceId);
    }

    private async Task<ScriptedAgent> RegisterAsync()
    {
        var agent = await ScriptedAgent.StartAsync(ControlPlaneFixture.NewId("host"));
        await WriteAsync(agent);
        _links.Add(new AgentAddress(agent.HostId, agent.Endpoint));
        await Eventually.HoldsAsync(() => _links.IsConnected(agent.HostId));
        return agent;
    }

    private Task<RegisterHostOutcome> WriteAsync(ScriptedAgent agent)
    {
        var now = TimeProvider.System.GetUtcNow();
        return _hosts.RegisterAsync(
            new RegisteredHost(
                new AgentAddress(agent.HostId, agent.Endpoint), new Dictionary<string, string>(), false, "", now, now, new HostDescription()),
            CancellationToken.None);
    }

    private AgentLinks NewLinks(params IAgentReportListener[] listeners) => new(
        _hosts,
        new AgentNews(listeners, new GuestObservations(), NullLogger<AgentNews>.Instance),
        Options.Create(s_options),
        TimeProvider.System,
        NullLoggerFactory.Instance);

    private sealed class Listener : IAgentReportListener
    {
        private readonly ConcurrentQueue<(string Host, string Said)> _said = new();

        public ConcurrentQueue<(string Host, string Migration, ulong Sequence, long ArrivedAt)> Reports { get; } = new();

        public IReadOnlyList<string> Says(string hostId) => [.. _said.Where(entry => entry.Host == hostId).Select(entry => entry.Said)];

        public void OnReports(string hostId, IReadOnlyList<MigrationReport> reports, long arrivedAt)
        {
            foreach (var report in reports)
            {
                Reports.Enqueue((hostId, report.MigrationId, report.Sequence, arrivedAt));
            }
        }

        public void OnHostConnected(string hostId, string agentInstanceId) => _said.Enqueue((hostId, $"connected {agentInstanceId}"));

        public void OnHostLost(string hostId) => _said.Enqueue((hostId, "lost"));
    }

    private sealed class ThrowingListener : IAgentReportListener
    {
        public void OnReports(string hostId, IReadOnlyList<MigrationReport> reports, long arrivedAt) => throw new InvalidOperationException();

        public void OnHostConnected(string hostId, string agentInstanceId) => throw new InvalidOperationException();

        public void OnHostLost(string hostId) => throw new InvalidOperationException();
    }
}
