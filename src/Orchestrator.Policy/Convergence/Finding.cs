using System.Globalization;

namespace Orchestrator.Policy.Convergence;

/// <summary>A condition that holds: which, why in words with numbers, and the inputs it spoke on.</summary>
/// <param name="Condition">In proto names, e.g. "stalled" or "max_total_time".</param>
/// <param name="Because">Half a sentence without its full stop.</param>
internal sealed record Finding(string Condition, string Because, params IReadOnlyList<(string Name, string Value)> Inputs);

/// <summary>Numbers as people and programs read them in an explanation. Invariant culture.</summary>
internal static class Figure
{
    public static string Milliseconds(TimeSpan time) => time.TotalMilliseconds.ToString("0.###", CultureInfo.InvariantCulture);

    public static string Seconds(TimeSpan time) => time.TotalSeconds.ToString("0.###", CultureInfo.InvariantCulture);

    public static string Count(long count) => count.ToString(CultureInfo.InvariantCulture);

    public static string Number(double number) => number.ToString("0.###", CultureInfo.InvariantCulture);

    /// <summary>"1 round", "2 rounds".</summary>
    public static string Of(long count, string noun) => $"{Count(count)} {noun}{(count == 1 ? "" : noun.EndsWith('s') ? "es" : "s")}";
}
