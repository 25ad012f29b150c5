using System.Net;
using Orchestrator.HostAgent.Host;
using Orchestrator.V1;

namespace Orchestrator.HostAgent.Tests.Host;

public sealed class InventoryTests : IDisposable
{
    private static readonly Dictionary<string, ulong> s_nothingConfigured = [];

    private readonly FixtureTree _machine = new();

    public void Dispose() => _machine.Dispose();

    [Fact]
    public void EmptyMachine_HasNothing_AndThatIsNoError()
    {
        Assert.Empty(MemoryInventory.ReadHugePages(_machine.Tree));
        Assert.Empty(MemoryInventory.ReadNodes(_machine.Tree));
        Assert.Empty(CpuInventory.ReadFlags(_machine.Tree));
        Assert.Empty(LinkInventory.Read(_machine.Tree, s_nothingConfigured, "eth0"));
        Assert.Empty(DeviceInventory.Read(_machine.Tree, _ => ""));
    }

    [Fact]
    public void HugePages_BySize()
    {
        _machine.With("sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages", "16\n")
            .With("sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages", "15\n")
            .With("sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "0\n")
            .WithFolder("sys/kernel/mm/hugepages/hugepages-64kB").WithFolder("sys/kernel/mm/hugepages/other");

        Assert.Equal(
            [
                new HugePages { PageBytes = 64 * 1024 }, new HugePages { PageBytes = 2048 * 1024 },
                new HugePages { PageBytes = 1UL << 30, Total = 16, Free = 15 },
            ],
            MemoryInventory.ReadHugePages(_machine.Tree));
    }

    [Fact]
    public void Nodes_InTheOrderOfTheirNumbers()
    {
        _machine.With("sys/devices/system/node/node0/meminfo", "Node 0 MemTotal:       1000 kB\nNode 0 MemFree:        10 kB\n")
            .With("sys/devices/system/node/node0/cpulist", "0-2,8\n")
            .With("sys/devices/system/node/node10/meminfo", "Node 10 MemTotal:       5 kB\n")
            .With("sys/devices/system/node/node10/cpulist", "\n")
            .With("sys/devices/system/node/node2/cpulist", "3\n")
            .With("sys/devices/system/node/possible", "0-10\n");

        Assert.Equal(
            [
                new NumaNode { Node = 0, MemoryTotalBytes = 1_024_000, MemoryFreeBytes = 10_240, Cpus = { 0, 1, 2, 8 } },
                new NumaNode { Node = 2, Cpus = { 3 } }, new NumaNode { Node = 10, MemoryTotalBytes = 5120 },
            ],
            MemoryInventory.ReadNodes(_machine.Tree));
    }

    [Theory]
    [InlineData("", new uint[0])]
    [InlineData("3", new uint[] { 3 })]
    [InlineData("0-1, 4-4", new uint[] { 0, 1, 4 })]
    [InlineData("3-1,x,-,5-", new uint[0])]
    [InlineData("0-4294967295", new uint[0])]
    public void CpuList(string text, uint[] cpus) => Assert.Equal(cpus, MemoryInventory.ParseCpuList(text));

    [Fact]
    public void CpuFlags_AreThoseThatEveryCpuHas()
    {
        _machine.With("proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu vme avx2\nbugs\t\t: x\n\nprocessor\t: 1\nflags\t\t: vme fpu sse\n");

        Assert.Equal(["fpu", "vme"], CpuInventory.ReadFlags(_machine.Tree));
        Assert.Equal(["aes", "fp"], CpuInventory.ParseFlags(["Features\t: fp aes"]));
    }

    [Fact]
    public void Links_SaySpeedAndWhereItIsFrom()
    {
        Link("eth0", "up", "25000").Link("eth1", "up", "-1").Link("eth2", "down", "10000").Link("tap0", "unknown", "10")
            .Link("lo", "unknown", null).Link("br0", "up", "-1").Link("virt0", "up", "4294967295");
        _machine.With("sys/class/net/lo/type", "772\n").With("sys/class/net/tap0/tun_flags", "0x1002\n")
            .WithFolder("sys/class/net/br0/lower_eth0").WithFolder("sys/class/net/br0/lower_tap0").With("sys/class/net/bonding_masters", "\n");

        var links = LinkInventory.Read(_machine.Tree, new Dictionary<string, ulong> { ["eth1"] = 7, ["eth9"] = 8 }, "br0");

        Assert.Equal(
            [
                new NetworkLink { Name = "br0", BytesPerSecond = 3_125_000_000, Source = LinkSpeedSource.Reported, CarriesMigrations = true },
                new NetworkLink { Name = "eth0", BytesPerSecond = 3_125_000_000, Source = LinkSpeedSource.Reported },
                new NetworkLink { Name = "eth1", BytesPerSecond = 7, Source = LinkSpeedSource.Configured },
                new NetworkLink { Name = "virt0" },
            ],
            links);
        Assert.Contains(
            new NetworkLink { Name = "lo", CarriesMigrations = true }, LinkInventory.Read(_machine.Tree, s_nothingConfigured, "lo"));
    }

    [Fact]
    public void Links_OfVeryMany_TheOneThatCarriesMigrationsIsAmongThem()
    {
        for (var n = 0; n < 200; n++)
        {
            Link($"vlan{n:000}", "up", "10");
        }

        var links = LinkInventory.Read(_machine.Tree, s_nothingConfigured, "vlan150");

        Assert.Equal(64, links.Count);
        Assert.Single(links, link => link is { Name: "vlan150", CarriesMigrations: true });
    }

    [Fact]
    public void CarrierOf_LoopbackAddresses_IsTheLoopback_AndOfOthersNone()
    {
        Assert.Equal(LinkInventory.CarrierOf(IPAddress.Loopback), LinkInventory.CarrierOf(IPAddress.Parse("127.0.0.7")));
        Assert.NotNull(LinkInventory.CarrierOf(IPAddress.Loopback));
        Assert.Null(LinkInventory.CarrierOf(IPAddress.Parse("198.51.100.77")));
    }

    [Fact]
    public void Devices_AreThoseThatAGuestCanBeGiven()
    {
        _machine.WithFunction("0000:01:00.0", "vfio-pci").WithFunction("0000:02:00.1", "mlx5_vfio_pci").WithFunction("0000:03:00.0", "nvidia").WithFunction("0000:04:00.0", null);
        _machine.With("sys/module/mlx5_vfio_pci/version", "24.10\n").With("sys/module/nvidia/version", "550.54\n")
            .WithFunction("0000:05:00.0", "other").WithFolder("sys/devices/0000:05:00.0/vfio-dev/vfio3")
            .WithFolder("sys/devices/0000:03:00.0/uuid-1").WithFolder("sys/devices/0000:03:00.0/mdev_supported_types/nvidia-222")
            .WithLink("sys/bus/mdev/devices/uuid-1", "sys/devices/0000:03:00.0/uuid-1")
            .WithLink("sys/devices/0000:03:00.0/uuid-1/mdev_type", "sys/devices/0000:03:00.0/mdev_supported_types/nvidia-222");

        var devices = DeviceInventory.Read(_machine.Tree, name => name == "uuid-1" ? "web-1" : "");

        Assert.Equal(
            [
                new HostDevice { SysfsPath = "/sys/bus/pci/devices/0000:01:00.0", Driver = "vfio-pci", Kind = "10de:20b5" },
                new HostDevice { SysfsPath = "/sys/bus/pci/devices/0000:02:00.1", Driver = "mlx5_vfio_pci", DriverVersion = "24.10", Kind = "10de:20b5" },
                new HostDevice { SysfsPath = "/sys/bus/pci/devices/0000:05:00.0", Driver = "other", Kind = "10de:20b5" },
                new HostDevice
                {
                    SysfsPath = "/sys/bus/mdev/devices/uuid-1", Driver = "nvidia", DriverVersion = "550.54", Kind = "nvidia-222", GuestId = "web-1",
                },
            ],
            devices);
    }

    [Fact]
    public void ThisMachine_IsPlausible()
    {
        var nodes = MemoryInventory.ReadNodes(KernelTree.Real);
        Assert.All(nodes, node => Assert.True(node.MemoryFreeBytes <= node.MemoryTotalBytes));
        Assert.Equal(nodes.Count > 0, nodes.Sum(node => node.Cpus.Count) >= Environment.ProcessorCount);
        Assert.All(MemoryInventory.ReadHugePages(KernelTree.Real), size => Assert.True(size.Free <= size.Total && size.PageBytes >= 4096));
        Assert.NotEmpty(CpuInventory.ReadFlags(KernelTree.Real));
        Assert.Single(
            LinkInventory.Read(KernelTree.Real, s_nothingConfigured, LinkInventory.CarrierOf(IPAddress.Loopback)), link => link.CarriesMigrations);
        Assert.All(DeviceInventory.Read(KernelTree.Real, _ => ""), device => Assert.True(Path.Exists(device.SysfsPath)));
    }

    private InventoryTests Link(string name, string operstate, string? speed)
    {
        _machine.With($"sys/class/net/{name}/operstate", operstate + "\n").With($"sys/class/net/{name}/type", "1\n");
        if (speed is not null)
        {
            _machine.With($"sys/class/net/{name}/speed", speed + "\n");
        }

        return this;
    }
}
