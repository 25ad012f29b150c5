using Orchestrator.HostAgent.Guests;
using Orchestrator.Rpc.Errors;
using Orchestrator.V1;

namespace Orchestrator.HostAgent.Tests.Guests;

public class MachineSpecCheckTests
{
    [Fact]
    public void Check_Defaults_AreFilledIn()
    {
        Violations violations = new();
        var spec = MachineSpecCheck.Check("spec", new MachineSpec { MemoryBytes = 64 << 20 }, violations);

        Assert.Empty(violations.Found);
        Assert.Equal((1u, "q35", "qemu64", Accelerator.Tcg), (spec.Vcpus, spec.MachineType, spec.CpuModel, spec.Accelerator));
    }

    [Fact]
    public void Check_Missing_IsSaid() => Assert.Equal(["spec"], FieldsOf(null));

    [Theory]
    [InlineData(16UL << 20, true)]
    [InlineData((16UL << 20) - 1, false)]
    [InlineData((64UL << 20) + 4096, false)]
    [InlineData(16UL << 40, true)]
    [InlineData((16UL << 40) + (1 << 20), false)]
    [InlineData(ulong.MaxValue, false)]
    public void Check_Memory_IsBounded(ulong bytes, bool sound) =>
        Assert.Equal(sound, FieldsOf(new MachineSpec { MemoryBytes = bytes }).Count == 0);

    [Theory]
    [InlineData("q35,accel=kvm")]
    [InlineData("-S")]
    [InlineData("Q35")]
    public void Check_MachineType_IsNoOptionString(string machineType) =>
        Assert.Equal(["spec.machine_type"], FieldsOf(Sound(spec => spec.MachineType = machineType)));

    [Theory]
    [InlineData("-S", false)]
    [InlineData("qemu64 -S", false)]
    [InlineData("qemu64,+sse4.2", true)]
    [InlineData("max\n", false)]
    public void Check_CpuModel_IsOneWord(string model, bool sound) =>
        Assert.Equal(sound, FieldsOf(Sound(spec => spec.CpuModel = model)).Count == 0);

    [Fact]
    public void Check_Everything_IsFoundAtOnce()
    {
        var fields = FieldsOf(Sound(spec =>
        {
            spec.Vcpus = 2000;
            spec.Disks.Add(new Disk { Path = "relative", Format = "vmdk" });
            spec.NetworkInterfaces.Add(new NetworkInterface { Tap = "a-name-that-is-too-long", MacAddress = "nonsense" });
            spec.VfioDevices.Add(new VfioDevice { DeviceId = "GPU", SysfsPath = "/sys/../etc/passwd" });
            spec.VfioDevices.Add(new VfioDevice { DeviceId = "d", SysfsPath = "/dev/vfio" });
            spec.VfioDevices.Add(new VfioDevice { DeviceId = "d", SysfsPath = "/sys/d" });
        }));

        Assert.Equal(
            [
                "spec.vcpus", "spec.disks[0].path", "spec.disks[0].format", "spec.network_interfaces[0].tap",
                "spec.network_interfaces[0].mac_address", "spec.vfio_devices[0].device_id", "spec.vfio_devices[0].sysfs_path",
                "spec.vfio_devices[1].sysfs_path", "spec.vfio_devices",
            ],
            fields);
    }

    [Fact]
    public void Check_BootGuest_HasToFitTheMachine()
    {
        Assert.Equal(["spec.boot_guest"], FieldsOf(Sound(spec => spec.BootGuest = new V1.BootGuest { WorkingSetBytes = 40 << 20, FillBytes = 24 << 20 })));
        Assert.Equal(["spec.boot_guest.working_set_bytes"], FieldsOf(Sound(spec => spec.BootGuest = new V1.BootGuest())));
        Assert.Empty(FieldsOf(Sound(spec => spec.BootGuest = new V1.BootGuest { WorkingSetBytes = 32 << 20, FillBytes = 24 << 20 })));
    }

    [Fact]
    public void Check_Kernel_IsAnAbsolutePath() => Assert.Equal(
        ["spec.kernel.path", "spec.kernel.initrd_path"],
        FieldsOf(Sound(spec => spec.Kernel = new DirectKernel { Path = "vmlinuz", InitrdPath = "/boot/../../x" })));

    private static MachineSpec Sound(Action<MachineSpec> spoil)
    {
        var spec = new MachineSpec { MemoryBytes = 64 << 20 };
        spoil(spec);
        return spec;
    }

    private static List<string> FieldsOf(MachineSpec? spec)
    {
        Violations violations = new();
        MachineSpecCheck.Check("spec", spec, violations);
        return [.. violations.Found.Select(violation => violation.Field)];
    }
}
