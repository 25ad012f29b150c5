using System.CommandLine;
using Orchestrator.Bench.Measuring;
using Orchestrator.Bench.Results;
using Spectre.Console;

namespace Orchestrator.Bench.ControlLoop;

/// <summary>`control-loop`: options, run, table and JSON, exit code.</summary>
internal static class ControlLoopCommand
{
    public static Command Create()
    {
        var hosts = CountOption.Create("--hosts", "Scripted hosts.", 100, 2, 1000);
        var migrations = CountOption.Create("--migrations", "Migrations that run at the same time.", 2000, 1, 100_000);
        var reports = CountOption.Create("--reports-per-second", "Reports of each migration and side.", 4, 1, 20);
        var passes = CountOption.Create("--pass-seconds", "Mean length of a copy pass; each brings one decision.", 10, 1, 600);
        var seconds = CountOption.Create("--seconds", "How long is measured.", 60, 1, 86_400);
        var warmup = CountOption.Create("--warmup", "Seconds between the last migration's start and the measurement.", 15, 0, 3600);
        var seed = CountOption.Create("--seed", "Decides guests, copies and targets.", 1, 0, int.MaxValue);
        var json = ResultJson.CreateOption();
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

    private static Task<int> RunAsync(ControlLoopOptions options, string? json, CancellationToken cancellation) => LiveRun.RunAsync(
        async (folder, say) =>
        {
            var result = await new ControlLoopRun(options, say, TimeProvider.System).RunAsync(folder, cancellation);
            ResultTable.Write(result, AnsiConsole.Console);
            await ResultJson.PublishAsync(result, json, cancellation);
        },
        cancellation);
}
