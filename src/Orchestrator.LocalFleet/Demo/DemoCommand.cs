using System.CommandLine;
using System.Globalization;
using Orchestrator.LocalFleet.Processes;
using Spectre.Console;

namespace Orchestrator.LocalFleet.Demo;

/// <summary>`demo`: options, run, summary in words, exit code.</summary>
internal static class DemoCommand
{
    public static Command Create()
    {
        var policy = new Option<string>("--policy") { Description = "Stored policy to migrate under.", DefaultValueFactory = _ => "predictive" };
        var memory = Number("--memory", "Guest memory in MiB, 64 to 2048.", 256, 64, 2048);
        var workingSet = Number("--working-set", "MiB the guest rewrites over and over, 1 up to the memory less 16.", 48, 1, 2032);
        var dirtyRate = Number("--dirty-rate", "MiB per second it rewrites; 0 = as fast as it can.", 96, 0, 65535);
        var bandwidth = Number("--bandwidth", "Cap of the copy in MiB per second; 0 = none.", 64, 0, 100_000);
        var budget = Number("--budget", "Most downtime allowed, in ms.", 1000, 1, 2_000_000);
        var qemu = new Option<string?>("--qemu") { Description = "QEMU program for both hosts; default: qemu-system-x86_64 on PATH." };
        var json = new Option<string?>("--json") { Description = "File that gets the result as one JSON object." };
        var command = new Command(
            "demo",
            "Starts Postgres, the control plane and two agents on this machine, boots a guest that does not converge at first, and "
            + "migrates it while you watch. Exit 0 only when it completed with its memory intact.")
        {
            policy, memory, workingSet, dirtyRate, bandwidth, budget, qemu, json,
        };

        // Begun aside: Ctrl-C ends the process at once while the action has not given its task back yet.
        command.SetAction((arguments, cancellation) => Task.Run(() => RunAsync(
            new DemoOptions
            {
                Policy = arguments.GetRequiredValue(policy),
                MemoryMebibytes = arguments.GetRequiredValue(memory),
                WorkingSetMebibytes = arguments.GetRequiredValue(workingSet),
                DirtyMebibytesPerSecond = arguments.GetRequiredValue(dirtyRate),
                BandwidthMebibytesPerSecond = arguments.GetRequiredValue(bandwidth),
                BudgetMilliseconds = arguments.GetRequiredValue(budget),
                QemuProgram = arguments.GetValue(qemu),
                JsonFile = arguments.GetValue(json),
            },
            cancellation)));
        return command;
    }

    private static async Task<int> RunAsync(DemoOptions options, CancellationToken cancellation)
    {
        var console = AnsiConsole.Console;
        if (options.WorkingSetMebibytes > options.MemoryMebibytes - 16)
        {
            console.MarkupLine("[red]--working-set must be at most --memory less 16 MiB.[/]");
            return 2;
        }

        using var folder = new FleetFolder("demo");
        try
        {
            var result = await new DemoRun(options, console, TimeProvider.System).RunAsync(folder.Path, cancellation);
            if (options.JsonFile is { } file)
            {
                result.Write(file);
            }

            Summarize(result, console);
            folder.Keep = !result.Succeeded;
            return result.Succeeded ? 0 : 1;
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            console.MarkupLine("[yellow]Interrupted; everything that was started has been stopped.[/]");
            return 130;
        }
        catch (FleetException failure)
        {
            folder.Keep = true;
            console.MarkupLineInterpolated($"[red]{failure.Message}[/]");
            return 1;
        }
        finally
        {
            if (folder.Keep)
            {
                console.MarkupLineInterpolated($"Logs are kept in {folder.Path}");
            }
        }
    }

    private static void Summarize(DemoResult result, IAnsiConsole console)
    {
        console.WriteLine();
        if (!result.Succeeded)
        {
            console.MarkupLineInterpolated($"[red]The migration ended as {result.Outcome}, integrity {result.Integrity}. {result.FailureMessage}[/]");
            return;
        }

        console.MarkupLineInterpolated(
            $"[green]The guest moved in {Seconds(result.TotalMs)} s with its memory intact.[/] {result.Engine} {result.EngineVersion}, policy '{result.Policy}'.");
        console.MarkupLineInterpolated(
            $"Downtime: promised at most {result.BudgetMs:0} ms, predicted {Show(result.PredictedDowntimeMs)}, reported by the engine {Show(result.ReportedDowntimeMs)}, felt by the guest {Show(result.GuestOutageMs)} (by its own heartbeats).");
        console.MarkupLineInterpolated(
            $"{result.BytesTransferred / 1048576.0:0} MiB were sent for {result.RamBytes / 1048576.0:0} MiB of memory, in {result.Passes} passes.");
        foreach (var decision in result.Decisions)
        {
            console.MarkupLineInterpolated($"  at {Seconds(decision.AtMs)} s: {decision.Reason}");
        }
    }

    private static string Seconds(double? milliseconds) => ((milliseconds ?? 0) / 1000).ToString("0.0", CultureInfo.InvariantCulture);

    private static string Show(double? milliseconds) =>
        milliseconds is { } known ? string.Create(CultureInfo.InvariantCulture, $"{known:0} ms") : "not known";

    private static Option<int> Number(string name, string description, int usual, int min, int max)
    {
        var option = new Option<int>(name) { Description = $"{description}", DefaultValueFactory = _ => usual };
        option.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && int.TryParse(result.Tokens[0].Value, CultureInfo.InvariantCulture, out var value) && (value < min || value > max))
            {
                result.AddError($"{name} must be {min} to {max}, is {value}.");
            }
        });
        return option;
    }
}
