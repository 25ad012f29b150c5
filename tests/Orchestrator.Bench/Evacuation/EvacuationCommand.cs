using System.CommandLine;
using Orchestrator.Bench.Measuring;
using Orchestrator.Bench.Results;
using Spectre.Console;

namespace Orchestrator.Bench.Evacuation;

/// <summary>`evacuation`: options, runs, table and JSON.</summary>
internal static class EvacuationCommand
{
    public static Command Create()
    {
        var seeds = CountOption.Create("--seeds", "Fleets of each kind.", 5, 1, 1000);
        var seed = CountOption.Create("--seed", "The first one.", 1, 0, int.MaxValue);
        var json = ResultJson.CreateOption();
        var command = new Command(
            "evacuation",
            "Empties simulated hosts in virtual time, by the product's planner and conductor and by models of Nova, KubeVirt, oVirt and Proxmox, and "
            + "holds the time each takes against what the links allow at best; then, how long the product's own think about a fleet of 500 hosts and "
            + "10,000 guests. Same seeds, same numbers but for that. Judges nothing: exit 0 when it measured.")
        {
            seeds, seed, json,
        };
        command.SetAction(async (arguments, cancellation) =>
        {
            var first = (ulong)arguments.GetRequiredValue(seed);
            var result = await MeasureAsync([.. Enumerable.Range(0, arguments.GetRequiredValue(seeds)).Select(index => first + (ulong)index)], cancellation);
            result.Write(AnsiConsole.Console);
            await ResultJson.PublishAsync(result, arguments.GetValue(json), cancellation);
            return 0;
        });
        return command;
    }

    private static async Task<EvacuationResult> MeasureAsync(IReadOnlyList<ulong> seeds, CancellationToken cancellation)
    {
        // Each run has a fleet of its own: guests remember what was done to them.
        var figures = seeds.SelectMany(Setups.All).Select((setup, index) => (setup.Name, setup.Trouble, Index: index, setup.Seed))
            .AsParallel().AsOrdered().WithDegreeOfParallelism(Math.Max(1, Environment.ProcessorCount / 2)).WithCancellation(cancellation)
            .Select(run => (run.Name, run.Trouble, By: EvacuationRun.Everybody.Select(evacuator => EvacuationRun.Of(
                Setups.All(run.Seed).Single(setup => setup.Name == run.Name && setup.Trouble == run.Trouble), evacuator)).ToList()))
            .ToList();
        var machine = await Machine.DescribeAsync("none", cancellation);
        return new EvacuationResult(
            seeds,
            machine.Commit,
            [
                .. figures.GroupBy(run => (run.Name, run.Trouble)).Select(group => new SetupResult(
                    group.Key.Name,
                    group.Key.Trouble,
                    EvacuatorResult.Median(group.Select(run => run.By[0].Bound)),
                    [
                        .. Enumerable.Range(0, EvacuationRun.Everybody.Count).Select(index => EvacuatorResult.Of(
                            [.. group.Select(run => run.By[index])], group.Key.Trouble == Setups.Troubles[0])),
                    ])),
            ],
            new PlanningRun(TimeProvider.System).Measure((int)seeds[0]));
    }
}
