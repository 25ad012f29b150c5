using Microsoft.Extensions.Options;
using Orchestrator.ControlPlane.Database;
using Orchestrator.ControlPlane.Evacuations;
using Orchestrator.ControlPlane.Guests;
using Orchestrator.ControlPlane.Hosts;
using Orchestrator.ControlPlane.Migrations;
using Orchestrator.ControlPlane.Notices;
using Orchestrator.ControlPlane.Placement;
using Orchestrator.ControlPlane.Policies;
using Orchestrator.ControlPlane.Queue;
using Orchestrator.ControlPlane.Replicas;
using Orchestrator.ControlPlane.Schedules;
using Orchestrator.Rpc.Serving;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane;

internal static class Program
{
    /// <returns>0 after an orderly stop, 1 when the start was refused; standard error says why.</returns>
    public static async Task<int> Main(string[] args)
    {
        try
        {
            if (args is [DatabaseProgram.Command, .. var settings])
            {
                await DatabaseProgram.RunAsync(settings);
                return 0;
            }

            await using var app = Build(args);
            await app.RunAsync();
            return 0;
        }
        catch (StartRefusedException refused)
        {
            await Console.Error.WriteLineAsync(refused.Message);
        }
        catch (OptionsValidationException invalid)
        {
            await Console.Error.WriteLineAsync($"The settings are not acceptable: {string.Join("; ", invalid.Failures)}.");
        }

        return 1;
    }

    /// <summary>The whole control plane. Settings: appsettings.json, then ORCHESTRATOR_ variables, then the command line.</summary>
    internal static WebApplication Build(string[] args)
    {
        var builder = WebApplication.CreateSlimBuilder(
            new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory });
        builder.Configuration.AddEnvironmentVariables("ORCHESTRATOR_").AddCommandLine(args);
        builder.Services.AddSingleton(TimeProvider.System);

        // The database goes down last and takes its time to do it properly.
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(60));

        builder.AddListening(
            HostService.Descriptor, GuestService.Descriptor, PolicyService.Descriptor, MigrationService.Descriptor, AdmissionService.Descriptor,
            ReplicaService.Descriptor, ScheduleService.Descriptor, NoticeService.Descriptor, EvacuationService.Descriptor);
        builder.AddDatabase();
        builder.AddReplicas();
        builder.AddPolicies();
        builder.AddHosts();
        builder.AddGuests();
        builder.AddMigrations();
        builder.AddPlacement();
        builder.AddQueue();
        builder.AddNotices();
        builder.AddEvacuations();
        builder.AddSchedules();

        var app = builder.Build();
        app.MapRpc();
        app.MapReplicas();
        app.MapPolicies();
        app.MapHosts();
        app.MapGuests();
        app.MapMigrations();
        app.MapQueue();
        app.MapNotices();
        app.MapEvacuations();
        app.MapSchedules();
        return app;
    }
}
