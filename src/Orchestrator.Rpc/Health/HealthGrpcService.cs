using System.Collections.Concurrent;
using Grpc.Core;
using Grpc.Health.V1;
using Microsoft.Extensions.Hosting;
using static Grpc.Health.V1.HealthCheckResponse.Types;

namespace Orchestrator.Rpc.Health;

/// <summary>What the health service answers. The empty name stands for the whole server.</summary>
public sealed class ServingStatuses
{
    private readonly ConcurrentDictionary<string, ServingStatus> _statuses = new(StringComparer.Ordinal);
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public void Set(string service, ServingStatus status)
    {
        _statuses[service] = status;
        Interlocked.Exchange(ref _changed, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).SetResult();
    }

    internal ServingStatus? Find(string service) => _statuses.TryGetValue(service, out var status) ? status : null;

    /// <summary>Take it before reading a status: it ends at the first change after that.</summary>
    internal Task NextChange => Volatile.Read(ref _changed).Task;
}

/// <summary>The standard health protocol. Our own, since the package for it is not in every registry.</summary>
internal sealed class HealthGrpcService(ServingStatuses statuses, IHostApplicationLifetime lifetime)
    : Grpc.Health.V1.Health.HealthBase
{
    public override Task<HealthCheckResponse> Check(HealthCheckRequest request, ServerCallContext context) =>
        statuses.Find(request.Service) is { } status
            ? Task.FromResult(new HealthCheckResponse { Status = status })
            : throw new RpcException(new Status(StatusCode.NotFound, $"No service \"{request.Service}\"."));

    public override async Task Watch(
        HealthCheckRequest request, IServerStreamWriter<HealthCheckResponse> responseStream, ServerCallContext context)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping);
        ServingStatus? told = null;
        while (true)
        {
            var change = statuses.NextChange;
            var now = statuses.Find(request.Service) ?? ServingStatus.ServiceUnknown;
            if (now != told)
            {
                await responseStream.WriteAsync(new HealthCheckResponse { Status = now }, ending.Token);
                told = now;
            }

            await change.WaitAsync(ending.Token);
        }
    }
}
