using System.Net;
using Google.Protobuf.Reflection;
using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Net.Client;
using Grpc.Reflection.V1;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orchestrator.Rpc.Errors;
using Orchestrator.Rpc.Health;
using Orchestrator.Rpc.Serving;
using Orchestrator.V1;
using static Grpc.Health.V1.HealthCheckResponse.Types;

namespace Orchestrator.Rpc.Tests;

/// <summary>A real server on loopback with one service that refuses, fails and hangs as asked.</summary>
public sealed class ServerTests : IAsyncLifetime
{
    private static readonly TimeSpan s_bound = TimeSpan.FromSeconds(30);
    private WebApplication _app = null!;
    private GrpcChannel _channel = null!;

    public async Task InitializeAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.AddRpc(new ListenAddress(new IPEndPoint(IPAddress.Loopback, 0)), HostService.Descriptor);
        _app = builder.Build();
        _app.MapRpc();
        _app.MapGrpcService<AwkwardHosts>();
        await _app.StartAsync();
        _channel = GrpcChannel.ForAddress(
            _app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
    }

    public async Task DisposeAsync()
    {
        _channel.Dispose();
        await _app.DisposeAsync();
    }

    [Fact]
    public async Task Health_KnowsServerAndServices_AndNoOthers()
    {
        var health = new Grpc.Health.V1.Health.HealthClient(_channel);
        Assert.Equal(ServingStatus.Serving, (await health.CheckAsync(new HealthCheckRequest())).Status);
        Assert.Equal(
            ServingStatus.Serving, (await health.CheckAsync(new HealthCheckRequest { Service = "orchestrator.v1.HostService" })).Status);
        var unknown = await Assert.ThrowsAsync<RpcException>(async () => await health.CheckAsync(new HealthCheckRequest { Service = "x" }));
        Assert.Equal(StatusCode.NotFound, unknown.StatusCode);
    }

    [Fact]
    public async Task HealthWatch_TellsTheStatusAndEveryChange()
    {
        using var ending = new CancellationTokenSource(s_bound);
        using var call = new Grpc.Health.V1.Health.HealthClient(_channel).Watch(new HealthCheckRequest(), cancellationToken: ending.Token);
        Assert.True(await call.ResponseStream.MoveNext(ending.Token));
        Assert.Equal(ServingStatus.Serving, call.ResponseStream.Current.Status);

        _app.Services.GetRequiredService<ServingStatuses>().Set("", ServingStatus.NotServing);

        Assert.True(await call.ResponseStream.MoveNext(ending.Token));
        Assert.Equal(ServingStatus.NotServing, call.ResponseStream.Current.Status);
    }

    [Fact]
    public async Task Reflection_ListsServicesAndGivesWholeFiles()
    {
        using var call = new ServerReflection.ServerReflectionClient(_channel).ServerReflectionInfo();
        var names = (await AskAsync(new ServerReflectionRequest { ListServices = "" })).ListServicesResponse.Service.Select(s => s.Name);
        Assert.Equal(
            ["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection", "orchestrator.v1.HostService"],
            names);

        var files = (await AskAsync(new ServerReflectionRequest { FileContainingSymbol = "orchestrator.v1.HostService.GetHost" }))
            .FileDescriptorResponse.FileDescriptorProto.Select(FileDescriptorProto.Parser.ParseFrom).ToList();
        Assert.Equal("orchestrator/v1/hosts.proto", files[0].Name);
        Assert.Subset(files.Select(file => file.Name).ToHashSet(), files.SelectMany(file => file.Dependency).ToHashSet());

        var unknown = await AskAsync(new ServerReflectionRequest { FileByFilename = "nowhere.proto" });
        Assert.Equal((int)StatusCode.NotFound, unknown.ErrorResponse.ErrorCode);

        async Task<ServerReflectionResponse> AskAsync(ServerReflectionRequest request)
        {
            await call.RequestStream.WriteAsync(request);
            Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None));
            return call.ResponseStream.Current;
        }
    }

    [Fact]
    public async Task Refusal_ArrivesWithReasonAndFacts()
    {
        var refused = await Assert.ThrowsAsync<RpcException>(
            async () => await new HostService.HostServiceClient(_channel).GetHostAsync(new GetHostRequest { HostId = "refuse" }));
        Assert.Equal(StatusCode.NotFound, refused.StatusCode);
        var info = Refusal.FindDetail<Google.Rpc.ErrorInfo>(refused);
        Assert.Equal("HOST_UNKNOWN", info?.Reason);
        Assert.Equal("refuse", info?.Metadata["host_id"]);
        Assert.Null(Refusal.FindDetail<Google.Rpc.BadRequest>(refused));
    }

    [Fact]
    public async Task UnplannedException_LeavesAsInternalWithoutItsText()
    {
        var failed = await Assert.ThrowsAsync<RpcException>(
            async () => await new HostService.HostServiceClient(_channel).GetHostAsync(new GetHostRequest { HostId = "fail" }));
        Assert.Equal(StatusCode.Internal, failed.StatusCode);
        Assert.DoesNotContain("secret", failed.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task CallCutOffByShutdown_LeavesAsUnavailableWithRetryDelay()
    {
        var hanging = new HostService.HostServiceClient(_channel).GetHostAsync(new GetHostRequest { HostId = "hang" });
        await AwkwardHosts.Hanging.Task.WaitAsync(s_bound);
        var stop = _app.StopAsync();

        var cut = await Assert.ThrowsAsync<RpcException>(async () => await hanging.ResponseAsync.WaitAsync(s_bound));
        await stop;

        Assert.Equal(StatusCode.Unavailable, cut.StatusCode);
        Assert.Equal("SHUTTING_DOWN", Refusal.FindDetail<Google.Rpc.ErrorInfo>(cut)?.Reason);
        Assert.NotNull(Refusal.FindDetail<Google.Rpc.RetryInfo>(cut)?.RetryDelay);
    }

    internal sealed class AwkwardHosts(Microsoft.Extensions.Hosting.IHostApplicationLifetime lifetime) : HostService.HostServiceBase
    {
        public static TaskCompletionSource Hanging { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public override async Task<GetHostResponse> GetHost(GetHostRequest request, ServerCallContext context)
        {
            switch (request.HostId)
            {
                case "refuse":
                    throw Refusal.Because(
                        StatusCode.NotFound, "orchestrator.v1", "HOST_UNKNOWN", "No such host.", ("host_id", request.HostId));
                case "hang":
                    var never = new TaskCompletionSource<GetHostResponse>();
                    using (lifetime.ApplicationStopping.Register(() => never.SetCanceled()))
                    {
                        Hanging.SetResult();
                        return await never.Task;
                    }

                default:
                    throw new InvalidOperationException("secret");
            }
        }
    }
}
