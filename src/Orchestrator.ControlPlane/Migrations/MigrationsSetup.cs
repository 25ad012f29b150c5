using Microsoft.Extensions.Options;
using Orchestrator.ControlPlane.Hosts;
using Orchestrator.ControlPlane.Migrations.Admission;
using Orchestrator.ControlPlane.Migrations.Calibration;
using Orchestrator.ControlPlane.Migrations.Ledger;
using Orchestrator.ControlPlane.Migrations.Replaying;
using Orchestrator.ControlPlane.Migrations.Supervision;
using Orchestrator.ControlPlane.Migrations.Watching;
using Orchestrator.ControlPlane.Migrations.Wishes;
using Orchestrator.ControlPlane.Replicas;
using Orchestrator.ControlPlane.Schedules;

namespace Orchestrator.ControlPlane.Migrations;

internal static class MigrationsSetup
{
    // A caller who repeats his request that late gets the answer that the migration has ended.
    private static readonly TimeSpan s_keepWishes = TimeSpan.FromDays(1);

    /// <summary>After the hosts and the guests: supervisors begin last and stop first, the writer of readings between them and the database.</summary>
    public static WebApplicationBuilder AddMigrations(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<MigrationOptions>().BindConfiguration(MigrationOptions.Section).ValidateOnStart();
        builder.Services.AddSingleton<IValidateOptions<MigrationOptions>, MigrationOptionsValidator>();
        builder.Services.AddOptions<FaultOptions>().BindConfiguration(FaultOptions.Section).ValidateOnStart();
        builder.Services.AddSingleton<IValidateOptions<FaultOptions>, FaultOptionsValidator>();
        builder.Services.AddSingleton<MigrationStore>();
        builder.Services.AddSingleton<MigrationClaims>();
        builder.Services.AddSingleton<ProgressStore>();
        builder.Services.AddSingleton<MigrationHistory>();
        builder.Services.AddSingleton<ReadingStore>();
        builder.Services.AddSingleton<ReadingWriter>();
        builder.Services.AddHostedService(services => services.GetRequiredService<ReadingWriter>());
        builder.Services.AddSingleton<ReadingRetention>();
        builder.Services.AddSingleton(services => new Retention("readings", services.GetRequiredService<ReadingRetention>().TidyAsync));
        builder.Services.AddSingleton<MigrationFeed>();
        builder.Services.AddSingleton<MigrationWatch>();
        builder.Services.AddSingleton<WatchSources>();
        builder.Services.AddHostedService<RemoteFollower>();
        builder.Services.AddSingleton<MigrationReadout>();
        builder.Services.AddSingleton<ReplayLedger>();
        builder.Services.AddSingleton<MigrationReplay>();
        builder.Services.AddSingleton<CalibrationStore>();
        builder.Services.AddSingleton(services => new Retention("downtime observations", services.GetRequiredService<CalibrationStore>().RemoveOldAsync));
        builder.Services.AddSingleton<ConditionsReader>();
        builder.Services.AddSingleton<MigrationHindsight>();
        builder.Services.AddSingleton<AdmissionFacts>();
        builder.Services.AddSingleton<MigrationAdmission>();
        builder.Services.AddSingleton<MigrationWishes>();
        builder.Services.AddSingleton<WishStore>();
        builder.Services.AddSingleton(services => new Retention(
            "wishes",
            cancellation => services.GetRequiredService<WishStore>().RemoveOlderAsync(
                services.GetRequiredService<TimeProvider>().GetUtcNow() - s_keepWishes, cancellation)));
        builder.Services.AddSingleton<WishReader>();
        builder.Services.AddSingleton<WishPost>();
        builder.Services.AddSingleton<WishDesk>();
        builder.Services.AddHostedService(services => services.GetRequiredService<WishDesk>());
        builder.Services.AddSingleton<WishErrand>();
        builder.Services.AddSingleton<MigrationPost>();
        builder.Services.AddSingleton<IAgentReportListener>(services => services.GetRequiredService<MigrationPost>());
        builder.Services.AddSingleton<IAgentCalls>(services => new LeasedCalls(
            new AgentCalls(services.GetRequiredService<AgentLinks>()), services.GetRequiredService<ReplicaLease>()));
        builder.Services.AddSingleton<FaultPoint>();
        builder.Services.AddSingleton(services => new SupervisionBeat(
            services.GetRequiredService<TimeProvider>(), services.GetRequiredService<IOptions<MigrationOptions>>().Value));
        builder.Services.AddSingleton(services => new SupervisionEdges
        {
            Store = services.GetRequiredService<ProgressStore>(),
            History = services.GetRequiredService<MigrationHistory>(),
            Readings = services.GetRequiredService<ReadingWriter>(),
            Feed = services.GetRequiredService<MigrationFeed>(),
            Conditions = services.GetRequiredService<ConditionsReader>(),
            Agents = services.GetRequiredService<IAgentCalls>(),
            Beat = services.GetRequiredService<SupervisionBeat>(),
            Lease = services.GetRequiredService<ReplicaLease>(),
            Faults = services.GetRequiredService<FaultPoint>(),
            Logger = services.GetRequiredService<ILogger<MigrationSupervisor>>(),
        });
        builder.Services.AddSingleton<MigrationSupervisors>();
        builder.Services.AddHostedService<MigrationTakeOver>();
        return builder;
    }

    public static WebApplication MapMigrations(this WebApplication app)
    {
        app.MapGrpcService<MigrationGrpcService>();
        return app;
    }
}
