using System.Net;
using Microsoft.Extensions.Configuration;

namespace Orchestrator.HostAgent.Tests;

public class AgentSettingsTests
{
    private static readonly Dictionary<string, string?> s_sound = new()
    {
        ["Agent:HostId"] = "h1",
        ["Agent:RuntimeFolder"] = "/var/lib/orchestrator/",
        ["Listen:Address"] = "http://127.0.0.3:7443",
        ["Qemu:Program"] = "/bin/sh",
    };

    [Fact]
    public void Read_Sound_HasDefaults()
    {
        var settings = Read([], out var problems);

        Assert.Empty(problems);
        Assert.NotNull(settings);
        Assert.Equal("/var/lib/orchestrator", settings.RuntimeFolder);
        Assert.Equal(IPAddress.Parse("127.0.0.3"), settings.MigrationAddress);
        Assert.Equal(TimeSpan.FromMilliseconds(250), settings.ReportInterval);
        Assert.Equal(1, settings.MemoryOvercommit);
        Assert.True(settings.ProbeKvm);
    }

    [Fact]
    public void Read_Nothing_NamesEverythingThatIsMissing()
    {
        var settings = AgentSettings.Read(new ConfigurationBuilder().Build(), out var problems);

        Assert.Null(settings);
        Assert.Equal(
            ["Agent:HostId", "Agent:RuntimeFolder", "Listen:Address"],
            problems.Select(problem => problem.Split(' ')[0]).Where(name => name != "Qemu:Program"));
    }

    [Theory]
    [InlineData("Agent:HostId", "Big", "1 to 63 of a-z")]
    [InlineData("Agent:RuntimeFolder", "relative", "an absolute path")]
    [InlineData("Listen:Address", "http://10.0.0.1:1", "AllowPlaintextOffLoopback")]
    [InlineData("Listen:Address", "localhost:1", "http://IP-ADDRESS:PORT")]
    [InlineData("Agent:MigrationAddress", "somewhere", "the IP address")]
    [InlineData("Agent:MigrationAddress", "0.0.0.0", "the IP address")]
    [InlineData("Agent:MemoryOvercommit", "0", "from 0.1 to 10")]
    [InlineData("Agent:ReportIntervalMs", "10", "from 50 to 60000")]
    [InlineData("Agent:ProbeKvm", "maybe", "true or false")]
    [InlineData("Agent:HostID2", "x", "is no setting")]
    [InlineData("Qemu:Program", "/no/such/program", "is no file")]
    [InlineData("Qemu:Program", "no-such-program", "not on PATH")]
    public void Read_Unsound_SaysWhichAndWhatIsAllowed(string name, string value, string allowed)
    {
        var settings = Read(new() { [name] = value }, out var problems);

        Assert.Null(settings);
        var problem = Assert.Single(problems);
        Assert.StartsWith(name, problem, StringComparison.Ordinal);
        Assert.Contains(allowed, problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_FolderTooLongForSockets_SaysByHowMuch()
    {
        Read(new() { ["Agent:RuntimeFolder"] = "/" + new string('x', 90) }, out var problems);

        Assert.Contains("bytes too long", Assert.Single(problems), StringComparison.Ordinal);
    }

    [Fact]
    public void Read_ListeningOnAnyAddress_WantsTheMigrationAddressSaid()
    {
        Dictionary<string, string?> any = new() { ["Listen:Address"] = "http://0.0.0.0:7443", ["Listen:AllowPlaintextOffLoopback"] = "true" };

        Read(any, out var problems);
        Assert.StartsWith("Agent:MigrationAddress is missing", Assert.Single(problems), StringComparison.Ordinal);

        any["Agent:MigrationAddress"] = "192.0.2.7";
        Assert.Equal("192.0.2.7", Read(any, out _)?.MigrationAddress.ToString());
    }

    private static AgentSettings? Read(Dictionary<string, string?> changed, out IReadOnlyList<string> problems)
    {
        Dictionary<string, string?> all = new(s_sound);
        foreach (var (name, value) in changed)
        {
            all[name] = value;
        }

        return AgentSettings.Read(new ConfigurationBuilder().AddInMemoryCollection(all).Build(), out problems);
    }
}
