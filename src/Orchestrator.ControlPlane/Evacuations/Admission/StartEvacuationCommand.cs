using System.Diagnostics.CodeAnalysis;
using Orchestrator.Rpc.Errors;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Evacuations.Admission;

/// <summary>A request to start an evacuation that has been found sound, as far as that can be told without the fleet.</summary>
internal sealed record StartEvacuationCommand
{
    public const int MaxRequestedByCharacters = 500;

    private StartEvacuationCommand()
    {
    }

    /// <summary>Chosen by the caller, so that a repeated request is the same evacuation and not a second one.</summary>
    public required Guid EvacuationId { get; init; }

    /// <summary>As it came, without what its messages do not define.</summary>
    public required StartEvacuationRequest Request { get; init; }

    public static bool TryParse(StartEvacuationRequest request, [NotNullWhen(true)] out StartEvacuationCommand? command, out Violations violations)
    {
        violations = new Violations();
        var evacuationId = violations.Uuid("evacuation_id", request.EvacuationId);
        violations.Text("requested_by", request.RequestedBy, MaxRequestedByCharacters);
        EvacuationSpecParser.Check(request.Spec, violations, "spec");
        command = violations.Any ? null : new StartEvacuationCommand
        {
            EvacuationId = evacuationId,

            // Compared with the stored one when the request is repeated: the same id written in another case is the same request.
            Request = ProtoJson.Read<StartEvacuationRequest>(
                ProtoJson.Write(new StartEvacuationRequest(request) { EvacuationId = evacuationId.ToString() })),
        };
        return command is not null;
    }
}
