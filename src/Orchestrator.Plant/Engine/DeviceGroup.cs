using Orchestrator.Plant.Description;

namespace Orchestrator.Plant.Engine;

/// <summary>All VFIO devices of the guest: what they have to send, and what they say of it.</summary>
internal sealed class DeviceGroup(GuestDescription guest, bool preCopy)
{
    // What a device hands over in one turn beside busy RAM (hw/vfio/migration.c, VFIO_MIG_DEFAULT_DATA_BUFFER_SIZE).
    private const double Chunk = 1 << 20;

    private readonly DeviceState[] _devices = [.. guest.Devices.Select(device => new DeviceState(device, preCopy))];

    public int Count => _devices.Length;

    public double PreCopy => _devices.Sum(device => device.PreCopy);

    public double StopCopy => _devices.Sum(device => device.StopCopy);

    /// <summary>On the wire so far.</summary>
    public double Sent { get; private set; }

    /// <summary>The target waits for some device's initial data.</summary>
    public bool HoldUp => _devices.Any(device => device.HoldsUp);

    /// <summary>How long the target loads what came after the stop.</summary>
    public double LoadSeconds => _devices.Sum(device => device.Device.LoadRate > 0 ? device.StopCopy / device.Device.LoadRate : 0);

    public void Run(double seconds)
    {
        foreach (var device in _devices)
        {
            device.Run(seconds);
        }
    }

    /// <summary>Their turn, one after the other.</summary>
    /// <param name="busy">RAM has something to send as well: a chunk each.</param>
    /// <param name="room">What is left of the quota, bytes.</param>
    /// <returns>How long it took and what went over the wire.</returns>
    public (double Seconds, double Wire) Send(bool busy, double seconds, double rate, double room)
    {
        var (took, wire) = (0.0, 0.0);
        foreach (var device in _devices)
        {
            if (rate <= 0 || seconds <= took || room <= wire)
            {
                break;
            }

            var most = Math.Min(room - wire, rate * (seconds - took));
            var sent = device.Send(busy ? Math.Min(Chunk, most) : most);
            took += sent / rate;
            wire += sent;
        }

        Sent += wire;
        return (took, wire);
    }

    /// <summary>Everything that is left, with the guest stopped.</summary>
    /// <returns>Bytes.</returns>
    public double SendRest()
    {
        var rest = PreCopy + StopCopy;
        Sent += rest;
        return rest;
    }

    /// <summary>What an agent that holds the devices' descriptors reads of them.</summary>
    public IReadOnlyList<DeviceView> Views(double now) =>
    [
        .. _devices.Select(device => device.Device.Reports switch
        {
            DeviceReporting.Missing => new DeviceView(device.Device.Name, null, null),
            DeviceReporting.Rubbish when Rubbish(now) is { } rubbish => new DeviceView(device.Device.Name, 0, rubbish),
            DeviceReporting.Rubbish or DeviceReporting.Exact =>
                new DeviceView(device.Device.Name, (ulong)device.PreCopy, (ulong)device.StopCopy),
        }),
    ];

    /// <summary>One of the numbers that were seen in the field: 16 EiB less a few bytes, or 100 GiB to the byte.</summary>
    public ulong? Rubbish(double now)
    {
        var moment = (long)Math.Floor(now * 4);
        foreach (var device in _devices)
        {
            if (device.Device.Reports is DeviceReporting.Rubbish && Chance.At(moment + 7919) < device.Device.RubbishShare)
            {
                return moment % 2 == 0 ? ulong.MaxValue - 4 : 100UL << 30;
            }
        }

        return null;
    }
}

/// <summary>What a device says it still has to send; null = it does not say.</summary>
public readonly record struct DeviceView(string Name, ulong? PreCopy, ulong? StopCopy);
