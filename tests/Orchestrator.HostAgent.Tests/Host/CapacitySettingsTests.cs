using Microsoft.Extensions.Configuration;
using Orchestrator.HostAgent.Host;
using Orchestrator.Rpc.Errors;

namespace Orchestrator.HostAgent.Tests.Host;

public class CapacitySettingsTests
{
    private const ulong GiB = 1UL << 30;

    [Theory]
    [InlineData(4, 0, "", 1, (4 * GiB) - (GiB / 2))]
    [InlineData(100, 0, "", 1, 95 * GiB)]
    [InlineData(1024, 0, "", 1, 1008 * GiB)]
    [InlineData(100, 40, "5GiB", 2, 110 * GiB)]
    [InlineData(100, 0, "100GiB", 1, 0)]
    [InlineData(100, 200, "", 1, 0)]
    public void Allocatable_IsWhatIsThereLessTheReserve_Overcommitted(ulong total, ulong huge, string reserve, double overcommit, ulong expected) =>
        Assert.Equal(expected, Read(("Agent:MemoryReserve", reserve), overcommit).AllocatableOf(total * GiB, huge * GiB));

    [Fact]
    public void Allocatable_AsSaid_IsThat() =>
        Assert.Equal(300 * GiB, Read(("Agent:MemoryAllocatable", "300 GiB"), 3).AllocatableOf(100 * GiB, 0));

    [Fact]
    public void Vcpus_AreAtLeastOne()
    {
        Assert.Equal(16u, Read(("", ""), 1).VcpusOf(2));
        Assert.Equal(1u, Read(("Agent:CpuOvercommit", "0.1"), 1).VcpusOf(2));
    }

    [Theory]
    [InlineData("25Gb/s", 3_125_000_000)]
    [InlineData("2.5 Gbit/s", 312_500_000)]
    [InlineData("100Mb/s", 12_500_000)]
    public void Links_ByName(string speed, ulong bytes) =>
        Assert.Equal(new Dictionary<string, ulong> { ["Eth0.12"] = bytes }, Read(("Agent:Links:Eth0.12", speed), 1).Links);

    [Theory]
    [InlineData("Agent:MemoryAllocatable", "much", "e.g. 240GiB")]
    [InlineData("Agent:MemoryAllocatable", "0", "e.g. 240GiB")]
    [InlineData("Agent:MemoryReserve", "99999999999TiB", "e.g. 240GiB")]
    [InlineData("Agent:MemoryReserve", "1.5GiB", "e.g. 240GiB")]
    [InlineData("Agent:CpuOvercommit", "0", "from 0.1 to 100")]
    [InlineData("Agent:CpuOvercommit", "NaN", "from 0.1 to 100")]
    [InlineData("Agent:Links:eth0", "25GB/s", "e.g. 25Gb/s")]
    [InlineData("Agent:Links:eth0", "0Gb/s", "e.g. 25Gb/s")]
    [InlineData("Agent:Links:eth0", "999999Gb/s", "e.g. 25Gb/s")]
    [InlineData("Agent:Links:eth0", "", "e.g. 25Gb/s")]
    public void Unsound_SaysWhichAndWhatIsAllowed(string name, string value, string allowed)
    {
        Violations found = new();
        CapacitySettings.Read(Configuration((name, value)), 1, found);

        var problem = Assert.Single(found.Found);
        Assert.Equal(name, problem.Field);
        Assert.Contains(allowed, problem.Description, StringComparison.Ordinal);
    }

    private static CapacitySettings Read((string Name, string Value) setting, double overcommit)
    {
        Violations found = new();
        var settings = CapacitySettings.Read(Configuration(setting), overcommit, found);
        Assert.Empty(found.Found);
        return settings;
    }

    private static IConfigurationRoot Configuration((string Name, string Value) setting) =>
        new ConfigurationBuilder().AddInMemoryCollection([new(setting.Name, setting.Value)]).Build();
}
