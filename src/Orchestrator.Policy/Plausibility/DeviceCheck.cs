namespace Orchestrator.Policy.Plausibility;

/// <summary>The devices' own sizes.</summary>
internal static class DeviceCheck
{
    /// <returns>The last good size of every device, this report's included.</returns>
    public static IReadOnlyDictionary<string, DeviceMemory> Check(IReadOnlyList<ReportedDevice> reported, Judgement judgement)
    {
        if (reported.Count == 0)
        {
            return judgement.Memory.Devices;
        }

        var devices = new Dictionary<string, DeviceMemory>(judgement.Memory.Devices);
        foreach (var device in reported)
        {
            var last = devices.GetValueOrDefault(device.DeviceId) ?? new DeviceMemory(0, 0);
            devices[device.DeviceId] = new DeviceMemory(
                One($"devices[{device.DeviceId}].precopy_bytes", device.Precopy, judgement) ?? last.Precopy,
                One($"devices[{device.DeviceId}].stop_copy_bytes", device.StopCopy, judgement) ?? last.StopCopy);
        }

        return devices;
    }

    private static ulong? One(string field, ulong? value, Judgement judgement)
    {
        if (value == PlausibleBounds.UnknownDeviceBytes)
        {
            judgement.Suspect(field, value.Value, "is 100 GiB to the byte, which QEMU says for a size it could not read");
            return null;
        }

        return judgement.Bounded(field, value, PlausibleBounds.DeviceBytes, "is more than any device holds");
    }
}
