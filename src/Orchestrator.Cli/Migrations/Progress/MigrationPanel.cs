using System.Globalization;
using Orchestrator.Cli.Rendering;
using Orchestrator.Specs;
using Orchestrator.V1;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Orchestrator.Cli.Migrations.Progress;

/// <summary>One running migration as a panel that is redrawn in place.</summary>
internal static class MigrationPanel
{
    private const int BarWidth = 40;
    private const int Width = 84;

    /// <param name="outage">What is wrong with the connection; null when nothing is.</param>
    public static IRenderable Render(MigrationView view, string? outage, bool unicode)
    {
        var migration = view.Migration;
        var rows = new Grid().AddColumn(new GridColumn().NoWrap().PadRight(2)).AddColumn(new GridColumn());
        Row("phase", Plain(Phase(view)));
        if (view.Reading is { } reading)
        {
            Row("remaining", new Markup($"[blue]{Bar(view.Done ?? 0, unicode)}[/] {Escape(ReadingText.Remaining(view, reading))}"));
            Row("downtime", new Markup(Downtime(migration, reading)));
            Row("speed", Plain(ReadingText.Speed(reading)));
            Row("guest", Plain(Guest(view.Phase, reading)));
            if (reading.Suspects.Count > 0)
            {
                var suspects = reading.Suspects.Select(suspect => $"{suspect.Field} = {suspect.Raw}: {suspect.Why}");
                Row("not believed", Plain(string.Join("; ", suspects)));
            }
        }

        if (outage is not null)
        {
            Row("connection", new Markup($"[yellow]{Escape(outage)}[/]"));
        }

        return new Panel(rows)
        {
            Header = new PanelHeader(Escape($"{migration.GuestId}: {migration.SourceHostId} -> {migration.TargetHostId}")),

            // Numbers change their length several times a second; the frame must not.
            Width = Width,
            Border = unicode ? BoxBorder.Rounded : BoxBorder.Ascii,
        };

        void Row(string name, IRenderable value) => rows.AddRow(new Text(name), value);
    }

    /// <summary>Filled from the left by what is done.</summary>
    public static string Bar(double done, bool unicode)
    {
        var filled = (int)Math.Floor(Math.Clamp(done, 0, 1) * BarWidth);
        return new string(unicode ? '\u2588' : '#', filled) + new string(unicode ? '\u2591' : '.', BarWidth - filled);
    }

    private static string Phase(MigrationView view)
    {
        var text = EnumText.Of(view.Phase);
        if (view.Reading is { } reading)
        {
            text += $", {ReadingText.Pass(reading)}"
                + (reading.Elapsed is { } elapsed ? $", {QuantityText.Duration(elapsed)} since the copy began" : "");
        }

        return view.Migration.Deadline is { } deadline ? $"{text}, deadline {QuantityText.Duration(deadline)}" : text;
    }

    private static string Downtime(Migration migration, Reading reading)
    {
        var fits = reading.ExpectedDowntime is not { } expected || migration.MaxDowntime is not { } budget
            || expected.ToTimeSpan() <= budget.ToTimeSpan();
        return $"expected [{(fits ? "green" : "red")}]{Escape(ReadingText.Expected(reading))}[/], "
            + $"budget {Escape(ReadingText.Budget(migration))}"
            + (reading.DowntimeLimit is { } limit ? $", limit {Escape(QuantityText.Duration(limit))}" : "");
    }

    private static string Guest(MigrationPhase phase, Reading reading)
    {
        var where = phase is MigrationPhase.Postcopy ? "runs on the target" : reading.GuestRunning ? "runs" : "stopped";
        return reading.ThrottlePercent == 0
            ? $"{where}, not throttled"
            : string.Create(CultureInfo.InvariantCulture, $"{where}, throttled {reading.ThrottlePercent} %");
    }

    private static Text Plain(string text) => new(Prose.Printable(text));

    private static string Escape(string text) => Markup.Escape(Prose.Printable(text));
}
