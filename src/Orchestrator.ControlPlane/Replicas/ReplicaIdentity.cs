namespace Orchestrator.ControlPlane.Replicas;

/// <summary>Who this process is among the replicas.</summary>
/// <param name="ReplicaId">New at every start.</param>
/// <param name="Endpoint">"http://ADDRESS:PORT" as it listens; the port is known once it does.</param>
internal sealed record ReplicaIdentity(Guid ReplicaId, string Version, Func<string> Endpoint);
