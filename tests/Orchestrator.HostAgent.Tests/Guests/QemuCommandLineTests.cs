using Orchestrator.BootGuest;
using Orchestrator.HostAgent.Guests;
using Orchestrator.V1;

namespace Orchestrator.HostAgent.Tests.Guests;

public class QemuCommandLineTests
{
    private static readonly GuestFolder s_folder = new("/run/o", "g1");

    [Fact]
    public void Build_BootGuest_IsTheWholeLine()
    {
        var spec = Spec(spec => spec.BootGuest = new V1.BootGuest
        {
            WorkingSetBytes = 8 << 20,
            DirtyBytesPerSecond = 4 << 20,
            FillBytes = 0,
            HeartbeatsPerSecond = 50,
        });

        Assert.Equal(
            [
                "-name", "guest=g1,process=qemu-g1",
                "-machine", "pc-q35-10.0,accel=tcg",
                "-cpu", "qemu64,+sse4.2",
                "-m", "size=64M",
                "-smp", "cpus=2",
                "-nodefaults", "-no-user-config", "-display", "none",
                "-qmp", "unix:/run/o/guests/g1/qmp.sock,server=on,wait=off",
                "-qmp", "unix:/run/o/guests/g1/spare.sock,server=on,wait=off",
                "-chardev",
                "socket,id=serial0,path=/run/o/guests/g1/serial.sock,server=on,wait=off,logfile=/run/o/guests/g1/serial.log,logappend=on",
                "-serial", "chardev:serial0",
                "-kernel", BootGuestImage.Path,
                "-append", "ws=8 rate=4 fill=0 beat=50",
                "-D", "/run/o/guests/g1/qemu.log", "-d", "strace",
                "-daemonize", "-pidfile", "/run/o/guests/g1/pid",
            ],
            QemuCommandLine.Build("g1", spec, s_folder, GuestStart.Running));
    }

    [Fact]
    public void Build_Devices_KeepTheirOrderAndTheirCommas()
    {
        var spec = Spec(spec =>
        {
            spec.Disks.Add(new Disk { Path = "/srv/a,b.qcow2", Format = "qcow2" });
            spec.Disks.Add(new Disk { Path = "/srv/c.raw", Format = "raw", ReadOnly = true });
            spec.NetworkInterfaces.Add(new NetworkInterface { Tap = "tap0", MacAddress = "52:54:00:00:00:01" });
            spec.VfioDevices.Add(new VfioDevice { DeviceId = "gpu0", SysfsPath = "/sys/bus/mdev/devices/x" });
        });

        var line = QemuCommandLine.Build("g1", spec, s_folder, GuestStart.Paused);

        Assert.Equal(
            [
                "-blockdev", "driver=file,node-name=disk0-file,filename=/srv/a,,b.qcow2,read-only=off",
                "-blockdev", "driver=qcow2,node-name=disk0,file=disk0-file,read-only=off",
                "-device", "virtio-blk-pci,id=virtio-disk0,drive=disk0,bootindex=0",
                "-blockdev", "driver=file,node-name=disk1-file,filename=/srv/c.raw,read-only=on",
                "-blockdev", "driver=raw,node-name=disk1,file=disk1-file,read-only=on",
                "-device", "virtio-blk-pci,id=virtio-disk1,drive=disk1",
                "-netdev", "tap,id=net0,ifname=tap0,script=no,downscript=no",
                "-device", "virtio-net-pci,id=virtio-net0,netdev=net0,mac=52:54:00:00:00:01",
                "-device", "vfio-pci,id=vfio-gpu0,sysfsdev=/sys/bus/mdev/devices/x",
                "-S",
            ],
            line.SkipWhile(argument => argument != "-blockdev").TakeWhile(argument => argument != "-D"));
    }

    [Fact]
    public void Build_Kernel_TakesItsCommandLineAsOneArgument()
    {
        var spec = Spec(spec => spec.Kernel = new DirectKernel { Path = "/boot/k", InitrdPath = "/boot/i", CommandLine = "console=ttyS0, quiet" });

        var line = QemuCommandLine.Build("g1", spec, s_folder, GuestStart.Incoming);

        Assert.Equal(
            ["-kernel", "/boot/k", "-initrd", "/boot/i", "-append", "console=ttyS0, quiet", "-S", "-incoming", "defer"],
            line.SkipWhile(argument => argument != "-kernel").TakeWhile(argument => argument != "-D"));
    }

    [Theory]
    [InlineData("pc-q35-7.2", Accelerator.Tcg, "size=65544k")]
    [InlineData("pc-i440fx-8.2", Accelerator.Tcg, "size=65544k")]
    [InlineData("pc-q35-rhel7.6.0", Accelerator.Tcg, "size=64M")]
    [InlineData("pc-q35-9.0", Accelerator.Tcg, "size=64M")]
    [InlineData("pc-q35-7.2", Accelerator.Kvm, "size=64M")]
    [InlineData("q35", Accelerator.Tcg, "size=64M")]
    public void Build_MachineWhoseEnginesLoseWritesUnderTcg_IsKeptOffTheFastPath(string machine, Accelerator accelerator, string size)
    {
        var spec = Spec(spec => (spec.MachineType, spec.Accelerator) = (machine, accelerator));

        var line = QemuCommandLine.Build("g1", spec, s_folder, GuestStart.Running).ToList();

        Assert.Equal(size, line[line.IndexOf("-m") + 1]);
        Assert.Equal(line, QemuCommandLine.Build("g1", spec, s_folder, GuestStart.Running));
    }

    [Fact]
    public void Options_PartsOfAMebibyte_AreRoundedUp()
    {
        var options = QemuCommandLine.Options(new V1.BootGuest
        {
            WorkingSetBytes = (1 << 20) + 1,
            DirtyBytesPerSecond = 1,
            FillBytes = 1,
            CpuBound = true,
        });

        Assert.Equal(
            new BootGuestOptions { WorkingSetMebibytes = 2, Pace = new DirtyPace.CpuBound(1), FillMebibytes = 1, BeatsPerSecond = 100 }, options);
    }

    private static MachineSpec Spec(Action<MachineSpec> set)
    {
        var spec = new MachineSpec
        {
            MemoryBytes = 64 << 20,
            Vcpus = 2,
            MachineType = "pc-q35-10.0",
            CpuModel = "qemu64,+sse4.2",
            Accelerator = Accelerator.Tcg,
        };
        set(spec);
        return spec;
    }
}
