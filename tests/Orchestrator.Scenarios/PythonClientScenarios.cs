using System.Diagnostics;
using Orchestrator.LocalFleet.Processes;

namespace Orchestrator.Scenarios;

/// <summary>A client in another language, with stubs made from proto/ by that language's own generator.</summary>
[Collection(FleetScenarios.Name)]
public class PythonClientScenarios(ScenarioFleet fleet)
{
    [Fact]
    public async Task PythonClient_RegistersHosts_StartsAMigration_AndWatchesItToTheEnd()
    {
        using var stubs = new FleetFolder("stubs");
        var proto = Path.Combine(AppContext.BaseDirectory, "proto");
        string[] files = [.. Directory.EnumerateFiles(proto, "*.proto", SearchOption.AllDirectories)];
        var plugin = await RunAsync("which", ["grpc_python_plugin"]);
        await RunAsync(
            "protoc",
            [$"--plugin=protoc-gen-grpc={plugin.Trim()}", $"-I{proto}", $"--python_out={stubs.Path}", $"--grpc_out={stubs.Path}", .. files]);
        await using var guest = await ScenarioGuest.StartAsync(fleet, Load.Light);

        var said = await RunAsync(
            "/usr/bin/python3",
            [
                Path.Combine(AppContext.BaseDirectory, "Python", "move_guest.py"), stubs.Path,
                fleet.ControlPlane.Endpoint.Authority, guest.Id, "host-b",
                .. fleet.Fleet.Agents.Select(agent => $"{agent.HostId}={agent.Endpoint.GetLeftPart(UriPartial.Authority)}"),
            ]);

        Assert.Contains("registered host-a", said, StringComparison.Ordinal);
        Assert.Contains("registered host-b", said, StringComparison.Ordinal);
        Assert.Contains("refused NOT_FOUND HOST_UNKNOWN", said, StringComparison.Ordinal);
        Assert.Contains("phase MIGRATION_PHASE_COMPLETED", said, StringComparison.Ordinal);
        Assert.Contains("readings some", said, StringComparison.Ordinal);
    }

    private static async Task<string> RunAsync(string program, IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, $"{program} ended with {process.ExitCode}: {output}{await error}");
        return output;
    }
}
