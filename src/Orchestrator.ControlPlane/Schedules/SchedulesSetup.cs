using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Npgsql;
using Orchestrator.ControlPlane.Schedules.Bells;
using Quartz;

namespace Orchestrator.ControlPlane.Schedules;

internal static class SchedulesSetup
{
    /// <summary>After the database, whose scripts make Quartz's tables, and after everything that schedules begin.</summary>
    public static WebApplicationBuilder AddSchedules(this WebApplicationBuilder builder)
    {
        builder.AddBells();
        builder.Services.AddOptions<ScheduleOptions>().BindConfiguration(ScheduleOptions.Section).ValidateOnStart();
        builder.Services.AddSingleton<IValidateOptions<ScheduleOptions>, ScheduleOptionsValidator>();
        builder.Services.AddSingleton<ScheduleStore>();
        builder.Services.AddSingleton<FiringStore>();
        builder.Services.TryAddSingleton<EvacuationPort>();
        builder.Services.AddSingleton<ScheduledWork>();
        builder.Services.AddSingleton<ScheduleRunner>();
        builder.Services.AddSingleton<ScheduleTriggers>();
        builder.Services.AddSingleton<ScheduleRings>();
        builder.Services.AddSingleton<ScheduleSignals>();
        builder.Services.AddHostedService<ScheduleLoop>();
        builder.Services.AddSingleton(services => new Retention(
            "firings",
            cancellation => services.GetRequiredService<FiringStore>().RemoveOlderAsync(
                services.GetRequiredService<TimeProvider>().GetUtcNow() - services.GetRequiredService<IOptions<ScheduleOptions>>().Value.KeepFirings,
                cancellation)));
        builder.Services.AddHostedService<RetentionLoop>();
        return builder;
    }

    public static WebApplication MapSchedules(this WebApplication app)
    {
        app.MapGrpcService<ScheduleGrpcService>();
        return app;
    }

    private static void AddBells(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<BellOptions>().BindConfiguration(BellOptions.Section).ValidateOnStart();
        builder.Services.AddSingleton<IValidateOptions<BellOptions>, BellOptionsValidator>();
        builder.Services.AddSingleton<Bells.Bells>();
        builder.Services.AddQuartz(quartz =>
        {
            quartz.ConfigureScheduler(scheduler =>
            {
                // The same on all replicas: members of a cluster are told apart by the id and held together by the name.
                scheduler.InstanceName = "orchestrator";
                scheduler.GenerateInstanceId = true;
                scheduler.IdleWaitTime = TimeSpan.FromSeconds(5);
            });

            // Jobs only ring, which takes no time worth a second thread.
            quartz.UseDefaultThreadPool(2);

            // To replace what hangs already would make two replicas that start together both ring the same bell.
            quartz.ConfigureOptions<SchedulingOptions>(scheduling => scheduling.IgnoreDuplicates = true);
            quartz.UsePersistentStore(store =>
            {
                store.UsePostgres(source => source.DataSourceFactory = services => services.GetRequiredService<NpgsqlDataSource>());
                store.UseSystemTextJsonSerializer();
                store.ConfigureStore(options =>
                {
                    options.TablePrefix = "qrtz_";
                    options.SchemaProvisioning = SchemaProvisioning.Validate;

                    // A stop of the process waits for what is being tried again.
                    options.DbRetryInterval = TimeSpan.FromSeconds(2);
                });
                store.UseClustering(cluster => cluster.Enabled = true);
            });
            quartz.Services.AddOptions<ClusteringOptions>().Configure<IOptions<BellOptions>>(
                (cluster, bells) => cluster.CheckinInterval = bells.Value.ClusterCheckInEvery);
            quartz.AddJob<ScheduleJob>(job => job.WithIdentity(ScheduleJob.Key).StoreDurably());
            quartz.AddJob<BellJob>(job => job.WithIdentity(BellJob.Key).StoreDurably());
            foreach (var bell in Enum.GetValues<Bell>())
            {
                quartz.AddTrigger((services, trigger) => trigger
                    .ForJob(BellJob.Key)
                    .WithIdentity(BellJob.TriggerKey(bell))
                    .WithSimpleSchedule(BellTuning.Period(services.GetRequiredService<IOptions<BellOptions>>().Value.Every(bell))));
            }
        });
        builder.Services.AddHostedService<BellTower>();
        builder.Services.AddHostedService<BellTuning>();
        builder.Services.AddHostedService<BellRelay>();
    }
}
