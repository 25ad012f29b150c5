using System.Collections.Concurrent;
using System.Net;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orchestrator.Rpc.Errors;
using Orchestrator.V1;

namespace Orchestrator.Cli.Tests.Scripted;

/// <summary>A real gRPC server on loopback whose services say what the test wants.</summary>
internal sealed class ScriptedServer : IAsyncDisposable
{
    private readonly ConcurrentDictionary<Type, Func<object, object>> _answers = new();
    private readonly ConcurrentDictionary<Type, Func<object, object, CancellationToken, Task>> _streams = new();
    private readonly ConcurrentQueue<object> _seen = new();
    private WebApplication? _app;

    public Uri Address { get; private set; } = new("http://127.0.0.1:1");

    public static async Task<ScriptedServer> StartAsync()
    {
        var server = new ScriptedServer();
        await server.ListenAsync(0);
        return server;
    }

    /// <summary>Breaks every connection and refuses new ones.</summary>
    public async Task GoDownAsync()
    {
        if (_app is { } app)
        {
            using var atOnce = new CancellationTokenSource();
            await atOnce.CancelAsync();
            await app.StopAsync(atOnce.Token);
            await app.DisposeAsync();
            _app = null;
        }
    }

    /// <summary>Listens again where it did before.</summary>
    public Task ComeBackAsync() => ListenAsync(Address.Port);

    public void On<TRequest, TResponse>(Func<TRequest, TResponse> answer)
        where TRequest : class
        where TResponse : class =>
        _answers[typeof(TRequest)] = request => answer((TRequest)request);

    public void OnStream<TRequest, TResponse>(Func<TRequest, IServerStreamWriter<TResponse>, CancellationToken, Task> answer)
        where TRequest : class =>
        _streams[typeof(TRequest)] = (request, writer, cancellation) => answer((TRequest)request, (IServerStreamWriter<TResponse>)writer, cancellation);

    public IReadOnlyList<T> Seen<T>() => [.. _seen.OfType<T>()];

    public static RpcException Refuse(StatusCode code, string reason, string message, params (string Key, string Value)[] facts) =>
        Refusal.Because(code, "orchestrator.v1", reason, message, facts);

    public async ValueTask DisposeAsync() => await GoDownAsync();

    private async Task ListenAsync(int port)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(
            new IPEndPoint(IPAddress.Loopback, port), listen => listen.Protocols = HttpProtocols.Http2));
        builder.Services.AddGrpc(grpc => grpc.Interceptors.Add<Script>(this));
        _app = builder.Build();
        _app.MapGrpcService<Hosts>();
        _app.MapGrpcService<Guests>();
        _app.MapGrpcService<Policies>();
        _app.MapGrpcService<Migrations>();
        _app.MapGrpcService<Admission>();
        _app.MapGrpcService<Schedules>();
        _app.MapGrpcService<Notices>();
        _app.MapGrpcService<Evacuations>();
        await _app.StartAsync();
        Address = new Uri(_app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
    }

    private sealed class Script(ScriptedServer server) : Interceptor
    {
        public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
            TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
        {
            server._seen.Enqueue(request);
            return server._answers.TryGetValue(typeof(TRequest), out var answer)
                ? Task.FromResult((TResponse)answer(request))
                : continuation(request, context);
        }

        public override Task ServerStreamingServerHandler<TRequest, TResponse>(
            TRequest request,
            IServerStreamWriter<TResponse> responseStream,
            ServerCallContext context,
            ServerStreamingServerMethod<TRequest, TResponse> continuation)
        {
            server._seen.Enqueue(request);
            return server._streams.TryGetValue(typeof(TRequest), out var answer)
                ? answer(request, responseStream, context.CancellationToken)
                : continuation(request, responseStream, context);
        }
    }

    private sealed class Hosts : HostService.HostServiceBase;

    private sealed class Guests : GuestService.GuestServiceBase;

    private sealed class Policies : PolicyService.PolicyServiceBase;

    private sealed class Migrations : MigrationService.MigrationServiceBase;

    private sealed class Admission : AdmissionService.AdmissionServiceBase;

    private sealed class Schedules : ScheduleService.ScheduleServiceBase;

    private sealed class Notices : NoticeService.NoticeServiceBase;

    private sealed class Evacuations : EvacuationService.EvacuationServiceBase;
}
