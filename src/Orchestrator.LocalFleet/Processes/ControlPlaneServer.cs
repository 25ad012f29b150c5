using Orchestrator.V1;

namespace Orchestrator.LocalFleet.Processes;

/// <summary>One replica of the control plane; a single one has its Postgres embedded.</summary>
public sealed class ControlPlaneServer : Server
{
    private readonly FleetPlan _plan;
    private readonly DatabaseServer? _database;

    /// <summary>The only one, with its own Postgres.</summary>
    public ControlPlaneServer(FleetPlan plan, TimeProvider clock)
        : this(plan, 1, null, clock)
    {
    }

    /// <param name="number">1, 2, 3, ...</param>
    /// <param name="database">Null = it has its own.</param>
    public ControlPlaneServer(FleetPlan plan, int number, DatabaseServer? database, TimeProvider clock)
        : base(
            number == 1 ? "control-plane" : $"control-plane-{number}",
            "Orchestrator.ControlPlane",
            Path.Combine(plan.Folder, number == 1 ? "cp" : $"cp{number}"),
            new Uri($"http://127.0.0.1:{(plan.ControlPlanePort == 0 ? FreePort.On("127.0.0.1") : plan.ControlPlanePort + number - 1)}"),
            clock)
    {
        _plan = plan;
        _database = database;
        Hosts = new HostService.HostServiceClient(Channel);
        Guests = new GuestService.GuestServiceClient(Channel);
        Policies = new PolicyService.PolicyServiceClient(Channel);
        Migrations = new MigrationService.MigrationServiceClient(Channel);
        Replicas = new ReplicaService.ReplicaServiceClient(Channel);
        Admission = new AdmissionService.AdmissionServiceClient(Channel);
        Evacuations = new EvacuationService.EvacuationServiceClient(Channel);
        Schedules = new ScheduleService.ScheduleServiceClient(Channel);
        Notices = new NoticeService.NoticeServiceClient(Channel);
    }

    public HostService.HostServiceClient Hosts { get; }

    public GuestService.GuestServiceClient Guests { get; }

    public PolicyService.PolicyServiceClient Policies { get; }

    public MigrationService.MigrationServiceClient Migrations { get; }

    public ReplicaService.ReplicaServiceClient Replicas { get; }

    public AdmissionService.AdmissionServiceClient Admission { get; }

    public EvacuationService.EvacuationServiceClient Evacuations { get; }

    public ScheduleService.ScheduleServiceClient Schedules { get; }

    public NoticeService.NoticeServiceClient Notices { get; }

    /// <summary>Where the embedded Postgres keeps its cluster.</summary>
    public string DataFolder => Path.Combine(Folder, "data");

    protected override IEnumerable<KeyValuePair<string, string>> Settings =>
    [
        new("Listen:Address", Endpoint.GetLeftPart(UriPartial.Authority)),
        _database is null ? new("Database:DataFolder", DataFolder) : new("Database:ConnectionString", _database.ConnectionString),
        .. _plan.ControlPlaneSettings,
    ];
}
