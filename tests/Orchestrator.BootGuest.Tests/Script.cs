using System.Collections.Immutable;

namespace Orchestrator.BootGuest.Tests;

/// <summary>Consoles as tests write them: one line every ten milliseconds from a start on.</summary>
internal static class Script
{
    public static ConsoleTranscript Console(int startMilliseconds, params string[] lines) => new(
        [.. lines.Select((line, index) => new StampedLine(Ms(startMilliseconds + (10 * index)), SerialLine.Parse(line)))], "");

    public static ConsoleTranscript Beats(int startMilliseconds, int first, int count) =>
        Console(startMilliseconds, [.. Enumerable.Range(first, count).Select(Beat)]);

    public static string Beat(int counter) => $"HB {counter} r=1 d={counter / 10} b=0";

    public static TimeSpan Ms(int milliseconds) => TimeSpan.FromMilliseconds(milliseconds);

    public static ConsoleTranscript ThenUnfinished(this ConsoleTranscript console, string text) => console with { Unfinished = text };

    public static ConsoleTranscript After(this ConsoleTranscript later, ConsoleTranscript earlier) =>
        later with { Lines = ImmutableArray.CreateRange(earlier.Lines.Concat(later.Lines)) };
}
