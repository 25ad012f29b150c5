using System.Reflection;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.Options;
using Orchestrator.ControlPlane.Database.Notifications;

namespace Orchestrator.ControlPlane.Replicas;

internal static class ReplicasSetup
{
    private static readonly string s_version =
        typeof(ReplicasSetup).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "";

    /// <summary>Right after the database, before whatever takes work.</summary>
    public static WebApplicationBuilder AddReplicas(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<ReplicaOptions>().BindConfiguration(ReplicaOptions.Section).ValidateOnStart();
        builder.Services.AddSingleton<IValidateOptions<ReplicaOptions>, ReplicaRangesValidator>();
        builder.Services.AddSingleton<IValidateOptions<ReplicaOptions>, ReplicaOptionsValidator>();
        var configured = (builder.Configuration.GetSection(ListenOptions.Section).Get<ListenOptions>() ?? new ListenOptions()).Address;
        builder.Services.AddSingleton(services => new ReplicaIdentity(
            Guid.NewGuid(),
            s_version,
            () => services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()?.Addresses.FirstOrDefault() ?? configured));
        builder.Services.AddSingleton<ReplicaStore>();
        builder.Services.AddSingleton<ReplicaLease>();
        builder.Services.AddHostedService<ReplicaStart>();
        builder.Services.AddSingleton<LeaseStore>();
        builder.Services.AddSingleton<NamedLeases>();
        builder.Services.AddHostedService(services => services.GetRequiredService<NamedLeases>());
        builder.Services.AddSingleton<NotificationListener>();
        builder.Services.AddHostedService(services => services.GetRequiredService<NotificationListener>());
        return builder;
    }

    public static WebApplication MapReplicas(this WebApplication app)
    {
        app.MapGrpcService<ReplicaGrpcService>();
        return app;
    }
}
