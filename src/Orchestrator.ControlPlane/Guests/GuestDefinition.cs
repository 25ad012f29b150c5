using System.Diagnostics.CodeAnalysis;
using Orchestrator.Rpc.Errors;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Guests;

/// <summary>What a caller says of a guest: its machine and its terms, sound and with the defaults of the protos filled in.</summary>
internal sealed record GuestDefinition(string GuestId, MachineSpec Spec)
{
    /// <summary>A map field, which compares by content.</summary>
    public IReadOnlyDictionary<string, string> Labels { get; init; } = NoLabels;

    public PlacementTerms Placement { get; init; } = new();

    /// <summary>Null: as whoever moves the guest says.</summary>
    public NoticeTerms? Notice { get; init; }

    private static IReadOnlyDictionary<string, string> NoLabels => new Google.Protobuf.Collections.MapField<string, string>();

    public static bool TryParse(
        DefineGuestRequest request, [NotNullWhen(true)] out GuestDefinition? definition, out Violations violations)
    {
        violations = new Violations();
        var parsed = new GuestDefinition(
            violations.Name("guest_id", request.GuestId), MachineSpecParser.Parse("spec", request.Spec, violations))
        {
            Labels = ControlPlane.Labels.Parse(violations, "labels", request.Labels),
            Placement = PlacementTermsParser.Parse("placement", request.Placement, violations),
            Notice = NoticeTermsParser.Parse("notice", request.Notice, violations),
        };
        definition = violations.Any ? null : parsed;
        return definition is not null;
    }
}
