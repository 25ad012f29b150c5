using System.CommandLine;
using Orchestrator.LocalFleet.Processes;
using Spectre.Console;

namespace Orchestrator.LocalFleet.Serve;

/// <summary>`serve`: a fleet to try things out on, until interrupted.</summary>
internal static class ServeCommand
{
    public static Command Create()
    {
        var hosts = new Option<int>("--hosts") { Description = "How many hosts, 1 to 16.", DefaultValueFactory = _ => 2 };
        var port = new Option<int>("--port") { Description = "Port of the control plane on 127.0.0.1.", DefaultValueFactory = _ => 7443 };
        var qemu = new Option<string?>("--qemu") { Description = "QEMU program of all hosts; default: qemu-system-x86_64 on PATH." };
        hosts.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is < 1 or > 16)
            {
                result.AddError("--hosts must be 1 to 16.");
            }
        });
        var command = new Command("serve", "Runs Postgres, the control plane and agents on this machine until interrupted.") { hosts, port, qemu };

        // Begun aside: Ctrl-C ends the process at once while the action has not given its task back yet.
        command.SetAction((arguments, cancellation) => Task.Run(() => RunAsync(
            arguments.GetRequiredValue(hosts), arguments.GetRequiredValue(port), arguments.GetValue(qemu), cancellation)));
        return command;
    }

    private static async Task<int> RunAsync(int hosts, int port, string? qemu, CancellationToken cancellation)
    {
        var console = AnsiConsole.Console;
        using var folder = new FleetFolder("serve");
        var plan = new FleetPlan
        {
            Folder = folder.Path,
            ControlPlanePort = port,
            Hosts = [.. Enumerable.Range(1, hosts).Select(i => new HostPlan($"host-{(char)('a' + i - 1)}", $"127.0.0.{i}", qemu))],
        };
        try
        {
            await using var fleet = await Fleet.StartAsync(
                plan, line => console.MarkupLineInterpolated($"[blue]==>[/] {line}"), TimeProvider.System, cancellation);
            console.MarkupLineInterpolated($"Serving at {fleet.ControlPlane.Endpoint}. Try, in another terminal:");
            console.MarkupLine("  ./run migctl hosts list");
            console.MarkupLine("  ./run migctl guests define web --memory 256MiB --boot-guest");
            console.MarkupLine("  ./run migctl guests start web host-a");
            console.MarkupLine("  ./run migctl migrate web host-b --max-downtime 500ms");
            console.MarkupLine("Ctrl-C stops everything, guests included.");
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellation);
            return 0;
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            console.MarkupLine("Stopped.");
            return 0;
        }
        catch (FleetException failure)
        {
            folder.Keep = true;
            console.MarkupLineInterpolated($"[red]{failure.Message}[/]");
            return 1;
        }
    }
}
