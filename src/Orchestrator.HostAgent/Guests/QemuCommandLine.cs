using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Orchestrator.BootGuest;
using Orchestrator.V1;
using BootCase = Orchestrator.V1.MachineSpec.BootOneofCase;

namespace Orchestrator.HostAgent.Guests;

/// <summary>
/// The arguments of a guest's QEMU. The same spec gives the same machine, device by device and slot by slot, on every host: a migration
/// stream fits no other.
/// </summary>
internal static partial class QemuCommandLine
{
    private const ulong Mebibyte = 1024 * 1024;

    /// <param name="spec">Checked, with defaults filled in and the machine type pinned.</param>
    /// <param name="start">How it comes up.</param>
    public static IReadOnlyList<string> Build(string guestId, MachineSpec spec, GuestFolder folder, GuestStart start) =>
    [
        "-name", QemuOption.Of($"guest={guestId}").With("process", $"qemu-{guestId}").ToString(),
        "-machine", QemuOption.Of(spec.MachineType).With("accel", Name(spec.Accelerator)).ToString(),
        // Flags follow the model after commas, so this one is not quoted; it is an argument of its own all the same.
        "-cpu", spec.CpuModel,
        "-m", MemorySize(spec),
        "-smp", string.Create(CultureInfo.InvariantCulture, $"cpus={spec.Vcpus}"),
        "-nodefaults", "-no-user-config", "-display", "none",
        "-qmp", Socket(folder.Monitor),
        "-qmp", Socket(folder.SpareMonitor),
        "-chardev", QemuOption.Of("socket").With("id", "serial0").With("path", folder.SerialSocket).With("server", true).With("wait", false)
            .With("logfile", folder.SerialLog).With("logappend", true).ToString(),
        "-serial", "chardev:serial0",
        .. Boot(spec),
        .. spec.Disks.SelectMany((disk, index) => Disk(disk, index, boots: index == 0 && spec.BootCase == BootCase.None)),
        .. spec.NetworkInterfaces.SelectMany(Network),
        .. spec.VfioDevices.SelectMany(Vfio),
        .. start switch
        {
            GuestStart.Running => Array.Empty<string>(),
            GuestStart.Paused => ["-S"],
            GuestStart.Incoming => ["-S", "-incoming", "defer"],
        },
        // Daemonized, QEMU is the leader of a session of its own and no child of the agent; what goes wrong before that comes on stderr or
        // in the log. The log is opened only with some -d item: strace concerns user-mode emulation and so never says anything here, but
        // makes QEMU send its own error messages there.
        "-D", folder.EngineLog, "-d", "strace",
        "-daemonize", "-pidfile", folder.Pid,
    ];

    private static string Socket(string path) => QemuOption.Of($"unix:{path}").With("server", true).With("wait", false).ToString();

    /// <remarks>
    /// Before 9.0, migration under TCG loses writes: the sync of a RAM block whose length is a multiple of 256 KiB takes a fast path that
    /// clears dirty bits without making the vCPUs' translation caches see it, so that pages written through a cached translation are not
    /// sent again (QEMU commit 03bfc2188f "physmem: Fix migration dirty bitmap coherency with TCG memory access"). 8 KiB more, the least that
    /// QEMU takes, keep the block off that path; the price is about 0.4 s per GiB at the set-up of a migration. Decided by the machine type and
    /// not by the engine at hand, because all engines that run the guest must agree on its size.
    /// </remarks>
    private static string MemorySize(MachineSpec spec)
    {
        const ulong Kibibyte = 1024;
        var losesWrites = spec.Accelerator != Accelerator.Kvm
            && VersionedMachinePattern().Match(spec.MachineType) is { Success: true } versioned
            && int.Parse(versioned.Groups["major"].ValueSpan, CultureInfo.InvariantCulture) < 9;
        return losesWrites
            ? string.Create(CultureInfo.InvariantCulture, $"size={(spec.MemoryBytes / Kibibyte) + 8}k")
            : string.Create(CultureInfo.InvariantCulture, $"size={spec.MemoryBytes / Mebibyte}M");
    }

    private static string Name(Accelerator accelerator) => accelerator switch
    {
        Accelerator.Kvm => "kvm",
        Accelerator.Tcg or Accelerator.Unspecified => "tcg",
    };

