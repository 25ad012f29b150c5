using Orchestrator.LocalFleet.Processes;
using Orchestrator.V1;

namespace Orchestrator.Scenarios;

/// <summary>
/// One control plane with its Postgres and two agents for all scenarios; each scenario brings its own guest. A scenario that kills a part
/// brings it back.
/// </summary>
public sealed class ScenarioFleet : IAsyncLifetime, IDisposable
{
    /// <summary>Generous: the machine may be busy with other things. A scenario that waits this long has failed.</summary>
    public static readonly TimeSpan Bound = TimeSpan.FromSeconds(120);

    private readonly FleetFolder _folder = new("scenarios");
    private Fleet? _fleet;

    public Fleet Fleet => _fleet ?? throw new InvalidOperationException("The fleet is not up.");

    public ControlPlaneServer ControlPlane => Fleet.ControlPlane;

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
                Hosts = [new HostPlan("host-a", "127.0.0.1", qemu), new HostPlan("host-b", "127.0.0.2", qemu)],
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
    }

    /// <summary>Stores a policy under a name of its own.</summary>
    public async Task<string> PolicyAsync(PolicyDocument document)
    {
        var name = "test-" + Guid.NewGuid().ToString("N")[..8];
        await ControlPlane.Policies.CreatePolicyAsync(new CreatePolicyRequest { Name = name, Document = document });
        return name;
    }
}

[CollectionDefinition(Name)]
public sealed class FleetScenarios : ICollectionFixture<ScenarioFleet>
{
    public const string Name = "fleet";
}
