using System.Globalization;
using System.Text.RegularExpressions;
using Orchestrator.BootGuest;
using Orchestrator.Rpc.Errors;
using Orchestrator.V1;
using BootCase = Orchestrator.V1.MachineSpec.BootOneofCase;

namespace Orchestrator.HostAgent.Guests;

/// <summary>Holds a machine spec against what guests.proto allows, before any of it reaches a command line.</summary>
internal static partial class MachineSpecCheck
{
    private const ulong Mebibyte = 1024 * 1024;
    private const ulong LeastMemory = 16 * Mebibyte;
    private const ulong MostMemory = 16 * 1024 * 1024 * Mebibyte;
    private const int LongestPath = 1024;

    /// <returns>The spec with its defaults filled in; of use only when nothing was added to <paramref name="violations"/>.</returns>
    public static MachineSpec Check(string field, MachineSpec? given, Violations violations)
    {
        if (given is null)
        {
            violations.Add(field, "is missing");
            return new MachineSpec();
        }

        var spec = given.Clone();
        spec.Vcpus = spec.Vcpus == 0 ? 1 : spec.Vcpus;
        spec.MachineType = spec.MachineType.Length == 0 ? "q35" : spec.MachineType;
        spec.CpuModel = spec.CpuModel.Length == 0 ? "qemu64" : spec.CpuModel;
        spec.Accelerator = spec.Accelerator == Accelerator.Unspecified ? Accelerator.Tcg : spec.Accelerator;

        CheckMachine(field, spec, violations);
        CheckBoot(field, spec, violations);
        violations.Count($"{field}.disks", spec.Disks.Count, 32);
        violations.Count($"{field}.network_interfaces", spec.NetworkInterfaces.Count, 16);
        violations.Count($"{field}.vfio_devices", spec.VfioDevices.Count, 32);
        foreach (var (index, disk) in spec.Disks.Index())
        {
            Path($"{field}.disks[{index}].path", disk.Path, LongestPath, violations);
            if (disk.Format is not ("raw" or "qcow2"))
            {
                violations.Add($"{field}.disks[{index}].format", "must be \"raw\" or \"qcow2\"");
            }
        }

        foreach (var (index, card) in spec.NetworkInterfaces.Index())
        {
            CheckNetwork($"{field}.network_interfaces[{index}]", card, violations);
        }

        foreach (var (index, device) in spec.VfioDevices.Index())
        {
            CheckVfio($"{field}.vfio_devices[{index}]", device, violations);
        }

        Unique($"{field}.vfio_devices", "device_id", spec.VfioDevices.Select(device => device.DeviceId), violations);
        Unique($"{field}.network_interfaces", "mac_address", spec.NetworkInterfaces.Select(card => card.MacAddress), violations);
        return spec;
    }

    private static void CheckMachine(string field, MachineSpec spec, Violations violations)
    {
        violations.Range($"{field}.memory_bytes", spec.MemoryBytes, LeastMemory, MostMemory);
        if (spec.MemoryBytes % Mebibyte != 0)
        {
            violations.Add($"{field}.memory_bytes", $"must be a multiple of 1 MiB ({Mebibyte})");
        }

        violations.Range($"{field}.vcpus", spec.Vcpus, 1, 1024);
        if (!MachineTypePattern().IsMatch(spec.MachineType))
        {
            violations.Add($"{field}.machine_type", "must be 1 to 64 of a-z, 0-9, '-', '.' and '_', or empty");
        }

        if (!CpuModelPattern().IsMatch(spec.CpuModel))
        {
            violations.Add($"{field}.cpu_model", "must be 1 to 255 printable characters without '-' in front, or empty");
        }

        if (!Enum.IsDefined(spec.Accelerator))
        {
            violations.Add($"{field}.accelerator", string.Create(CultureInfo.InvariantCulture, $"is unknown: {(int)spec.Accelerator}"));
        }
    }

