using Orchestrator.LocalFleet.Processes;
using Orchestrator.V1;

namespace Orchestrator.Scenarios;

/// <summary>
/// One control plane with its Postgres and two agents for all scenarios; each scenario brings its own guest. A scenario that kills a part
/// brings it back.
/// </summary>
public class ScenarioFleet : IAsyncLifetime, IDisposable
{
    /// <summary>Generous: the machine may be busy with other things. A scenario that waits this long has failed.</summary>
    public static readonly TimeSpan Bound = TimeSpan.FromSeconds(120);

    private readonly FleetFolder _folder = new("scenarios");
    private Fleet? _fleet;
    private ControlPlaneServer? _asked;

    /// <summary>How many processes are the control plane.</summary>
    protected virtual int Replicas => 1;

    protected virtual IReadOnlyList<string> HostIds => ["host-a", "host-b"];

    /// <summary>Of the control plane.</summary>
    protected virtual IReadOnlyDictionary<string, string> Settings => new Dictionary<string, string>();

    protected string Folder => _folder.Path;

    public Fleet Fleet => _fleet ?? throw new InvalidOperationException("The fleet is not up.");

    /// <summary>The replica that scenarios ask; the first unless one says otherwise.</summary>
    public ControlPlaneServer ControlPlane
    {
        get => _asked ?? Fleet.ControlPlane;
        set => _asked = value;
    }

    public AgentServer HostA => Fleet.Agent("host-a");

    public AgentServer HostB => Fleet.Agent("host-b");

    public async Task InitializeAsync()
    {
        var qemu = Environment.GetEnvironmentVariable("ORCHESTRATOR_QEMU");
        using var patience = new CancellationTokenSource(Bound);
        _fleet = await Fleet.StartAsync(
            new FleetPlan
            {
                Folder = _folder.Path,
                Replicas = Replicas,
                ControlPlaneSettings = Settings,
                Hosts = [.. HostIds.Select((id, index) => new HostPlan(id, $"127.0.0.{index + 1}", qemu) { Settings = SettingsOf(id) })],
            },
            _ => { },
            TimeProvider.System,
            patience.Token);
    }

    public async Task DisposeAsync()
    {
        if (_fleet is not null)
        {
            await _fleet.DisposeAsync();
            Assert.Empty(_fleet.GuestProcesses());
        }
    }

    public void Dispose()
    {
        // What the parts said, for whoever looks for the reason of a failure.
        _folder.Keep = Environment.GetEnvironmentVariable("ORCHESTRATOR_KEEP") is "1";
        _folder.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Runs the target's agent with other settings for a while, and brings it back as it was.</summary>
    public Task WithHostBAsync(string setting, string value, Func<Task> scenario) =>
        WithHostBAsync(new Dictionary<string, string> { [setting] = value }, scenario);

    public async Task WithHostBAsync(IReadOnlyDictionary<string, string> settings, Func<Task> scenario)
    {
        await HostB.Process.StopAsync();
        try
        {
            await HostB.StartAsync(settings, Patience());
            await AwaitConnectedAsync(HostB);
            await scenario();
        }
        finally
        {
            await HostB.Process.StopAsync();
            await HostB.StartAsync(Patience());
            await AwaitConnectedAsync(HostB);
        }
    }

    /// <summary>Brings back what a scenario that failed half-way left dead, so that the next one tells of itself.</summary>
    public async Task ReviveAsync()
    {
        foreach (var server in Fleet.Agents.Concat<Server>(Fleet.ControlPlanes).Where(server => !server.IsRunning))
        {
            await server.StartAsync(Patience());
        }

        foreach (var agent in Fleet.Agents)
        {
            await AwaitConnectedAsync(agent);
        }
    }

    /// <summary>Until the control plane hears the agent.</summary>
    public async Task AwaitConnectedAsync(AgentServer agent)
    {
        var patience = Patience();
        while ((await ControlPlane.Hosts.GetHostAsync(new GetHostRequest { HostId = agent.HostId }, cancellationToken: patience)).Host.State != HostState.Connected)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, patience);
        }
    }

    /// <summary>The replica of that name; whichever was free takes a migration up.</summary>
    public async Task<ControlPlaneServer> ReplicaAsync(string replicaId)
    {
        foreach (var server in Fleet.ControlPlanes.Where(server => server.IsRunning))
        {
            if ((await server.Replicas.ListReplicasAsync(new ListReplicasRequest(), cancellationToken: Patience())).AnsweredBy == replicaId)
            {
                return server;
            }
        }

        throw new InvalidOperationException($"No replica that runs is {replicaId}.");
    }

    /// <summary>Stores a policy under a name of its own.</summary>
    public async Task<string> PolicyAsync(PolicyDocument document)
    {
        var name = "test-" + Guid.NewGuid().ToString("N")[..8];
        await ControlPlane.Policies.CreatePolicyAsync(new CreatePolicyRequest { Name = name, Document = document });
        return name;
    }

    /// <summary>Of a host's agent.</summary>
    protected virtual IReadOnlyDictionary<string, string> SettingsOf(string hostId) => new Dictionary<string, string>();

    private static CancellationToken Patience() => new CancellationTokenSource(Bound).Token;
}

[CollectionDefinition(Name)]
public sealed class FleetScenarios : ICollectionFixture<ScenarioFleet>
{
    public const string Name = "fleet";
}
