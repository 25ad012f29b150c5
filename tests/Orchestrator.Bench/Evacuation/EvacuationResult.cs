using Spectre.Console;

namespace Orchestrator.Bench.Evacuation;

/// <summary>All set-ups, all seeds, everybody.</summary>
internal sealed record EvacuationResult(IReadOnlyList<ulong> Seeds, string Commit, IReadOnlyList<SetupResult> Setups, IReadOnlyList<PlanningFigures> Planning)
{
    public void Write(IAnsiConsole console)
    {
        var names = Setups[0].By.Select(by => by.By).ToList();
        console.Profile.Out.Writer.WriteLine(FormattableString.Invariant(
            $"evacuation: makespan / bandwidth bound, median (worst) of {Seeds.Count} seeds; n left = guests still there after 24 h, in the worst seed"));
        var table = new Table().AddColumns(["set-up", "trouble", "bound, s", .. names]);
        table.Border = TableBorder.Simple;
        foreach (var setup in Setups)
        {
            table.AddRow(
            [
                setup.Setup, setup.Trouble, FormattableString.Invariant($"{setup.MedianBoundS:0}"),
                .. setup.By.Select(by => by.GuestsLeft > 0
                    ? FormattableString.Invariant($"{by.GuestsLeft} left")
                    : FormattableString.Invariant($"{by.MedianRatio:0.00} ({by.WorstRatio:0.00})")),
            ]);
        }

        console.Write(table);
        var ours = Setups.SelectMany(setup => setup.By).Where(by => by.By == names[0]).ToList();
        console.Profile.Out.Writer.WriteLine(FormattableString.Invariant(
            $"{names[0]}: what the plan said was off by {100 * ours.Max(by => by.PlanErrorWorst ?? 0):0} % at worst without trouble; longest downtime {ours.Max(by => by.LongestDowntimeS):0.00} s"));
        foreach (var planning in Planning)
        {
            console.Profile.Out.Writer.WriteLine(FormattableString.Invariant(
                $"500 hosts, 10,000 guests, {planning.Name}, {planning.GuestsToMove} guests to move ({planning.Stuck} stuck), plan {planning.PlanRatio:0.00} x its bound: first step {planning.FirstNextMs:0} ms, step {planning.NextMs:0} ms, outlook {planning.OutlookMs:0} ms, plan {planning.PlanMs:0} ms"));
        }
    }
}

/// <param name="By">Ours first.</param>
internal sealed record SetupResult(string Setup, string Trouble, double MedianBoundS, IReadOnlyList<EvacuatorResult> By);

/// <summary>One evacuator in one set-up, over all seeds. Ratios are null when guests were left in any seed.</summary>
internal sealed record EvacuatorResult
{
    public required string By { get; init; }

    public required double? MedianRatio { get; init; }

    public required double? WorstRatio { get; init; }

    public required int GuestsLeft { get; init; }

    public required double MedianBytesShare { get; init; }

    public required double MedianNineTenthsRatio { get; init; }

    public required int MostAtOnce { get; init; }

    public required double LongestDowntimeS { get; init; }

    /// <summary>Of ours where nothing fails: how far the plan's total was from what came, as a share of it.</summary>
    public required double? PlanErrorWorst { get; init; }

    public required IReadOnlyList<EvacuationFigures> Seeds { get; init; }

    public static EvacuatorResult Of(IReadOnlyList<EvacuationFigures> seeds, bool withoutTrouble)
    {
        var all = seeds.All(figures => figures.Ratio is not null);
        return new EvacuatorResult
        {
            By = seeds[0].By,
            MedianRatio = all ? Median(seeds.Select(figures => figures.Ratio!.Value)) : null,
            WorstRatio = all ? seeds.Max(figures => figures.Ratio) : null,
            GuestsLeft = seeds.Max(figures => figures.GuestsLeft),
            MedianBytesShare = Median(seeds.Select(figures => figures.BytesShare)),
            MedianNineTenthsRatio = Median(seeds.Select(figures => (figures.NineTenths ?? EvacuationRun.Horizon) / figures.Bound)),
            MostAtOnce = seeds.Max(figures => figures.MostAtOnce),
            LongestDowntimeS = seeds.Max(figures => figures.LongestDowntime),
            PlanErrorWorst = withoutTrouble && seeds[0].Planned is not null
                ? seeds.Max(figures => Math.Abs((figures.Planned - figures.Makespan) / figures.Makespan ?? 1)) : null,
            Seeds = seeds,
        };
    }

    public static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToList();
        return (sorted[(sorted.Count - 1) / 2] + sorted[sorted.Count / 2]) / 2;
    }
}
