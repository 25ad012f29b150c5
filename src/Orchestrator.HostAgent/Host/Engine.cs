using Orchestrator.Qmp;
using Orchestrator.V1;

namespace Orchestrator.HostAgent.Host;

/// <summary>A QEMU program on this host, as it described itself when it was probed.</summary>
/// <param name="Machines">Every machine type by name; an alias such as "q35" leads to the versioned one, a versioned one to itself.</param>
internal sealed record Engine(
    string Program, string Version, QemuFeatures Features, IReadOnlyDictionary<string, string> Machines)
{
    /// <summary>The versioned machine type; null when this engine has none of that name.</summary>
    public string? Pin(string machineType) => Machines.GetValueOrDefault(machineType);

    /// <param name="accelerators">Those that guests have answered on.</param>
    public EngineDescription Describe(IEnumerable<string> accelerators) => new()
    {
        Kind = "qemu",
        Version = Version,
        Program = Program,
        Accelerators = { accelerators },
        Features = { FeatureNames() },
        MachineTypes = { Machines.Values.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal) },
    };

    private IEnumerable<string> FeatureNames()
    {
        (string Name, bool Has)[] all =
        [
            ("system-wide-remaining", Features.SystemWideRemaining),
            ("honest-passes-with-postcopy", Features.PassCountsHonestWithPostcopy),
            ("exit-on-error", Features.ExitOnErrorArgument),
            ("avail-switchover-bandwidth", Features.AvailSwitchoverBandwidth),
            ("switchover-ack", Features.SwitchoverAck),
            ("switchover-ack-can-starve", Features.SwitchoverAckCanStarve),
            ("cancel-refused-in-postcopy", Features.CancelRefusedInPostcopy),
            ("postcopy-preempt", Features.PostcopyPreempt),
            ("multifd-with-postcopy", Features.MultifdWithPostcopy),
            ("mapped-ram", Features.MappedRam),
            ("dirty-limit", Features.DirtyLimit),
        ];
        return all.Where(feature => feature.Has).Select(feature => feature.Name);
    }
}
