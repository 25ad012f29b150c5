using Orchestrator.Plant.Description;

namespace Orchestrator.Plant.Engine;

/// <summary>A VFIO device's state as amounts: what goes while the guest runs and what only goes while it is stopped.</summary>
internal sealed class DeviceState(SimulatedDevice device, bool preCopy)
{
    private double _initial = preCopy ? device.Initial : 0;
    private double _dirty;

    public SimulatedDevice Device => device;

    /// <summary>What could be sent now.</summary>
    public double PreCopy => _initial + _dirty;

    public double StopCopy => device.StopCopy + (preCopy ? 0 : device.Initial + device.DirtyMax);

    /// <summary>The target waits for its initial data.</summary>
    public bool HoldsUp => preCopy && device.NeedsAck && _initial > 0;

    public void Run(double seconds)
    {
        if (preCopy)
        {
            _dirty = Math.Min(device.DirtyMax, _dirty + (device.DirtyRate * seconds));
        }
    }

    /// <returns>What was taken of it.</returns>
    public double Send(double most)
    {
        var initial = Math.Min(_initial, most);
        _initial -= initial;
        var dirty = Math.Min(_dirty, most - initial);
        _dirty -= dirty;
        return initial + dirty;
    }
}
