using System.CommandLine;
using System.Globalization;
using Orchestrator.Bench.Measuring;
using Orchestrator.Bench.Results;
using Spectre.Console;

namespace Orchestrator.Bench.Placement;

/// <summary>`placement`: options, run, table and JSON, exit code.</summary>
internal static class PlacementCommand
{
    public static Command Create()
    {
        var hosts = CountOption.Create("--hosts", "Hosts of the fleet.", 500, 2, 10_000);
        var guests = CountOption.Create("--guests", "Guests that are on them.", 10_000, 1, 1_000_000);
        var place = CountOption.Create("--place", "Guests that are placed in one go, from hosts that are emptied.", 1000, 1, 100_000);
        var choices = CountOption.Create("--choices", "Times that a host is chosen for one guest.", 20_000, 1, 1_000_000);
        var seed = CountOption.Create("--seed", "Decides the fleet.", 1, 0, int.MaxValue - 1);
        var json = ResultJson.CreateOption();
        var command = new Command(
            "placement",
            "Chooses hosts in a fleet that is drawn, in memory: how long it takes, and how good the choice is against what no choice could "
            + "beat. Judges nothing: exit 0 when it measured.")
        {
            hosts, guests, place, choices, seed, json,
        };
        command.SetAction((arguments, cancellation) => RunAsync(
            new PlacementOptions
            {
                Hosts = arguments.GetRequiredValue(hosts),
                Guests = arguments.GetRequiredValue(guests),
                Place = arguments.GetRequiredValue(place),
                Choices = arguments.GetRequiredValue(choices),
                Seed = arguments.GetRequiredValue(seed),
            },
            arguments.GetValue(json),
            cancellation));
        return command;
    }

    private static async Task<int> RunAsync(PlacementOptions options, string? json, CancellationToken cancellation)
    {
        var result = await new PlacementRun(options, TimeProvider.System).RunAsync(cancellation);
        AnsiConsole.Console.Write(Figures(result));
        await ResultJson.PublishAsync(result, json, cancellation);
        return 0;
    }

    private static Table Figures(PlacementResult result)
    {
        var (options, batch, fill) = (result.Options, result.Batch, result.Fill);
        var table = new Table().AddColumns("figure", "value");
        table.Border = TableBorder.Simple;
        table.AddRow("fleet", Text($"{options.Hosts} hosts, {options.Guests} guests, seed {options.Seed}"));
        table.AddRow("making the ledger", Text($"{result.BuildMs:0.0} ms"));
        if (result.ChooseMs is { } choose)
        {
            table.AddRow("choosing for one guest", Text(
                $"p50 {choose.P50:0.000}, p90 {choose.P90:0.000}, p99 {choose.P99:0.000}, max {choose.Max:0.000} ms ({choose.Count} times)"));
        }

        table.AddRow("CPU time of it", Text($"{result.ChooseCpuMs:0.000} ms on average"));
        table.AddRow("without a host", Text($"{result.ChoicesWithoutHost}"));
        table.AddRow("explaining one guest", Text($"{result.ExplainMs:0.0} ms"));
        table.AddRow("placing in one go", Text(
            $"{batch.Placed} of {batch.Guests} guests of {batch.HostsEmptied} hosts in {batch.TookMs:0.0} ms"));
        table.AddRow("arrivals on one host", Text($"at most {batch.ArrivalsMost}, {batch.ArrivalsLeastPossible} if even"));
        table.AddRow("fullest host that got one", Text(
            $"{100 * batch.MemoryShareMost:0.0} % of its memory, at least {100 * batch.MemoryShareMostPossible:0.0} %"));
        table.AddRow("filled at the first refusal", Text($"{100 * fill.ShareAtFirstRefusal:0.0} % of what was free"));
        table.AddRow("filled in the end", Text($"{100 * fill.ShareInTheEnd:0.0} % of what was free, {fill.GuestsPlaced} guests"));
        table.AddRow("load average", Text($"{result.LoadAverageBefore:0.0} to {result.LoadAverageAfter:0.0}"));
        return table;
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
