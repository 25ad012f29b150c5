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
        builder.Services.AddOptions<HostLivenessOptions>().BindConfiguration(HostLivenessOptions.Section).ValidateOnStart();
        builder.Services.AddSingleton<IValidateOptions<HostLivenessOptions>, HostLivenessRangesValidator>();
        builder.Services.AddSingleton<IValidateOptions<HostLivenessOptions>, HostLivenessOptionsValidator>();
        builder.Services.AddOptions<FencingOptions>().BindConfiguration(FencingOptions.Section).ValidateOnStart();
        builder.Services.AddSingleton<IValidateOptions<FencingOptions>, FencingRangesValidator>();
        builder.Services.AddSingleton<IValidateOptions<FencingOptions>, FencingOptionsValidator>();
        builder.Services.AddSingleton<HostStore>();
        builder.Services.AddSingleton<HostLivenessStore>();
        builder.Services.AddSingleton<HostUseStore>();
        builder.Services.AddSingleton<HostTimes>();
        builder.Services.AddSingleton<FencingCommand>();
        builder.Services.AddSingleton<HostDeaths>();
        builder.Services.AddSingleton<HostMessages>();
        builder.Services.AddSingleton<HostRegistration>();
        builder.Services.AddSingleton<AgentNews>();
        builder.Services.AddSingleton<AgentLinks>();
        builder.Services.AddHostedService(services => services.GetRequiredService<AgentLinks>());
        builder.Services.AddHostedService<HostLivenessBeat>();
        builder.Services.AddHostedService<HostNotifications>();
        return builder;
    }

    public static WebApplication MapHosts(this WebApplication app)
    {
        app.MapGrpcService<HostGrpcService>();
        return app;
    }
}