    private static void CheckBoot(string field, MachineSpec spec, Violations violations)
    {
        if (spec.BootCase == BootCase.Kernel)
        {
            Path($"{field}.kernel.path", spec.Kernel.Path, LongestPath, violations);
            if (spec.Kernel.InitrdPath.Length > 0)
            {
                Path($"{field}.kernel.initrd_path", spec.Kernel.InitrdPath, LongestPath, violations);
            }

            violations.Text($"{field}.kernel.command_line", spec.Kernel.CommandLine, 2048);
        }
        else if (spec.BootCase == BootCase.BootGuest)
        {
            CheckBootGuest($"{field}.boot_guest", spec, violations);
        }
    }

    private static void CheckBootGuest(string field, MachineSpec spec, Violations violations)
    {
        const ulong Most = BootGuestOptions.LargestMebibytes * Mebibyte;
        var before = violations.Found.Count;
        var guest = spec.BootGuest;
        violations.Range($"{field}.working_set_bytes", guest.WorkingSetBytes, Mebibyte, Most);
        violations.Range($"{field}.fill_bytes", guest.FillBytes, 0, Most);
        violations.Range($"{field}.dirty_bytes_per_second", guest.DirtyBytesPerSecond, 0, DirtyPace.FastestMebibytesPerSecond * Mebibyte);
        violations.Range($"{field}.heartbeats_per_second", guest.HeartbeatsPerSecond, 0, 1000);
        if (violations.Found.Count > before)
        {
            return;
        }

        var needed = (ulong)QemuCommandLine.Options(guest).LeastMachineMebibytes * Mebibyte;
        if (needed > spec.MemoryBytes)
        {
            violations.Add(field, $"needs a machine of {needed} bytes with this working set and fill; memory_bytes is {spec.MemoryBytes}");
        }
    }

    private static void CheckNetwork(string field, NetworkInterface card, Violations violations)
    {
        if (!TapPattern().IsMatch(card.Tap))
        {
            violations.Add($"{field}.tap", "must be 1 to 15 characters without '/', ':' and white space");
        }

        if (!MacPattern().IsMatch(card.MacAddress))
        {
            violations.Add($"{field}.mac_address", "must be six bytes in hexadecimal with colons, e.g. 52:54:00:12:34:56");
        }
    }

    private static void CheckVfio(string field, VfioDevice device, Violations violations)
    {
        if (!DeviceIdPattern().IsMatch(device.DeviceId))
        {
            violations.Add($"{field}.device_id", "must be 1 to 63 of a-z, 0-9 and '-'");
        }

        Path($"{field}.sysfs_path", device.SysfsPath, 255, violations);
        if (!device.SysfsPath.StartsWith("/sys/", StringComparison.Ordinal))
        {
            violations.Add($"{field}.sysfs_path", "must lie below /sys/");
        }
    }

    private static void Path(string field, string path, int maxLength, Violations violations)
    {
        violations.Text(field, path, maxLength);
        if (!path.StartsWith('/') || path.Split('/').Contains("..") || path.Any(char.IsControl))
        {
            violations.Add(field, "must be an absolute path without \"..\" and control characters");
        }
    }

    private static void Unique(string field, string key, IEnumerable<string> values, Violations violations)
    {
        foreach (var twice in values.GroupBy(value => value, StringComparer.OrdinalIgnoreCase).Where(group => group.Count() > 1))
        {
            violations.Add(field, $"has {key} \"{twice.Key}\" more than once");
        }
    }

    [GeneratedRegex(@"^[a-z0-9][a-z0-9._-]{0,63}\z", RegexOptions.CultureInvariant)]
    private static partial Regex MachineTypePattern();

    [GeneratedRegex(@"^(?!-)[\x21-\x7e]{1,255}\z", RegexOptions.CultureInvariant)]
    private static partial Regex CpuModelPattern();

    [GeneratedRegex(@"^[^\s/:\x00-\x1f]{1,15}\z", RegexOptions.CultureInvariant)]
    private static partial Regex TapPattern();

    [GeneratedRegex(@"^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}\z", RegexOptions.CultureInvariant)]
    private static partial Regex MacPattern();

    [GeneratedRegex(@"^[a-z0-9-]{1,63}\z", RegexOptions.CultureInvariant)]
    private static partial Regex DeviceIdPattern();
}
