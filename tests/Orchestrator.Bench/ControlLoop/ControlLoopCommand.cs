using System.CommandLine;
using System.Globalization;
using Grpc.Core;
using Npgsql;
using Orchestrator.Bench.Results;
using Orchestrator.LocalFleet.Processes;
using Spectre.Console;

namespace Orchestrator.Bench.ControlLoop;

/// <summary>`control-loop`: options, run, table and JSON, exit code.</summary>
internal static class ControlLoopCommand
{
    public static Command Create()
    {
        var hosts = Number("--hosts", "Scripted hosts.", 100, 2, 1000);
        var migrations = Number("--migrations", "Migrations that run at the same time.", 2000, 1, 100_000);
        var reports = Number("--reports-per-second", "Reports of each migration and side.", 4, 1, 20);
        var passes = Number("--pass-seconds", "Mean length of a copy pass; each brings one decision.", 10, 1, 600);
        var seconds = Number("--seconds", "How long is measured.", 60, 1, 86_400);
        var warmup = Number("--warmup", "Seconds between the last migration's start and the measurement.", 15, 0, 3600);
        var seed = Number("--seed", "Decides guests, copies and targets.", 1, 0, int.MaxValue);
        var json = new Option<string?>("--json") { Description = "File that gets the result as one JSON object." };
        var command = new Command(
            "control-loop",
            "Runs the control plane with its own Postgres against scripted agents whose copies never converge, and measures how soon a "
            + "report becomes a command, and what that costs. Judges nothing: exit 0 when it measured.")
        {
            hosts, migrations, reports, passes, seconds, warmup, seed, json,
        };
        command.SetAction((arguments, cancellation) => RunAsync(
            new ControlLoopOptions
            {
                Hosts = arguments.GetRequiredValue(hosts),
                Migrations = arguments.GetRequiredValue(migrations),
                ReportsPerSecond = arguments.GetRequiredValue(reports),
                PassSeconds = arguments.GetRequiredValue(passes),
                Seconds = arguments.GetRequiredValue(seconds),
                Warmup = arguments.GetRequiredValue(warmup),
                Seed = arguments.GetRequiredValue(seed),
            },
            arguments.GetValue(json),
            cancellation));
        return command;
    }

    private static async Task<int> RunAsync(ControlLoopOptions options, string? json, CancellationToken cancellation)
    {
        using var folder = new FleetFolder("bench");
        folder.Keep = true;
        try
        {
            var result = await new ControlLoopRun(options, Say, TimeProvider.System).RunAsync(folder.Path, cancellation);
            ResultTable.Write(result, AnsiConsole.Console);
            Console.WriteLine(result.ToJson(indented: false));
            if (json is not null)
            {
                await File.WriteAllTextAsync(json, result.ToJson(indented: true) + "\n", cancellation);
            }

            folder.Keep = false;
            return 0;
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            folder.Keep = false;
            Say("interrupted; everything that was started has been stopped");
            return 130;
        }
        catch (Exception failure) when (failure is FleetException or RpcException or NpgsqlException or IOException)
        {
            Say($"nothing was measured: {failure.Message}");
            Say($"logs are kept in {folder.Path}");
            return 1;
        }
    }

    // Beside the result, so that the result alone can be piped on.
    private static void Say(string line) => Console.Error.WriteLine($"bench: {line}");

    private static Option<int> Number(string name, string description, int usual, int min, int max)
    {
        var option = new Option<int>(name) { Description = $"{description} Default {usual}.", DefaultValueFactory = _ => usual };
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
