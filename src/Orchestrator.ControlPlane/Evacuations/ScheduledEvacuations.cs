using Grpc.Core;
using Orchestrator.ControlPlane.Evacuations.Admission;
using Orchestrator.ControlPlane.Evacuations.Ledger;
using Orchestrator.ControlPlane.Schedules;
using Orchestrator.Rpc.Errors;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Evacuations;

/// <summary>Evacuations as schedules see them: the doors of callers, with refusals as words for the record.</summary>
internal sealed class ScheduledEvacuations(EvacuationAdmission admission, EvacuationStore evacuations, EvacuationWishes wishes)
{
    public EvacuationPort Port => new()
    {
        Check = EvacuationSpecParser.Check,
        StartAsync = StartAsync,
        GoesOnAsync = async (id, cancellation) => await evacuations.FindAsync(id, cancellation) is { EndedAt: null },
        PauseAsync = (id, why, cancellation) => UnlessEndedAsync(() => wishes.PauseAsync(id, why, cancellation)),
        ResumeAsync = (id, cancellation) => UnlessEndedAsync(() => wishes.ResumeAsync(id, cancellation)),
    };

    private async Task<WorkAnswer> StartAsync(Guid id, EvacuationSpec spec, string askedBy, CancellationToken cancellation)
    {
        var request = new StartEvacuationRequest
        {
            EvacuationId = id.ToString(),
            Spec = spec,
            RequestedBy = askedBy[..Math.Min(askedBy.Length, StartEvacuationCommand.MaxRequestedByCharacters)],
        };

        // It was sound when it was scheduled; a newer release may have become stricter since.
        if (!StartEvacuationCommand.TryParse(request, out var command, out var violations))
        {
            return WorkAnswer.Refused(Refusal.InvalidRequest(violations).Status.Detail);
        }

        try
        {
            await admission.StartScheduledAsync(command, cancellation);
            return new WorkAnswer(FiringOutcome.Started, "") { EvacuationId = id };
        }
        catch (RpcException refused)
        {
            return WorkAnswer.Refused(refused.Status.Detail);
        }
    }

    private static async Task UnlessEndedAsync(Func<Task> wish)
    {
        try
        {
            await wish();
        }
        catch (RpcException refused) when (refused.StatusCode is StatusCode.FailedPrecondition or StatusCode.NotFound)
        {
            // There is nothing to pause or resume any more.
        }
    }
}
