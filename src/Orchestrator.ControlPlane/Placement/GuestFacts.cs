using Orchestrator.Policy.Placement;
using Orchestrator.V1;
using AffinityTerm = Orchestrator.Policy.Placement.AffinityTerm;
using LabelOperator = Orchestrator.Policy.Placement.LabelOperator;
using LabelRequirement = Orchestrator.Policy.Placement.LabelRequirement;
using PlacementTerms = Orchestrator.Policy.Placement.PlacementTerms;

namespace Orchestrator.ControlPlane.Placement;

/// <summary>Turns what guests' rows say into placement's values.</summary>
internal static class GuestFacts
{
    public static PlacementTerms Terms(V1.PlacementTerms terms) => new(
        [.. terms.HostSelector.Select(requirement => new LabelRequirement(requirement.Key, Operator(requirement.Operator), [.. requirement.Values]))],
        [.. terms.Affinity.Select(Term)]);

    private static AffinityTerm Term(V1.AffinityTerm term) => new(
        term.GuestLabels.ToDictionary(),
        term.TopologyKey,
        term.Anti,
        term.Required,
        term.Weight == 0 ? AffinityTerm.DefaultWeight : (int)term.Weight);

    // Others are refused when a guest is defined.
    private static LabelOperator Operator(V1.LabelOperator kind) => kind switch
    {
        V1.LabelOperator.In => LabelOperator.In,
        V1.LabelOperator.NotIn => LabelOperator.NotIn,
        V1.LabelOperator.DoesNotExist => LabelOperator.DoesNotExist,
        V1.LabelOperator.Exists or V1.LabelOperator.Unspecified => LabelOperator.Exists,
    };

    /// <param name="text">Proto JSON of the list.</param>
    public static IReadOnlyList<DeviceNeed> Devices(string text, FleetHost? host)
    {
        var spec = ProtoJson.Read<MachineSpec>($$"""{"vfioDevices": {{text}}}""");
        return [.. spec.VfioDevices.Select(device =>
        {
            var present = host?.Devices.FirstOrDefault(candidate => candidate.SysfsPath == device.SysfsPath);
            return new DeviceNeed(device.DeviceId, device.SysfsPath, present?.Kind ?? "", present?.Driver ?? "", present?.DriverVersion ?? "");
        })];
    }
}

/// <summary>Positional on purpose: a column that does not fit throws instead of staying at its default.</summary>
/// <param name="VfioDevices">As proto JSON; null = none.</param>
internal sealed record GuestRow(
    string GuestId,
    long Revision,
    DateTime DefinedAt,
    long MemoryBytes,
    int Vcpus,
    string MachineType,
    string CpuModel,
    string Accelerator,
    string? VfioDevices,
    string Labels,
    string Placement);

/// <summary>Which row of a guest it is, and where that says the guest is. A guest that is removed and defined anew begins with revision 1 again.</summary>
internal sealed record WhereaboutsRow(
    string GuestId, long Revision, DateTime DefinedAt, string? HostId, string? TargetHostId, string State, bool Stopping);
