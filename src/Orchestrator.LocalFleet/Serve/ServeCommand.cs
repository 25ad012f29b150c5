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
        var replicas = new Option<int>("--replicas")
        {
            Description = "How many processes are the control plane together, 1 to 5; they listen at --port and the ports after it.",
            DefaultValueFactory = _ => 1,
        };
        var qemu = new Option<string?>("--qemu") { Description = "QEMU program of all hosts; default: qemu-system-x86_64 on PATH." };
        hosts.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is < 1 or > 16)
            {
                result.AddError("--hosts must be 1 to 16.");
            }
        });
        replicas.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is < 1 or > 5)
            {
                result.AddError("--replicas must be 1 to 5.");
            }
        });
        var command = new Command("serve", "Runs Postgres, the control plane and agents on this machine until interrupted.")
        {
            hosts, port, replicas, qemu,
        };
        command.SetAction((arguments, cancellation) =>
        {
            var (count, program) = (arguments.GetRequiredValue(hosts), arguments.GetValue(qemu));
            var plan = new FleetPlan
            {
                Folder = "",
                ControlPlanePort = arguments.GetRequiredValue(port),
                Replicas = arguments.GetRequiredValue(replicas),
                Hosts = [.. Enumerable.Range(1, count).Select(i => new HostPlan($"host-{(char)('a' + i - 1)}", $"127.0.0.{i}", program))],
            };

            // Begun aside: Ctrl-C ends the process at once while the action has not given its task back yet.
            return Task.Run(() => RunAsync(plan, cancellation));
        });
        return command;
    }

    private static async Task<int> RunAsync(FleetPlan plan, CancellationToken cancellation)
    {
        var console = AnsiConsole.Console;
        using var folder = new FleetFolder("serve");
        try
        {
            await using var fleet = await Fleet.StartAsync(
                plan with { Folder = folder.Path }, line => console.MarkupLineInterpolated($"[blue]==>[/] {line}"), TimeProvider.System, cancellation);
            console.MarkupLineInterpolated($"Serving at {string.Join(" and ", fleet.ControlPlanes.Select(replica => replica.Endpoint))}. Try, in another terminal:");
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
