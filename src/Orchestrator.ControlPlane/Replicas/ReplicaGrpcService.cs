using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Replicas;

/// <summary>Asks and answers. Decides nothing.</summary>
internal sealed class ReplicaGrpcService(ReplicaStore replicas, ReplicaIdentity identity) : ReplicaService.ReplicaServiceBase
{
    public override async Task<ListReplicasResponse> ListReplicas(ListReplicasRequest request, ServerCallContext context) => new()
    {
        Replicas = { (await replicas.ListAsync(context.CancellationToken)).Select(ToMessage) },
        AnsweredBy = identity.ReplicaId.ToString(),
    };

    private static Replica ToMessage(StoredReplica replica) => new()
    {
        ReplicaId = replica.ReplicaId.ToString(),
        Version = replica.Version,
        Endpoint = replica.Endpoint,
        StartedAt = replica.StartedAt.ToTimestamp(),
        LeaseUntil = replica.LeaseUntil.ToTimestamp(),
        Leaving = replica.Leaving,
        Migrations = (uint)replica.Migrations,
        Evacuations = (uint)replica.Evacuations,
    };
}
