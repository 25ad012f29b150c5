using Orchestrator.V1;

namespace Orchestrator.HostAgent.Host;

/// <summary>
/// The devices that can be given to a guest now: PCI functions bound to a VFIO driver, and mediated devices that have been made. Nothing
/// is opened for it: a device that a guest has is not to be disturbed, hence migration flags stay unknown (0).
/// </summary>
internal static class DeviceInventory
{
    private const int MostDevices = 1024;

    /// <param name="owner">Id of the guest that has the device of that name (PCI address or UUID); empty when it is free.</param>
    public static IReadOnlyList<HostDevice> Read(KernelTree tree, Func<string, string> owner) =>
        [.. PciFunctions(tree, owner).Concat(MediatedDevices(tree, owner)).Take(MostDevices)];

    private static IEnumerable<HostDevice> PciFunctions(KernelTree tree, Func<string, string> owner)
    {
        var root = Path.Combine(tree.Sys, "bus/pci/devices");
        foreach (var name in KernelTree.Names(root))
        {
            if (DriverOf(root, name) is { } driver && (IsVfio(driver) || KernelTree.IsFolder(root, name, "vfio-dev")))
            {
                yield return new HostDevice
                {
                    SysfsPath = $"/sys/bus/pci/devices/{name}",
                    Driver = driver,
                    DriverVersion = VersionOf(tree, driver),
                    Kind = $"{Hex(KernelTree.Text(root, name, "vendor"))}:{Hex(KernelTree.Text(root, name, "device"))}",
                    GuestId = owner(name),
                };
            }
        }
    }

    private static IEnumerable<HostDevice> MediatedDevices(KernelTree tree, Func<string, string> owner)
    {
        var root = Path.Combine(tree.Sys, "bus/mdev/devices");
        foreach (var name in KernelTree.Names(root))
        {
            // The device lies in its parent's folder, and what it can do is the parent's driver's doing.
            var parent = Path.GetDirectoryName(KernelTree.LinkTarget(root, name)) ?? "";
            var driver = DriverOf(parent) ?? DriverOf(root, name) ?? "";
            yield return new HostDevice
            {
                SysfsPath = $"/sys/bus/mdev/devices/{name}",
                Driver = driver,
                DriverVersion = VersionOf(tree, driver),
                Kind = Path.GetFileName(KernelTree.LinkTarget(root, name, "mdev_type")) ?? "",
                GuestId = owner(name),
            };
        }
    }

    // "vfio-pci", and the vendors' variants of it such as "mlx5_vfio_pci", under their module's or their driver's name.
    private static bool IsVfio(string driver) => driver.Contains("vfio", StringComparison.Ordinal);

    private static string? DriverOf(params ReadOnlySpan<string> device) =>
        Path.GetFileName(KernelTree.LinkTarget([.. device, "driver"]));

    // In-tree drivers mostly have none of their own: theirs is the kernel's release.
    private static string VersionOf(KernelTree tree, string driver) =>
        driver.Length == 0 ? "" : KernelTree.Text(tree.Sys, "module", driver.Replace('-', '_'), "version") ?? "";

    private static string Hex(string? text) => text?.StartsWith("0x", StringComparison.Ordinal) == true ? text[2..] : text ?? "";
}
