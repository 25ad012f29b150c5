using System.Text.RegularExpressions;
using Orchestrator.Rpc.Errors;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Guests;

/// <summary>Finds everything in which a machine spec is not what guests.proto allows, and fills in its defaults.</summary>
internal sealed partial class MachineSpecParser
{
    private const ulong Mebibyte = 1024 * 1024;
    private const ulong LeastMemory = 16 * Mebibyte;
    private const ulong MostMemory = 16 * 1024 * 1024 * Mebibyte;

    // What the boot guest itself and the firmware keep.
    private const ulong BootGuestOverhead = 8 * Mebibyte;
    private const ulong MaxDirtyBytesPerSecond = 65535 * Mebibyte;
    private const int MaxPathCharacters = 1024;
    private const int MaxSysfsCharacters = 255;
    private const int MaxCommandLineCharacters = 2048;
    private const int MaxDisks = 32;
    private const int MaxNetworkInterfaces = 16;
    private const int MaxVfioDevices = 32;

    private readonly Violations _violations;

    private MachineSpecParser(Violations violations) => _violations = violations;

    /// <returns>With the defaults that guests.proto names; of use only when nothing was added to the violations.</returns>
    public static MachineSpec Parse(string field, MachineSpec? given, Violations violations)
    {
        if (given is null)
        {
            violations.Add(field, "is missing");
            return new MachineSpec();
        }

        // Through JSON, so that fields this release does not know are not taken over.
        var spec = ProtoJson.Read<MachineSpec>(ProtoJson.Write(given));
        spec.Vcpus = spec.Vcpus == 0 ? 1 : spec.Vcpus;
        spec.MachineType = spec.MachineType.Length == 0 ? "q35" : spec.MachineType;
        spec.CpuModel = spec.CpuModel.Length == 0 ? "qemu64" : spec.CpuModel;
        spec.Accelerator = spec.Accelerator == Accelerator.Unspecified ? Accelerator.Tcg : spec.Accelerator;
        if (spec.BootGuest is { HeartbeatsPerSecond: 0 } guest)
        {
            guest.HeartbeatsPerSecond = 100;
        }

        new MachineSpecParser(violations).Check(field, spec);
        return spec;
    }

    public static bool IsMachineType(string text) => MachineTypePattern().IsMatch(text);

    private void Check(string field, MachineSpec spec)
    {
        _violations.Range($"{field}.memory_bytes", spec.MemoryBytes, LeastMemory, MostMemory);
        Must(spec.MemoryBytes % Mebibyte == 0, $"{field}.memory_bytes", $"must be a multiple of 1 MiB ({Mebibyte})");
        _violations.Range($"{field}.vcpus", spec.Vcpus, 1, 1024);
        Must(
            IsMachineType(spec.MachineType),
            $"{field}.machine_type",
            "must be at most 64 of a-z, 0-9, '-', '.' and '_', beginning with a letter or digit");
        Must(
            CpuModelPattern().IsMatch(spec.CpuModel),
            $"{field}.cpu_model",
            "must be at most 255 printable characters without blanks, not beginning with '-'");
        Must(Enum.IsDefined(spec.Accelerator), $"{field}.accelerator", "must be ACCELERATOR_TCG or ACCELERATOR_KVM");
        Boot(field, spec);
        Each($"{field}.disks", spec.Disks, MaxDisks, Disk);
        Each($"{field}.network_interfaces", spec.NetworkInterfaces, MaxNetworkInterfaces, NetworkInterface);
        Each($"{field}.vfio_devices", spec.VfioDevices, MaxVfioDevices, Vfio);
        Unique($"{field}.network_interfaces", "mac_address", spec.NetworkInterfaces.Select(card => card.MacAddress));
        Unique($"{field}.vfio_devices", "device_id", spec.VfioDevices.Select(device => device.DeviceId));
        Unique($"{field}.vfio_devices", "sysfs_path", spec.VfioDevices.Select(device => device.SysfsPath));
    }

