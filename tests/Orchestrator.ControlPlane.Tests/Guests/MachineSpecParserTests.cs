using Orchestrator.ControlPlane.Guests;
using Orchestrator.Rpc.Errors;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Tests.Guests;

public sealed class MachineSpecParserTests
{
    [Fact]
    public void Parse_FillsInTheDefaults()
    {
        var violations = new Violations();
        var spec = MachineSpecParser.Parse(
            "spec", new MachineSpec { MemoryBytes = 64UL << 20, BootGuest = new BootGuest { WorkingSetBytes = 1UL << 20 } }, violations);

        Assert.Empty(violations.Found);
        Assert.Equal(
            new MachineSpec
            {
                MemoryBytes = 64UL << 20,
                Vcpus = 1,
                MachineType = "q35",
                CpuModel = "qemu64",
                Accelerator = Accelerator.Tcg,
                BootGuest = new BootGuest { WorkingSetBytes = 1UL << 20, HeartbeatsPerSecond = 100 },
            },
            spec);
    }

    [Fact]
    public void Parse_TheLargestOfEverything_IsSound()
    {
        var spec = new MachineSpec
        {
            MemoryBytes = 16UL << 40,
            Vcpus = 1024,
            MachineType = new string('m', 64),
            CpuModel = new string('c', 255),
            Accelerator = Accelerator.Kvm,
            Kernel = new DirectKernel
            {
                Path = "/" + new string('k', 1023),
                InitrdPath = "/i",
                CommandLine = new string('x', 2048),
            },
        };
        spec.Disks.AddRange(Enumerable.Range(0, 32).Select(n => new Disk { Path = $"/d{n}", Format = "raw" }));
        spec.NetworkInterfaces.AddRange(
            Enumerable.Range(0, 16).Select(n => new NetworkInterface { Tap = $"tap{n}", MacAddress = $"52:54:00:00:00:{n:x2}" }));
        spec.VfioDevices.AddRange(
            Enumerable.Range(0, 32).Select(n => new VfioDevice { DeviceId = $"gpu-{n}", SysfsPath = $"/sys/bus/pci/devices/0000:{n:x2}:00.0" }));

        Assert.Empty(Fields(spec));
    }

    [Fact]
    public void Parse_NonsenseInEveryField_NamesEveryField()
    {
        var spec = new MachineSpec
        {
            MemoryBytes = (16UL << 20) - 1,
            Vcpus = 1025,
            MachineType = "Q35 -monitor",
            CpuModel = "-bad",
            Accelerator = (Accelerator)9,
            BootGuest = new BootGuest { WorkingSetBytes = 0, FillBytes = ulong.MaxValue, HeartbeatsPerSecond = 1001 },
            Disks = { new Disk { Path = "relative", Format = "vmdk" }, new Disk { Path = "/a/../b", Format = "" } },
            NetworkInterfaces = { new NetworkInterface { Tap = "sixteen-letters-", MacAddress = "52:54:00:12:34" } },
            VfioDevices = { new VfioDevice { DeviceId = "GPU", SysfsPath = "/etc/passwd" } },
        };

        Assert.Equal(
            [
                "spec.accelerator", "spec.boot_guest.fill_bytes", "spec.boot_guest.heartbeats_per_second", "spec.boot_guest.working_set_bytes",
                "spec.cpu_model", "spec.disks[0].format", "spec.disks[0].path", "spec.disks[1].format", "spec.disks[1].path",
                "spec.machine_type", "spec.memory_bytes", "spec.network_interfaces[0].mac_address", "spec.network_interfaces[0].tap",
                "spec.vcpus", "spec.vfio_devices[0].device_id", "spec.vfio_devices[0].sysfs_path",
            ],
            Fields(spec));
    }

    [Fact]
    public void Parse_KernelAndTooMuchOfEverything_IsNamed()
    {
        var spec = new MachineSpec
        {
            MemoryBytes = (16UL << 40) + (1UL << 20),
            Kernel = new DirectKernel { Path = "", InitrdPath = "i\n", CommandLine = new string('x', 2049) },
        };
        spec.Disks.AddRange(Enumerable.Repeat(new Disk { Path = "/d", Format = "raw" }, 33));
        spec.NetworkInterfaces.AddRange(Enumerable.Repeat(new NetworkInterface { Tap = "t", MacAddress = "52:54:00:12:34:56" }, 17));
        spec.VfioDevices.AddRange(Enumerable.Repeat(new VfioDevice { DeviceId = "g", SysfsPath = "/sys/g" }, 33));

        Assert.Equal(
            [
                "spec.disks", "spec.kernel.command_line", "spec.kernel.initrd_path", "spec.kernel.path", "spec.memory_bytes",
                "spec.network_interfaces", "spec.vfio_devices",
            ],
            Fields(spec).Distinct());
    }

    [Fact]
    public void Parse_NothingToBootFrom_IsNamed() => Assert.Equal(["spec.boot"], Fields(new MachineSpec { MemoryBytes = 64UL << 20 }));

    [Fact]
    public void Parse_BootGuestThatDoesNotFit_IsNamed()
    {
        var spec = new MachineSpec
        {
            MemoryBytes = 64UL << 20,
            BootGuest = new BootGuest { WorkingSetBytes = 40UL << 20, FillBytes = 40UL << 20 },
        };
        Assert.Equal(["spec.boot_guest"], Fields(spec));
    }

    [Fact]
    public void Parse_Missing_IsNamed()
    {
        var violations = new Violations();
        MachineSpecParser.Parse("spec", null, violations);
        Assert.Equal("spec", Assert.Single(violations.Found).Field);
    }

    private static List<string> Fields(MachineSpec spec)
    {
        var violations = new Violations();
        MachineSpecParser.Parse("spec", spec, violations);
        return [.. violations.Found.Select(found => found.Field).Distinct().Order(StringComparer.Ordinal)];
    }
}
