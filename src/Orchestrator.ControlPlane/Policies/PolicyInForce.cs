using Orchestrator.Policy.Convergence;
using Orchestrator.PolicyMessages;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Policies;

/// <summary>The document that a migration follows: as the policy works with it, and as agents are sent it.</summary>
internal sealed record PolicyInForce(ConvergenceDocument Document, PolicyDocument Message)
{
    /// <exception cref="InvalidDataException">It is not sound any more.</exception>
    public static PolicyInForce Of(StoredPolicy policy) => new(PolicyDocumentParser.ParseStored(policy.Document), policy.Document);
}
