using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Migrations.Calibration;

/// <summary>What migrations must have in common to teach something about each other.</summary>
/// <param name="DeviceKind">Kinds of the guest's VFIO devices, sorted, joined by '+'; empty for none.</param>
internal sealed record ObservationKind(string Engine, string SourceEngineVersion, string TargetEngineVersion, string DeviceKind)
{
    private const string Qemu = "qemu";

    // A device that its host does not list.
    private const string UnknownDevice = "unknown";

    /// <param name="sourceVersion">As the engine says it, likewise <paramref name="targetVersion"/>.</param>
    public static ObservationKind Of(string sourceVersion, string targetVersion, string deviceKind) =>
        new(Qemu, Plain(sourceVersion), Plain(targetVersion), deviceKind);

    /// <param name="source">Where the guest is; null when it is not known.</param>
    public static string DeviceKindOf(MachineSpec spec, HostDescription? source) => string.Join('+', spec.VfioDevices
        .Select(device => source?.Devices.FirstOrDefault(known => known.SysfsPath == device.SysfsPath)?.Kind is { Length: > 0 } kind ? kind : UnknownDevice)
        .Order(StringComparer.Ordinal));

    /// <summary>"7.2.22" of "7.2.22 (Debian 1:7.2+dfsg-7)": a rebuilt package is the same engine.</summary>
    private static string Plain(string version) => version.Split(' ', 2)[0];
}
