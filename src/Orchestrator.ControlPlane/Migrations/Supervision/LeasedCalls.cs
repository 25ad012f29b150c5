using Grpc.Core;
using Orchestrator.Agent.V1;
using Orchestrator.ControlPlane.Replicas;

namespace Orchestrator.ControlPlane.Migrations.Supervision;

/// <summary>
/// Commands leave under this replica's name, and only while its lease is held: a process that was frozen, or whose database is away, looks
/// at its clock right before it speaks and says nothing.
/// </summary>
internal sealed class LeasedCalls(IAgentCalls agents, ReplicaLease lease) : IAgentCalls
{
    private static readonly Status s_noLease = new(StatusCode.Unavailable, "this replica has no lease at the moment");

    private readonly string _replicaId = lease.ReplicaId.ToString();

    public bool IsConnected(string hostId) => agents.IsConnected(hostId);

    public bool IsDead(string hostId) => agents.IsDead(hostId);

    public Task ForgetReadmittedAsync(CancellationToken cancellation) => agents.ForgetReadmittedAsync(cancellation);

    public string? EndpointOf(string hostId) => agents.EndpointOf(hostId);

    public Task<ExecuteResponse> ExecuteAsync(string hostId, ExecuteRequest request, CancellationToken cancellation)
    {
        if (!lease.IsHeld)
        {
            throw new RpcException(s_noLease);
        }

        request.ReplicaId = _replicaId;
        return agents.ExecuteAsync(hostId, request, cancellation);
    }

    public Task<PollResponse> PollAsync(string hostId, PollRequest request, CancellationToken cancellation) =>
        agents.PollAsync(hostId, request, cancellation);
}
