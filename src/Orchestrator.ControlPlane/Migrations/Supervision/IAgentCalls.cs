using Grpc.Core;
using Orchestrator.Agent.V1;
using Orchestrator.ControlPlane.Hosts;

namespace Orchestrator.ControlPlane.Migrations.Supervision;

/// <summary>What supervisors need of the agents.</summary>
internal interface IAgentCalls
{
    /// <summary>True while the host's report stream is up.</summary>
    bool IsConnected(string hostId);

    /// <summary>True once this replica knows that the host was declared dead.</summary>
    bool IsDead(string hostId);

    /// <summary>Has no host taken for dead from here on that had been readmitted before.</summary>
    Task ForgetReadmittedAsync(CancellationToken cancellation);

    /// <summary>"http://ADDRESS:PORT"; null when no such host is registered.</summary>
    string? EndpointOf(string hostId);

    /// <exception cref="RpcException">The agent refused or did not answer.</exception>
    Task<ExecuteResponse> ExecuteAsync(string hostId, ExecuteRequest request, CancellationToken cancellation);

    /// <exception cref="RpcException">The agent did not answer.</exception>
    Task<PollResponse> PollAsync(string hostId, PollRequest request, CancellationToken cancellation);
}

/// <summary>By way of the links.</summary>
internal sealed class AgentCalls(AgentLinks links) : IAgentCalls
{
    private static readonly Status s_notRegistered = new(StatusCode.Unavailable, "no such host is registered");

    public bool IsConnected(string hostId) => links.IsConnected(hostId);

    public bool IsDead(string hostId) => links.IsDead(hostId);

    public Task ForgetReadmittedAsync(CancellationToken cancellation) => links.HasDead ? links.SyncAsync(cancellation) : Task.CompletedTask;

    public string? EndpointOf(string hostId) => links.EndpointOf(hostId);

    public async Task<ExecuteResponse> ExecuteAsync(string hostId, ExecuteRequest request, CancellationToken cancellation)
    {
        using var call = Client(hostId).ExecuteAsync(request, cancellationToken: cancellation);
        return await call.ResponseAsync;
    }

    public async Task<PollResponse> PollAsync(string hostId, PollRequest request, CancellationToken cancellation)
    {
        using var call = Client(hostId).PollAsync(request, cancellationToken: cancellation);
        return await call.ResponseAsync;
    }

    private AgentService.AgentServiceClient Client(string hostId) => links.ClientFor(hostId) ?? throw new RpcException(s_notRegistered);
}
