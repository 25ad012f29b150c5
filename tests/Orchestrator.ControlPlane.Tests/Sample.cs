using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Tests;

/// <summary>Messages that are sound, each time fresh.</summary>
internal static class Sample
{
    public static MachineSpec Spec() => new()
    {
        MemoryBytes = 512UL << 20,
        Vcpus = 2,
        Accelerator = Accelerator.Tcg,
        BootGuest = new BootGuest { WorkingSetBytes = 64UL << 20, DirtyBytesPerSecond = 8UL << 20, FillBytes = 1UL << 20, HeartbeatsPerSecond = 50 },
        NetworkInterfaces = { new NetworkInterface { Tap = "tap0", MacAddress = "52:54:00:12:34:56" } },
        Disks = { new Disk { Path = "/srv/a.qcow2", Format = "qcow2", ReadOnly = true } },
    };
}
