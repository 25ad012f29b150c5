using System.Globalization;
using System.Text;
using Google.Protobuf.WellKnownTypes;
using Orchestrator.Specs;
using Orchestrator.V1;

namespace Orchestrator.Cli.Evacuations;

/// <summary>A plan as bars over time, by target: one row a guest, its wave before it.</summary>
internal static class PlanTimeline
{
    private const int LeastChart = 16;
    private const int MostName = 28;
    private const int TickEvery = 16;
    private const int WaveWidth = 3;

    /// <param name="width">Columns that may be used.</param>
    public static string Render(EvacuationPlan plan, int width)
    {
        if (plan.Moves.Count == 0)
        {
            return "Nothing moves.\n";
        }

        var name = Math.Clamp(plan.Moves.Max(move => move.GuestId.Length), 4, Math.Min(MostName, Math.Max(4, width - LeastChart - WaveWidth - 4)));
        var left = 2 + WaveWidth + 1 + name + 1;
        var chart = Math.Max(LeastChart, width - left);
        var total = Math.Max(1e-3, plan.Moves.Max(move => Start(move) + Seconds(move.Duration)));
        var text = new StringBuilder();
        Axis(text, left, chart, total);
        foreach (var target in plan.Moves.GroupBy(move => move.TargetHostId).OrderBy(group => group.Key, StringComparer.Ordinal))
        {
            text.Append("to ").AppendLine(target.Key);
            foreach (var move in target.OrderBy(Start).ThenBy(move => move.GuestId, StringComparer.Ordinal))
            {
                // What is short is still one column wide, within the chart.
                var from = Math.Min(chart - 1, (int)(Start(move) / total * chart));
                var to = Math.Clamp((int)Math.Ceiling((Start(move) + Seconds(move.Duration)) / total * chart), from + 1, chart);
                var bar = new string(' ', from) + new string(move.Treatment == GuestTreatment.Restart ? '=' : '#', to - from);
                text.AppendLine(CultureInfo.InvariantCulture, $"  {move.Wave,WaveWidth} {Fitted(move.GuestId, name).PadRight(name)} {bar}");
            }
        }

        return text.ToString();
    }

    // Times as far apart as their words need.
    private static void Axis(StringBuilder text, int left, int chart, double total)
    {
        var labels = new StringBuilder(new string(' ', left));
        var ticks = new StringBuilder(new string(' ', left));
        for (var column = 0; column < chart; column++)
        {
            var isTick = column % TickEvery == 0;
            ticks.Append(isTick ? '|' : '-');
            var word = isTick ? QuantityText.Duration(TimeSpan.FromSeconds(Math.Round(total * column / chart, total < 60 ? 1 : 0)).ToDuration()) : "";
            if (isTick && column + word.Length <= chart)
            {
                labels.Append(word == "0 ms" ? "0 s".PadRight(TickEvery) : word.PadRight(TickEvery));
            }
        }

        text.AppendLine(labels.ToString().TrimEnd()).AppendLine(ticks.ToString());
    }

    private static string Fitted(string name, int width) => name.Length <= width ? name : name[..(width - 1)] + "~";

    private static double Start(PlannedMove move) => Seconds(move.StartsAfter);

    private static double Seconds(Duration? duration) => duration?.ToTimeSpan().TotalSeconds ?? 0;
}
