using System.Diagnostics;
using System.Globalization;
using Grpc.Net.Client;
using Orchestrator.Agent.V1;
using Orchestrator.HostAgent.Guests;
using Orchestrator.HostAgent.Tests.Fleet;

namespace Orchestrator.HostAgent.Tests;

/// <summary>The agent as the process it is.</summary>
[Collection(QemuTests.Name)]
public sealed class ProgramTests : IDisposable
{
    private readonly string _folder = TestFolder.Next();
    private Process? _process;

    public void Dispose()
    {
        _process?.Kill();
        _process?.Dispose();
        TestFolder.Remove(_folder);
    }

    [Fact]
    public async Task Settings_ThatAreWrong_AreSaidAndItEnds()
    {
        using var agent = Start("--Agent:RuntimeFolder=relative", "--Listen:Address=http://192.0.2.1:1");
        var said = await agent.StandardError.ReadToEndAsync();
        await agent.WaitForExitAsync();

        Assert.Equal(2, agent.ExitCode);
        Assert.Contains("Agent:HostId is missing", said, StringComparison.Ordinal);
        Assert.Contains("Agent:RuntimeFolder is missing: an absolute path", said, StringComparison.Ordinal);
        Assert.Contains("Listen:Address http://192.0.2.1:1 is not a loopback address", said, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", said, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("TERM", 0)]
    [InlineData("KILL", 137)]
    public async Task EndedByASignal_ItLeavesItsGuestsAlone(string signal, int exitCode)
    {
        _process = Start($"--Agent:RuntimeFolder={_folder}", "--Agent:HostId=h1", "--Listen:Address=http://127.0.0.1:0", "--Agent:ProbeKvm=false");
        using var bound = new CancellationTokenSource(TestAgent.Bound);
        var endpoint = await EndpointAsync(_process, bound.Token);
        using (var channel = GrpcChannel.ForAddress(endpoint))
        {
            var client = new AgentService.AgentServiceClient(channel);
            await client.StartGuestAsync(new StartGuestRequest { GuestId = "g1", Spec = TwoHosts.SpecOf(4, 4, 0, 32) });
        }

        var guest = QemuProcess.Find(new GuestFolder(_folder, "g1"));
        Assert.NotNull(guest);
        using (var kill = Process.Start("kill", [$"-{signal}", _process.Id.ToString(CultureInfo.InvariantCulture)]))
        {
            await kill.WaitForExitAsync(bound.Token);
        }

        await _process.WaitForExitAsync(bound.Token);
        Assert.Equal(exitCode, _process.ExitCode);
        Assert.True(guest.IsAlive);
    }

    private static Process Start(params string[] arguments)
    {
        var start = new ProcessStartInfo(
            "dotnet", [Path.Combine(AppContext.BaseDirectory, "Orchestrator.HostAgent.dll"), .. arguments, .. Engine()])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        return Process.Start(start) ?? throw new InvalidOperationException("dotnet did not start.");
    }

    private static string[] Engine() =>
        Environment.GetEnvironmentVariable("ORCHESTRATOR_QEMU") is { Length: > 0 } program ? [$"--Qemu:Program={program}"] : [];

    private static async Task<string> EndpointAsync(Process agent, CancellationToken cancellation)
    {
        const string Before = "Now listening on: ";
        while (await agent.StandardOutput.ReadLineAsync(cancellation) is { } line)
        {
            if (line.IndexOf(Before, StringComparison.Ordinal) is var at and >= 0)
            {
                return line[(at + Before.Length)..].Trim();
            }
        }

        throw new InvalidOperationException($"The agent ended: {await agent.StandardError.ReadToEndAsync(cancellation)}");
    }
}
