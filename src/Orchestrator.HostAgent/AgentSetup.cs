using Microsoft.AspNetCore.Hosting;
using Orchestrator.Agent.V1;
using Orchestrator.HostAgent.Guests;
using Orchestrator.HostAgent.Host;
using Orchestrator.HostAgent.Migrations;
using Orchestrator.HostAgent.Service;
using Orchestrator.Rpc.Serving;

namespace Orchestrator.HostAgent;

/// <summary>Puts an agent together.</summary>
internal static class AgentSetup
{
    public static WebApplication Build(WebApplicationBuilder builder, AgentSettings settings)
    {
        builder.AddRpc(settings.Listen, AgentService.Descriptor);

        // A control plane that vanished without a word listens no longer, and guests may be waiting for that to be noticed.
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Limits.Http2.KeepAlivePingDelay = TimeSpan.FromSeconds(5);
            kestrel.Limits.Http2.KeepAlivePingTimeout = TimeSpan.FromSeconds(10);
        });
        builder.Services.AddSingleton(settings);
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton(new AgentInstance(settings.HostId, Guid.NewGuid().ToString()));

        builder.Services.AddSingleton<EngineCatalog>();
        builder.Services.AddSingleton<HostDescriber>();
        builder.Services.AddSingleton<GuestRegistry>();
        builder.Services.AddSingleton<GuestLauncher>();
        builder.Services.AddSingleton<GuestControl>();

        builder.Services.AddSingleton(services => new SessionPace(settings.ReportInterval, services.GetRequiredService<TimeProvider>()));
        builder.Services.AddSingleton<HandOverSender>();
        builder.Services.AddSingleton<Attendance>();
        builder.Services.AddSingleton<SourceContacts>();
        builder.Services.AddSingleton<SessionFactory>();
        builder.Services.AddSingleton<SessionRegistry>();
        builder.Services.AddSingleton<Observers>();

        // A probe that fails is no reason to leave guests without an agent.
        builder.Services.Configure<HostOptions>(host => host.BackgroundServiceExceptionBehavior = BackgroundServiceExceptionBehavior.Ignore);

        // In this order: found again, then served.
        builder.Services.AddHostedService<AgentStartup>();
        builder.Services.AddHostedService<LogTrimmer>();
        if (settings.ProbeKvm)
        {
            builder.Services.AddHostedService<AcceleratorProbe>();
        }

        var app = builder.Build();
        app.MapRpc();
        app.MapGrpcService<AgentGrpcService>();

        // Made now, so that no report is told before anybody listens.
        app.Services.GetRequiredService<Observers>();
        return app;
    }
}
