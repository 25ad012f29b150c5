using Grpc.Core;
using Orchestrator.ControlPlane.Placement;
using Orchestrator.Rpc.Errors;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Queue;

/// <summary>Parses, asks, answers. Decides nothing.</summary>
internal sealed class AdmissionGrpcService(PlacementExplanations explanations) : AdmissionService.AdmissionServiceBase
{
    // What the limits begin with (failure_memory).
    private static readonly TimeSpan s_failureMemory = TimeSpan.FromMinutes(10);

    public override Task<ExplainPlacementResponse> ExplainPlacement(ExplainPlacementRequest request, ServerCallContext context)
    {
        var violations = new Violations();
        var guestId = violations.Name("guest_id", request.GuestId);
        if (violations.Any)
        {
            throw Refusal.InvalidRequest(violations);
        }

        return explanations.ExplainAsync(guestId, s_failureMemory, context.CancellationToken);
    }
}
