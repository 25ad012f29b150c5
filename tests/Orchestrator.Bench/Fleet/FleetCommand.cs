using System.CommandLine;
using System.Globalization;
using Grpc.Core;
using Npgsql;
using Orchestrator.LocalFleet.Processes;
using Spectre.Console;

namespace Orchestrator.Bench.Fleet;

/// <summary>`fleet`: options, run, table and JSON, exit code.</summary>
internal static class FleetCommand
{
    public static Command Create()
    {
        var hosts = Number("--hosts", "Scripted hosts.", 500, 2, 1000);
        var guests = Number("--guests", "Guests on them; at least queued and running together, the others are started from outside.", 12_500, 2, 200_000);
        var queued = Number("--queued", "Migrations that wait.", 10_000, 0, 100_000);
        var running = Number("--running", "Migrations that run at the same time.", 2000, 1, 100_000);
        var replicas = Number("--replicas", "Measures with 1, 2, ... up to this many.", 3, 1, 5);
        var seconds = Number("--seconds", "How long is measured with each number of replicas.", 30, 1, 3600);
        var transfer = Number("--transfer-seconds", "Mean length of a transfer.", 100, 1, 3600);
        var report = Number("--report-ms", "Between two reports of each side of a migration.", 2000, 50, 60_000);
        var calls = Number("--calls", "Calls per second to the API while it is measured; a quarter of them starts.", 40, 1, 1000);
        var place = Number("--place", "Guests placed in one go, in memory.", 1000, 1, 100_000);
        var seed = Number("--seed", "Decides guests, copies and classes.", 1, 0, int.MaxValue - 1);
        var json = new Option<string?>("--json") { Description = "File that gets the result as one JSON object." };
        var command = new Command(
            "fleet",
            "Runs 1, 2, ... replicas of the control plane on one Postgres against scripted agents, with a long queue and many migrations that "
            + "begin and end, and measures admission, the API, and what it costs. Judges nothing: exit 0 when it measured.")
        {
            hosts, guests, queued, running, replicas, seconds, transfer, report, calls, place, seed, json,
        };
        command.SetAction((arguments, cancellation) => RunAsync(
            new FleetOptions
            {
                Hosts = arguments.GetRequiredValue(hosts),
                Guests = arguments.GetRequiredValue(guests),
                Queued = arguments.GetRequiredValue(queued),
                Running = arguments.GetRequiredValue(running),
                Replicas = arguments.GetRequiredValue(replicas),
                Seconds = arguments.GetRequiredValue(seconds),
                TransferSeconds = arguments.GetRequiredValue(transfer),
                ReportMilliseconds = arguments.GetRequiredValue(report),
                CallsPerSecond = arguments.GetRequiredValue(calls),
                Place = arguments.GetRequiredValue(place),
                Seed = arguments.GetRequiredValue(seed),
            },
            arguments.GetValue(json),
            cancellation));
        return command;
    }

    private static async Task<int> RunAsync(FleetOptions options, string? json, CancellationToken cancellation)
    {
        if (options.Problem() is { } problem)
        {
            Say(problem);
            return 2;
        }

        using var folder = new FleetFolder("bench");
        folder.Keep = true;
        try
        {
            var result = await new FleetRun(options, Say, TimeProvider.System).RunAsync(folder.Path, cancellation);
            FleetTable.Write(result, AnsiConsole.Console);
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

    private static Option<int> Number(string name, string description, int usual, int least, int most)
    {
        var option = new Option<int>(name)
        {
            Description = string.Create(CultureInfo.InvariantCulture, $"{description} {least} to {most}."),
            DefaultValueFactory = _ => usual,
        };
        option.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && int.TryParse(result.Tokens[0].Value, CultureInfo.InvariantCulture, out var value)
                && (value < least || value > most))
            {
                result.AddError(string.Create(CultureInfo.InvariantCulture, $"{name} must be {least} to {most}, not {value}."));
            }
        });
        return option;
    }
}
