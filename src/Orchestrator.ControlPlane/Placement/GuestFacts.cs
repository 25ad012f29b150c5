using System.Text.Json;
using Orchestrator.Policy;
using Orchestrator.Policy.Placement;
using Orchestrator.V1;
using AffinityTerm = Orchestrator.Policy.Placement.AffinityTerm;
using LabelOperator = Orchestrator.Policy.Placement.LabelOperator;
using LabelRequirement = Orchestrator.Policy.Placement.LabelRequirement;
using PlacementTerms = Orchestrator.Policy.Placement.PlacementTerms;

namespace Orchestrator.ControlPlane.Placement;

/// <summary>
/// Turns what one reading says of its guests into placement's values. Labels and terms that many guests share are made once.
/// </summary>
internal sealed class GuestFacts(IReadOnlyDictionary<string, FleetHost> hosts)
{
    private readonly Dictionary<string, IReadOnlyDictionary<string, string>> _labels = new(StringComparer.Ordinal);
    private readonly Dictionary<string, PlacementTerms> _terms = new(StringComparer.Ordinal);

    // Whereabouts on a host that is not among those read: it was removed, or came, between two statements.
    public FleetGuest Of(GuestRow row) => new()
    {
        GuestId = row.GuestId,
        Memory = new DataSize(row.MemoryBytes),
        Vcpus = row.Vcpus,
        Labels = Once(_labels, row.Labels, text => JsonSerializer.Deserialize<Dictionary<string, string>>(text) ?? []),
        Placement = Once(_terms, row.Placement, text => Terms(ProtoJson.Read<V1.PlacementTerms>(text))),
        Devices = row.VfioDevices is { } devices ? Devices(devices, Host(row.HostId)) : [],
        HostId = Host(row.HostId)?.HostId,
        TargetHostId = Host(row.TargetHostId)?.HostId,
    };

    /// <summary>
    /// The engine's version is that of the guest's host as it is now. A guest that was started before its host got a newer engine runs on
    /// an older one than this says, which keeps it from hosts it could have gone to and never sends it to one it could not.
    /// </summary>
    public MachineNeeds Machine(GuestRow row) => new()
    {
        MachineType = row.MachineType,
        CpuModel = row.CpuModel,
        Accelerator = row.Accelerator == "ACCELERATOR_KVM" ? "kvm" : "tcg",
        EngineVersion = Host(row.HostId)?.Engines.Select(engine => engine.Version).FirstOrDefault() ?? "",
    };

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

    private static List<DeviceNeed> Devices(string text, FleetHost? host)
    {
        var spec = ProtoJson.Read<MachineSpec>($$"""{"vfioDevices": {{text}}}""");
        return [.. spec.VfioDevices.Select(device =>
        {
            var present = host?.Devices.FirstOrDefault(candidate => candidate.SysfsPath == device.SysfsPath);
            return new DeviceNeed(device.DeviceId, device.SysfsPath, present?.Kind ?? "", present?.Driver ?? "", present?.DriverVersion ?? "");
        })];
    }

    private static T Once<T>(Dictionary<string, T> known, string text, Func<string, T> make)
    {
        if (!known.TryGetValue(text, out var made))
        {
            known[text] = made = make(text);
        }

        return made;
    }

    private FleetHost? Host(string? hostId) => hostId is null ? null : hosts.GetValueOrDefault(hostId);
}

/// <summary>Positional on purpose: a column that does not fit throws instead of staying at its default.</summary>
/// <param name="VfioDevices">As proto JSON; null = none.</param>
internal sealed record GuestRow(
    string GuestId,
    long MemoryBytes,
    int Vcpus,
    string MachineType,
    string CpuModel,
    string Accelerator,
    string? VfioDevices,
    string Labels,
    string Placement,
    string? HostId,
    string? TargetHostId);
