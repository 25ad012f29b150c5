using Microsoft.Extensions.Options;
using Orchestrator.ControlPlane.Replicas;

namespace Orchestrator.ControlPlane.Hosts;

internal static class HostsSetup
{
    public static WebApplicationBuilder AddHosts(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<AgentOptions>().BindConfiguration(AgentOptions.Section).ValidateOnStart()
            .Configure<ReplicaIdentity>((options, replica) => options.ReplicaId = replica.ReplicaId.ToString());
        builder.Services.AddSingleton<IValidateOptions<AgentOptions>, AgentOptionsValidator>();
        builder.Services.AddSingleton<HostStore>();
        builder.Services.AddSingleton<HostRegistration>();
        builder.Services.AddSingleton<AgentNews>();
        builder.Services.AddSingleton<AgentLinks>();
        builder.Services.AddHostedService(services => services.GetRequiredService<AgentLinks>());
        return builder;
    }

    public static WebApplication MapHosts(this WebApplication app)
    {
        app.MapGrpcService<HostGrpcService>();
        return app;
    }
}
