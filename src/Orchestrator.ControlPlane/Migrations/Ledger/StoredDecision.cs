using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Migrations.Ledger;

/// <param name="CommandId">What carries it out; null when no agent need be told.</param>
/// <param name="RequestId">Chosen by the caller who asked for it; null when the policy decided.</param>
internal sealed record StoredDecision(Decision Decision, long? CommandId, Guid? RequestId);
