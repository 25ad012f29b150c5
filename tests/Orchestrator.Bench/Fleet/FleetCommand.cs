using System.CommandLine;
using Orchestrator.Bench.Measuring;
using Orchestrator.Bench.Results;
using Spectre.Console;

namespace Orchestrator.Bench.Fleet;

/// <summary>`fleet`: options, run, table and JSON, exit code.</summary>
internal static class FleetCommand
{
    public static Command Create()
    {
        var hosts = CountOption.Create("--hosts", "Scripted hosts.", 500, 2, 1000);
        var guests = CountOption.Create("--guests", "Guests on them; at least queued and running together, the others are started from outside.", 12_500, 2, 200_000);
        var queued = CountOption.Create("--queued", "Migrations that wait.", 10_000, 0, 100_000);
        var running = CountOption.Create("--running", "Migrations that run at the same time.", 2000, 1, 100_000);
        var replicas = CountOption.Create("--replicas", "Measures with 1, 2, ... up to this many.", 3, 1, 5);
        var seconds = CountOption.Create("--seconds", "How long is measured with each number of replicas.", 30, 1, 3600);
        var transfer = CountOption.Create("--transfer-seconds", "Mean length of a transfer.", 100, 1, 3600);
        var report = CountOption.Create("--report-ms", "Between two reports of each side of a migration.", 2000, 50, 60_000);
        var calls = CountOption.Create("--calls", "Calls per second to the API while it is measured; a quarter of them starts.", 40, 1, 1000);
        var place = CountOption.Create("--place", "Guests placed in one go, in memory.", 1000, 1, 100_000);
        var seed = CountOption.Create("--seed", "Decides guests, copies and classes.", 1, 0, int.MaxValue - 1);
        var json = ResultJson.CreateOption();
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
            LiveRun.Say(problem);
            return 2;
        }

        return await LiveRun.RunAsync(
            async (folder, say) =>
            {
                var result = await new FleetRun(options, say, TimeProvider.System).RunAsync(folder, cancellation);
                FleetTable.Write(result, AnsiConsole.Console);
                await ResultJson.PublishAsync(result, json, cancellation);
            },
            cancellation);
    }
}
