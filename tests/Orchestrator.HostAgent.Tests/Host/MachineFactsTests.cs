using Orchestrator.HostAgent.Host;

namespace Orchestrator.HostAgent.Tests.Host;

public class MachineFactsTests
{
    [Theory]
    [InlineData("MemTotal", 16325412UL * 1024)]
    [InlineData("MemAvailable", 9000000UL * 1024)]
    [InlineData("Mem", 0)]
    [InlineData("Swap", 0)]
    public void ParseMemory_ReadsTheLineOfThatName(string name, ulong bytes) => Assert.Equal(
        bytes, MachineFacts.ParseMemory("MemTotal:       16325412 kB\nMemFree: 1 kB\nMemAvailable:    9000000 kB\nSwap: x kB\n", name));

    [Fact]
    public void ParseCpuModel_TakesTheFirst_OrNothing()
    {
        Assert.Equal("A: fast one", MachineFacts.ParseCpuModel(["processor\t: 0", "model name\t: A: fast one", "model name\t: B"]));
        Assert.Equal("", MachineFacts.ParseCpuModel(["BogoMIPS\t: 50.00"]));
    }

    [Fact]
    public void ParseUptime_TakesTheFirstNumber() => Assert.Equal(TimeSpan.FromSeconds(12.5), MachineFacts.ParseUptime("12.50 3.1\n"));

    [Fact]
    public void Read_ThisMachine_IsPlausible()
    {
        var facts = MachineFacts.Read();

        Assert.InRange(facts.MemoryAvailable, 1UL, facts.MemoryTotal);
        Assert.True(facts.Cpus > 0);
        Assert.NotEmpty(facts.KernelRelease);
        Assert.True(facts.Uptime > TimeSpan.Zero);
    }
}
