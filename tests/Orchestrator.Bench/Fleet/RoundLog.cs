using System.Globalization;
using System.Text.RegularExpressions;
using Orchestrator.Bench.Measuring;

namespace Orchestrator.Bench.Fleet;

/// <summary>One round of admission, as the dispatcher's log tells it. Times in ms.</summary>
/// <param name="At">Its end.</param>
/// <param name="Waiting">In the queue: judged one by one.</param>
internal sealed partial record Round(
    DateTimeOffset At, int Waiting, int Running, int Admitted, int Granted, int Shared, double ReadMs, double DecideMs, double WriteMs)
{
    public double TotalMs => ReadMs + DecideMs + WriteMs;

    /// <summary>Of every replica: at one time one of them is the dispatcher.</summary>
    public static IReadOnlyList<Round> Read(IEnumerable<string> logs) => [.. logs.SelectMany(ReadOne).OrderBy(round => round.At)];

    /// <returns>Null for a line that tells of something else.</returns>
    public static Round? Parse(string line)
    {
        if (Pattern().Match(line) is not { Success: true } match)
        {
            return null;
        }

        return new Round(
            DateTimeOffset.Parse(match.Groups["at"].ValueSpan, CultureInfo.InvariantCulture), Count("waiting"), Count("running"), Count("admitted"),
            Count("granted"), Count("shared"), Time("read"), Time("decide"), Time("write"));

        int Count(string name) => int.Parse(match.Groups[name].ValueSpan, CultureInfo.InvariantCulture);
        double Time(string name) => double.Parse(match.Groups[name].ValueSpan, CultureInfo.InvariantCulture);
    }

    private static IEnumerable<Round> ReadOne(string path)
    {
        using var log = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        while (log.ReadLine() is { } line)
        {
            if (Parse(line) is { } round)
            {
                yield return round;
            }
        }
    }

    [GeneratedRegex(@"^(?<at>\S+Z) dbug: .*Looked at (?<waiting>\d+) that wait and (?<running>\d+) that run: (?<admitted>\d+) admitted, "
        + @"(?<granted>\d+) may transfer, (?<shared>\d+) shares told; read (?<read>[\d.]+), decided (?<decide>[\d.]+), wrote (?<write>[\d.]+) ms")]
    private static partial Regex Pattern();
}

/// <summary>Rounds of a time span.</summary>
/// <param name="DecisionsPerSecond">Migrations let through to be prepared or to transfer.</param>
/// <param name="JudgedPerSecondOfRound">Standings worked out in each second that a round took.</param>
internal sealed record RoundFigures(
    int Rounds, double DecisionsPerSecond, double JudgedPerSecondOfRound, Distribution? TotalMs, Distribution? ReadMs, Distribution? DecideMs,
    Distribution? WriteMs, double SharesToldPerSecond)
{
    public static RoundFigures Of(IReadOnlyCollection<Round> rounds, TimeSpan span)
    {
        var took = rounds.Sum(round => round.TotalMs) / 1000;
        return new RoundFigures(
            rounds.Count,
            rounds.Sum(round => round.Admitted + round.Granted) / span.TotalSeconds,
            took > 0 ? rounds.Sum(round => round.Waiting + round.Running) / took : 0,
            Distribution.Of(rounds.Select(round => round.TotalMs)),
            Distribution.Of(rounds.Select(round => round.ReadMs)),
            Distribution.Of(rounds.Select(round => round.DecideMs)),
            Distribution.Of(rounds.Select(round => round.WriteMs)),
            rounds.Sum(round => round.Shared) / span.TotalSeconds);
    }
}
