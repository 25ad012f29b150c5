using System.Globalization;
using Orchestrator.Cli.Rendering;
using Orchestrator.Specs;
using Orchestrator.V1;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Orchestrator.Cli.Evacuations;

/// <summary>One running evacuation as a picture that is redrawn in place.</summary>
internal static class EvacuationPanel
{
    private const int BarWidth = 24;

    // Frame, heads, the lines of the whole, and something of what was said before.
    private const int OtherRows = 14;
    private const int LeastGuests = 3;

    /// <param name="outage">What is wrong with the connection; null when nothing is.</param>
    /// <param name="height">Rows of the screen: a picture that is higher cannot be redrawn.</param>
    public static IRenderable Render(Evacuation evacuation, string? outage, int height, bool unicode)
    {
        List<IRenderable> parts = [new Text(Prose.Printable(EvacuationWords.Counts(evacuation.Guests)))];
        if (evacuation.Eta is { } eta)
        {
            parts.Add(new Text($"end expected at {Moment.Text(eta)}"
                + (evacuation.Spec?.Deadline is { } deadline ? $", deadline {Moment.Text(deadline)}" : "")));
        }

        if (EvacuationWords.Late(evacuation.LateGuestIds, evacuation.Spec?.Deadline) is { } late)
        {
            parts.Add(Coloured(late, "red"));
        }

        if (outage is not null)
        {
            parts.Add(Coloured(outage, "yellow"));
        }

        var room = Math.Max(2 * LeastGuests, height - OtherRows);
        var hosts = Math.Min(evacuation.Hosts.Count, room / 2);
        parts.Add(Hosts(evacuation, hosts, unicode));
        if (evacuation.Guests.Any(guest => EvacuationWords.IsOfInterest(guest.State)))
        {
            parts.Add(Guests(evacuation, Math.Max(LeastGuests, room - hosts)));
        }

        return new Panel(new Rows(parts))
        {
            Header = new PanelHeader(Markup.Escape(Prose.Printable($"evacuation {evacuation.EvacuationId}: {EnumText.Of(evacuation.State)}"))),
            Border = unicode ? BoxBorder.Rounded : BoxBorder.Ascii,
            Expand = true,
        };
    }

    // Those that are being emptied first.
    private static Table Hosts(Evacuation evacuation, int most, bool unicode)
    {
        var table = Plain("host", "state", "off", "");
        foreach (var host in evacuation.Hosts
            .OrderBy(host => host.State == EvacuationHostState.Emptying ? 0 : host.State == EvacuationHostState.Waiting ? 1 : 2).Take(most))
        {
            var guests = evacuation.Guests.Where(guest => guest.SourceHostId == host.HostId && guest.State != EvacuationGuestState.Skipped).ToList();
            var off = guests.Count(guest => EvacuationWords.IsOff(guest.State));
            table.AddRow(
                Cell(host.HostId), Cell(EnumText.Of(host.State)), Cell(EvacuationText.Off(evacuation, host.HostId)),
                Cell(Bar(guests.Count == 0 ? 1 : (double)off / guests.Count, unicode)));
        }

        return More(table, evacuation.Hosts.Count - most);
    }

    // What is wrong first, then what moves.
    private static Table Guests(Evacuation evacuation, int most)
    {
        var table = Plain("guest", "state", "to", "attempt", "what");
        var shown = evacuation.Guests.Where(guest => EvacuationWords.IsOfInterest(guest.State))
            .OrderBy(guest => guest.State is EvacuationGuestState.Moving or EvacuationGuestState.Returning)
            .ThenBy(guest => guest.GuestId, StringComparer.Ordinal).ToList();
        foreach (var guest in shown.Take(most))
        {
            table.AddRow(
                Cell(guest.GuestId), Cell(EnumText.Of(guest.State)), Cell(guest.TargetHostId),
                Cell(guest.Attempts.ToString(CultureInfo.InvariantCulture)), Cell(guest.Message));
        }

        return More(table, shown.Count - most);
    }

    private static Table Plain(params string[] columns)
    {
        var table = new Table { Border = TableBorder.None, Expand = true };
        table.AddColumns([.. columns.Select(column => new TableColumn(new Text(column)) { NoWrap = true })]);
        return table;
    }

    private static Table More(Table table, int left)
    {
        if (left > 0)
        {
            table.AddRow(Cell(string.Create(CultureInfo.InvariantCulture, $"and {left} more")));
        }

        return table;
    }

    private static string Bar(double done, bool unicode)
    {
        var filled = (int)Math.Floor(Math.Clamp(done, 0, 1) * BarWidth);
        return new string(unicode ? '\u2588' : '#', filled) + new string(unicode ? '\u2591' : '.', BarWidth - filled);
    }

    private static Markup Coloured(string text, string colour) => new($"[{colour}]{Markup.Escape(Prose.Printable(text))}[/]");

    // One line each: what is longer is cut, so that the height is known.
    private static Text Cell(string text) => new(Prose.Printable(text.ReplaceLineEndings(" "))) { Overflow = Overflow.Ellipsis };
}