    private static IEnumerable<string> Boot(MachineSpec spec)
    {
        switch (spec.BootCase)
        {
            case BootCase.BootGuest:
                yield return "-kernel";
                yield return BootGuestImage.Path;
                yield return "-append";
                yield return Options(spec.BootGuest).ToCommandLine();
                break;
            case BootCase.Kernel:
                yield return "-kernel";
                yield return spec.Kernel.Path;
                if (spec.Kernel.InitrdPath.Length > 0)
                {
                    yield return "-initrd";
                    // A comma would begin a second module here (QEMU hw/i386/multiboot.c); for others it is taken as it is.
                    yield return spec.Kernel.InitrdPath;
                }

                if (spec.Kernel.CommandLine.Length > 0)
                {
                    yield return "-append";
                    yield return spec.Kernel.CommandLine;
                }

                break;
            case BootCase.None:
                break;
            default:
                throw new UnreachableException($"No arm for {spec.BootCase}.");
        }
    }

    /// <summary>The boot guest counts in whole MiB; a part of one is rounded up.</summary>
    internal static BootGuestOptions Options(V1.BootGuest guest) => new()
    {
        WorkingSetMebibytes = Mebibytes(guest.WorkingSetBytes),
        Pace = guest switch
        {
            { DirtyBytesPerSecond: 0 } => new DirtyPace.FlatOut(),
            { CpuBound: true } => new DirtyPace.CpuBound(Mebibytes(guest.DirtyBytesPerSecond)),
            _ => new DirtyPace.Steady(Mebibytes(guest.DirtyBytesPerSecond)),
        },
        FillMebibytes = Mebibytes(guest.FillBytes),
        BeatsPerSecond = guest.HeartbeatsPerSecond == 0 ? 100 : (int)guest.HeartbeatsPerSecond,
    };

    private static int Mebibytes(ulong bytes) => (int)Math.Min((bytes + Mebibyte - 1) / Mebibyte, int.MaxValue);

    // Image locking stays on: QEMU gives its locks up when it hands the images over at the switch-over, and an incoming QEMU takes none
    // before, so both sides may have the same file open.
    private static IEnumerable<string> Disk(Disk disk, int index, bool boots)
    {
        var device = QemuOption.Of("virtio-blk-pci").With("id", $"virtio-disk{index}").With("drive", $"disk{index}");

        // A kernel that QEMU loads has the first place already, and QEMU refuses to give it twice.
        device = boots ? device.With("bootindex", "0") : device;
        return
        [
            "-blockdev",
            QemuOption.Of("driver=file").With("node-name", $"disk{index}-file").With("filename", disk.Path).With("read-only", disk.ReadOnly)
                .ToString(),
            "-blockdev",
            QemuOption.Of($"driver={disk.Format}").With("node-name", $"disk{index}").With("file", $"disk{index}-file")
                .With("read-only", disk.ReadOnly).ToString(),
            "-device",
            device.ToString(),
        ];
    }

    private static IEnumerable<string> Network(NetworkInterface card, int index) =>
    [
        "-netdev",
        QemuOption.Of("tap").With("id", $"net{index}").With("ifname", card.Tap).With("script", "no").With("downscript", "no").ToString(),
        "-device",
        QemuOption.Of("virtio-net-pci").With("id", $"virtio-net{index}").With("netdev", $"net{index}").With("mac", card.MacAddress).ToString(),
    ];

    // QEMU's ids begin with a letter; ours may begin with a digit.
    private static IEnumerable<string> Vfio(VfioDevice device) =>
        ["-device", QemuOption.Of("vfio-pci").With("id", $"vfio-{device.DeviceId}").With("sysfsdev", device.SysfsPath).ToString()];

    [GeneratedRegex(@"-(?<major>[0-9]{1,3})\.[0-9]+(\.[0-9]+)?\z", RegexOptions.CultureInvariant)]
    private static partial Regex VersionedMachinePattern();
}

/// <summary>How a guest comes up.</summary>
internal enum GuestStart
{
    Running,
    Paused,

    /// <summary>Stopped, waiting to be told where to listen for a migration stream.</summary>
    Incoming,
}
