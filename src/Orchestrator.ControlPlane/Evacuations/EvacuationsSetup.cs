using Microsoft.Extensions.Options;
using Orchestrator.ControlPlane.Evacuations.Admission;
using Orchestrator.ControlPlane.Evacuations.Conducting;
using Orchestrator.ControlPlane.Evacuations.Ledger;
using Orchestrator.ControlPlane.Evacuations.Watching;
using Orchestrator.ControlPlane.Guests;
using Orchestrator.ControlPlane.Hosts;
using Orchestrator.ControlPlane.Migrations.Wishes;
using Orchestrator.ControlPlane.Queue;
using Orchestrator.ControlPlane.Replicas;

namespace Orchestrator.ControlPlane.Evacuations;

internal static class EvacuationsSetup
{
    /// <summary>After migrations, placement and queue, through which it acts, and before the schedules, which start some.</summary>
    public static WebApplicationBuilder AddEvacuations(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<EvacuationOptions>().BindConfiguration(EvacuationOptions.Section).ValidateOnStart();
        builder.Services.AddSingleton<IValidateOptions<EvacuationOptions>, EvacuationOptionsValidator>();
        builder.Services.AddSingleton<EvacuationStore>();
        builder.Services.AddSingleton<EvacuationClaims>();
        builder.Services.AddSingleton<CharterReader>();
        builder.Services.AddSingleton<EvacuationFleet>();
        builder.Services.AddSingleton<MoveReports>();
        builder.Services.AddSingleton<EvacuationReader>();
        builder.Services.AddSingleton<EvacuationHosts>();
        builder.Services.AddSingleton<EvacuationAdmission>();
        builder.Services.AddSingleton<EvacuationWishes>();
        builder.Services.AddSingleton<EvacuationWatch>();
        builder.Services.AddSingleton<EvacuationMigrations>();
        builder.Services.AddSingleton(services => new ActionDoors
        {
            Hosts = services.GetRequiredService<HostStore>(),
            Guests = services.GetRequiredService<GuestStore>(),
            Runs = services.GetRequiredService<GuestRunAdmission>(),
            Starts = services.GetRequiredService<GuestStartAdmission>(),
            Migrations = services.GetRequiredService<EvacuationMigrations>(),
            Wishes = services.GetRequiredService<MigrationWishes>(),
            Lease = services.GetRequiredService<ReplicaLease>(),
            Options = services.GetRequiredService<IOptions<EvacuationOptions>>().Value,
            Logger = services.GetRequiredService<ILogger<EvacuationActions>>(),
        });
        builder.Services.AddSingleton(services => new ConductingEdges
        {
            Reader = services.GetRequiredService<EvacuationReader>(),
            Store = services.GetRequiredService<EvacuationStore>(),
            Slots = services.GetRequiredService<SlotStore>(),
            Doors = services.GetRequiredService<ActionDoors>(),
            Clock = services.GetRequiredService<TimeProvider>(),
            Logger = services.GetRequiredService<ILogger<EvacuationSupervisor>>(),
        });
        builder.Services.AddSingleton<EvacuationTakeOver>();
        builder.Services.AddHostedService(services => services.GetRequiredService<EvacuationTakeOver>());
        builder.Services.AddSingleton<ScheduledEvacuations>();
        builder.Services.AddSingleton(services => services.GetRequiredService<ScheduledEvacuations>().Port);
        return builder;
    }

    public static WebApplication MapEvacuations(this WebApplication app)
    {
        app.MapGrpcService<EvacuationGrpcService>();
        return app;
    }
}