    private void Boot(string field, MachineSpec spec)
    {
        switch (spec.BootCase)
        {
            case MachineSpec.BootOneofCase.BootGuest:
                BootGuest($"{field}.boot_guest", spec.BootGuest, spec.MemoryBytes);
                break;
            case MachineSpec.BootOneofCase.Kernel:
                Path($"{field}.kernel.path", spec.Kernel.Path, MaxPathCharacters);
                if (spec.Kernel.InitrdPath.Length > 0)
                {
                    Path($"{field}.kernel.initrd_path", spec.Kernel.InitrdPath, MaxPathCharacters);
                }

                _violations.Text($"{field}.kernel.command_line", spec.Kernel.CommandLine, MaxCommandLineCharacters);
                break;
            case MachineSpec.BootOneofCase.None:
                Must(spec.Disks.Count > 0, $"{field}.boot", "is missing; give boot_guest, kernel, or a disk to boot from");
                break;
        }
    }

    private void BootGuest(string field, V1.BootGuest guest, ulong memory)
    {
        var room = memory > BootGuestOverhead + Mebibyte ? memory - BootGuestOverhead : Mebibyte;
        _violations.Range($"{field}.working_set_bytes", guest.WorkingSetBytes, Mebibyte, room);
        _violations.Range($"{field}.fill_bytes", guest.FillBytes, 0, room);
        _violations.Range($"{field}.dirty_bytes_per_second", guest.DirtyBytesPerSecond, 0, MaxDirtyBytesPerSecond);
        _violations.Range($"{field}.heartbeats_per_second", guest.HeartbeatsPerSecond, 1, 1000);
        if (guest.WorkingSetBytes <= room && guest.FillBytes <= room && guest.WorkingSetBytes + guest.FillBytes > room)
        {
            _violations.Add(field, $"must have working_set_bytes and fill_bytes of at most {room} together");
        }
    }

    private void Disk(string field, Disk disk)
    {
        Path($"{field}.path", disk.Path, MaxPathCharacters);
        Must(disk.Format is "raw" or "qcow2", $"{field}.format", "must be \"raw\" or \"qcow2\"");
    }

    private void NetworkInterface(string field, NetworkInterface card)
    {
        Must(TapPattern().IsMatch(card.Tap), $"{field}.tap", "must be 1 to 15 characters without '/', ':' and blanks");
        Must(
            MacPattern().IsMatch(card.MacAddress),
            $"{field}.mac_address",
            "must be six bytes in hexadecimal with colons, e.g. 52:54:00:12:34:56");
    }

    private void Vfio(string field, VfioDevice device)
    {
        Must(DeviceIdPattern().IsMatch(device.DeviceId), $"{field}.device_id", "must be 1 to 63 of a-z, 0-9 and '-'");
        Path($"{field}.sysfs_path", device.SysfsPath, MaxSysfsCharacters);
        Must(device.SysfsPath.StartsWith("/sys/", StringComparison.Ordinal), $"{field}.sysfs_path", "must lie below /sys/");
    }

    private void Path(string field, string path, int maxCharacters) => Must(
        path.Length <= maxCharacters && path.StartsWith('/') && !path.Split('/').Contains("..") && !path.Any(char.IsControl),
        field,
        $"must be an absolute path of at most {maxCharacters} characters without \"..\" and control characters");

    private void Each<T>(string field, IReadOnlyList<T> items, int max, Action<string, T> check)
    {
        _violations.Count(field, items.Count, max);
        foreach (var (index, item) in items.Take(max).Index())
        {
            check($"{field}[{index}]", item);
        }
    }

    private void Unique(string field, string key, IEnumerable<string> values)
    {
        foreach (var twice in values.GroupBy(value => value, StringComparer.OrdinalIgnoreCase).Where(group => group.Count() > 1).Take(1))
        {
            _violations.Add(field, $"must not have the same {key} twice, as \"{twice.Key[..Math.Min(twice.Key.Length, 64)]}\"");
        }
    }

    private void Must(bool holds, string field, string description)
    {
        if (!holds)
        {
            _violations.Add(field, description);
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
