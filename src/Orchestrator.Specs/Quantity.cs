using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.RegularExpressions;
using Google.Protobuf.WellKnownTypes;

namespace Orchestrator.Specs;

/// <summary>Reads durations, sizes and rates as people write them. Every problem says what is allowed.</summary>
public static partial class Quantity
{
    public const string DurationForm = "a number with d, h, m, s, ms or us, e.g. 300ms, 2s, 1.5h or 1m30s";
    public const string SizeForm = "bytes, or a number with KiB, MiB, GiB, TiB (1024) or kB, MB, GB, TB (1000), e.g. 64MiB";
    public const string RateForm = "bytes per second, or a number with MiB/s, GiB/s, MB/s, Mbit/s, Gbit/s and the like, e.g. 100MiB/s";

    // google.protobuf.Duration's own bound, about 10,000 years.
    private const decimal LongestDurationSeconds = 315_576_000_000m;
    private const decimal NanosPerSecond = 1_000_000_000m;

    private static readonly (string Unit, decimal Nanos)[] s_durationUnits =
    [
        ("d", 86_400 * NanosPerSecond), ("h", 3_600 * NanosPerSecond), ("m", 60 * NanosPerSecond), ("s", NanosPerSecond),
        ("ms", 1_000_000m), ("us", 1_000m), ("ns", 1m),
    ];

    private static readonly Dictionary<string, decimal> s_sizeUnits = new(StringComparer.Ordinal)
    {
        [""] = 1,
        ["B"] = 1,
        ["KiB"] = 1L << 10,
        ["MiB"] = 1L << 20,
        ["GiB"] = 1L << 30,
        ["TiB"] = 1L << 40,
        ["kB"] = 1_000m,
        ["KB"] = 1_000m,
        ["MB"] = 1_000_000m,
        ["GB"] = 1_000_000_000m,
        ["TB"] = 1_000_000_000_000m,
    };

    private static readonly Dictionary<string, decimal> s_bitUnits = new(StringComparer.Ordinal)
    {
        ["bit"] = 1,
        ["kbit"] = 1_000m,
        ["Mbit"] = 1_000_000m,
        ["Gbit"] = 1_000_000_000m,
    };

    /// <summary>Parts from large to small, each unit once: 1m30s, 1.5h, 300 ms. Never negative; only zero goes without a unit.</summary>
    public static bool TryParseDuration(
        string text, [NotNullWhen(true)] out Duration? duration, [NotNullWhen(false)] out string? problem)
    {
        duration = null;
        problem = null;
        var trimmed = text.Trim();
        if (trimmed == "0")
        {
            duration = new Duration();
            return true;
        }

        var match = DurationPattern().Match(trimmed);
        if (!match.Success)
        {
            problem = $"\"{text}\" is no duration: write {DurationForm}";
            return false;
        }

        var nanos = 0m;
        var smallestYet = decimal.MaxValue;
        for (var part = 0; part < match.Groups["number"].Captures.Count; part++)
        {
            var unit = Array.Find(s_durationUnits, unit => unit.Unit == match.Groups["unit"].Captures[part].Value).Nanos;
            if (unit >= smallestYet)
            {
                problem = $"\"{text}\" is no duration: its units must go from large to small, as in 1m30s";
                return false;
            }

            smallestYet = unit;
            if (!TryNumber(match.Groups["number"].Captures[part].Value, LongestDurationSeconds * NanosPerSecond / unit, out var number))
            {
                problem = $"\"{text}\" is too long: at most 10000 years";
                return false;
            }

            nanos += number * unit;
        }

        if (nanos != decimal.Truncate(nanos) || nanos > LongestDurationSeconds * NanosPerSecond)
        {
            problem = $"\"{text}\" is no duration: it must be whole nanoseconds, at most 10000 years";
            return false;
        }

        var seconds = decimal.Truncate(nanos / NanosPerSecond);
        duration = new Duration { Seconds = (long)seconds, Nanos = (int)(nanos - (seconds * NanosPerSecond)) };
        return true;
    }

    public static bool TryParseSize(string text, out ulong bytes, [NotNullWhen(false)] out string? problem)
    {
        bytes = 0;
        var match = AmountPattern().Match(text.Trim());
        return match.Success && s_sizeUnits.TryGetValue(match.Groups["unit"].Value, out var unit)
            ? TryWholeBytes(text, match.Groups["number"].Value, unit, out bytes, out problem)
            : Fail($"\"{text}\" is no size: write {SizeForm}", out problem);
    }

    public static bool TryParseRate(string text, out ulong bytesPerSecond, [NotNullWhen(false)] out string? problem)
    {
        bytesPerSecond = 0;
        var match = AmountPattern().Match(text.Trim());
        var unitText = match.Groups["unit"].Value;
        if (match.Success && unitText.Length == 0)
        {
            return TryWholeBytes(text, match.Groups["number"].Value, 1, out bytesPerSecond, out problem);
        }

        if (match.Success && unitText.EndsWith("/s", StringComparison.Ordinal))
        {
            if (unitText is not "/s" && s_sizeUnits.TryGetValue(unitText[..^2], out var unit))
            {
                return TryWholeBytes(text, match.Groups["number"].Value, unit, out bytesPerSecond, out problem);
            }

            if (s_bitUnits.TryGetValue(unitText[..^2], out var bits))
            {
                return TryWholeBytes(text, match.Groups["number"].Value, bits / 8, out bytesPerSecond, out problem);
            }
        }

        return Fail($"\"{text}\" is no rate: write {RateForm}", out problem);
    }

    private static bool TryWholeBytes(
        string text, string number, decimal unit, out ulong bytes, [NotNullWhen(false)] out string? problem)
    {
        bytes = 0;
        if (!TryNumber(number, ulong.MaxValue / unit, out var value))
        {
            return Fail($"\"{text}\" is too much: at most {ulong.MaxValue} bytes", out problem);
        }

        if (value * unit != decimal.Truncate(value * unit))
        {
            return Fail($"\"{text}\" is no whole number of bytes", out problem);
        }

        bytes = (ulong)(value * unit);
        problem = null;
        return true;
    }

    private static bool TryNumber(string text, decimal max, out decimal number) =>
        decimal.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out number) && number <= max;

    private static bool Fail(string what, out string problem)
    {
        problem = what;
        return false;
    }

    [GeneratedRegex(@"^(?:(?<number>[0-9]+(?:\.[0-9]+)?) ?(?<unit>ns|us|ms|s|m|h|d) ?)+\z", RegexOptions.CultureInvariant)]
    private static partial Regex DurationPattern();

    [GeneratedRegex(@"^(?<number>[0-9]+(?:\.[0-9]+)?) ?(?<unit>[A-Za-z]*(?:/s)?)\z", RegexOptions.CultureInvariant)]
    private static partial Regex AmountPattern();
}
