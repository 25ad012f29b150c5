namespace Orchestrator.Policy.Placement;

/// <summary>Which of a host's devices could stand in for those of a guest.</summary>
/// <param name="Taken">Places in the host's list, one for each need that is met.</param>
/// <param name="Unmet">Needs that nothing free there meets.</param>
internal readonly record struct DeviceMatch(IReadOnlyList<int> Taken, IReadOnlyList<DeviceNeed> Unmet)
{
    // VFIO_MIGRATION_STOP_COPY of linux/vfio.h: without it a device's state can be neither saved nor loaded.
    private const ulong StopCopy = 1;

    // The kernel's own driver for any PCI function. It knows no device's state; only the vendors' variants of it do (mlx5_vfio_pci and
    // others).
    private const string PlainDriver = "vfio-pci";

    private static readonly DeviceMatch s_nothing = new([], []);

    public static DeviceMatch Find(LedgerHost host, FleetGuest guest)
    {
        if (guest.Devices.Count == 0)
        {
            return s_nothing;
        }

        var taken = new List<int>();
        var unmet = new List<DeviceNeed>();
        // The newest driver asks for most, and the oldest one that will do is given away first; what the guest has, it keeps.
        var supply = Enumerable.Range(0, host.Facts.Devices.Count)
            .Where(index => host.IsDeviceFor(index, guest.GuestId))
            .OrderByDescending(index => host.IsDeviceOf(index, guest.GuestId))
            .ThenBy(index => EngineVersion.Parse(host.Facts.Devices[index].DriverVersion))
            .ThenBy(index => host.Facts.Devices[index].SysfsPath, StringComparer.Ordinal)
            .ToList();
        foreach (var need in guest.Devices.OrderByDescending(need => EngineVersion.Parse(need.DriverVersion)))
        {
            var found = supply.FindIndex(index => Meets(host.Facts.Devices[index], need));
            if (found < 0)
            {
                unmet.Add(need);
                continue;
            }

            taken.Add(supply[found]);
            supply.RemoveAt(found);
        }

        return new DeviceMatch(taken, unmet);
    }

    public static bool Meets(FleetDevice device, DeviceNeed need) =>
        need.Kind.Length > 0
        && device.Kind == need.Kind
        && (need.Driver.Length == 0 || device.Driver == need.Driver)
        && Migrates(device)
        && !EngineVersion.Parse(device.DriverVersion).IsOlderThan(EngineVersion.Parse(need.DriverVersion));

    private static bool Migrates(FleetDevice device) =>
        device.MigrationFlags == 0 ? device.Driver != PlainDriver : (device.MigrationFlags & StopCopy) != 0;
}
