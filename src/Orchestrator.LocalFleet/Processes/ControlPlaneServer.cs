using Orchestrator.V1;

namespace Orchestrator.LocalFleet.Processes;

/// <summary>The control plane with its embedded Postgres.</summary>
public sealed class ControlPlaneServer : Server
{
    private readonly FleetPlan _plan;

    public ControlPlaneServer(FleetPlan plan, TimeProvider clock)
        : base(
            "control-plane",
            "Orchestrator.ControlPlane",
            Path.Combine(plan.Folder, "cp"),
            new Uri($"http://127.0.0.1:{(plan.ControlPlanePort == 0 ? FreePort.On("127.0.0.1") : plan.ControlPlanePort)}"),
            clock)
    {
        _plan = plan;
        Hosts = new HostService.HostServiceClient(Channel);
        Guests = new GuestService.GuestServiceClient(Channel);
        Policies = new PolicyService.PolicyServiceClient(Channel);
        Migrations = new MigrationService.MigrationServiceClient(Channel);
    }

    public HostService.HostServiceClient Hosts { get; }

    public GuestService.GuestServiceClient Guests { get; }

    public PolicyService.PolicyServiceClient Policies { get; }

    public MigrationService.MigrationServiceClient Migrations { get; }

    /// <summary>Where the embedded Postgres keeps its cluster.</summary>
    public string DataFolder => Path.Combine(Folder, "data");

    protected override IEnumerable<KeyValuePair<string, string>> Settings =>
    [
        new("Listen:Address", Endpoint.GetLeftPart(UriPartial.Authority)),
        new("Database:DataFolder", DataFolder),
        .. _plan.ControlPlaneSettings,
    ];
}
