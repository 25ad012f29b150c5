using Grpc.Health.V1;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Orchestrator.Rpc.Health;
using Orchestrator.Rpc.Reflection;
using ServiceDescriptor = Google.Protobuf.Reflection.ServiceDescriptor;

namespace Orchestrator.Rpc.Serving;

/// <summary>Registrations and mappings that every gRPC server of the product has.</summary>
public static class RpcSetup
{
    /// <summary>Largest request: far above any valid one, far below what would hurt.</summary>
    public const int MaxReceiveBytes = 1024 * 1024;

    /// <param name="services">What reflection shows and health knows; health and reflection themselves are added.</param>
    public static WebApplicationBuilder AddRpc(
        this WebApplicationBuilder builder, ListenAddress listen, params IReadOnlyList<ServiceDescriptor> services)
    {
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Listen(listen.EndPoint, endpoint => endpoint.Protocols = HttpProtocols.Http2);

            // A dead peer is noticed within half a minute even when its host vanished without a word.
            kestrel.Limits.Http2.KeepAlivePingDelay = TimeSpan.FromSeconds(15);
            kestrel.Limits.Http2.KeepAlivePingTimeout = TimeSpan.FromSeconds(15);
        });
        builder.Services.AddGrpc(grpc =>
        {
            grpc.MaxReceiveMessageSize = MaxReceiveBytes;
            grpc.Interceptors.Add<ServerInterceptor>();
        });
        builder.Services.AddSingleton(new ReflectionIndex(
        [
            .. services, Grpc.Health.V1.Health.Descriptor, Grpc.Reflection.V1.ServerReflection.Descriptor,
            Grpc.Reflection.V1Alpha.ServerReflection.Descriptor,
        ]));
        var statuses = new ServingStatuses();
        foreach (var name in services.Select(service => service.FullName).Append(""))
        {
            statuses.Set(name, HealthCheckResponse.Types.ServingStatus.Serving);
        }

        builder.Services.AddSingleton(statuses);
        return builder;
    }

    public static WebApplication MapRpc(this WebApplication app)
    {
        app.MapGrpcService<HealthGrpcService>();
        app.MapGrpcService<ReflectionGrpcService>();
        app.MapGrpcService<ReflectionAlphaGrpcService>();
        return app;
    }
}
