using System.Globalization;
using Google.Protobuf.WellKnownTypes;

namespace Orchestrator.Specs;

/// <summary>Writes amounts: rounded for people, or exactly so that <see cref="Quantity"/> reads the same value back.</summary>
public static class QuantityText
{
    private static readonly (string Unit, ulong Bytes)[] s_sizeUnits =
        [("TiB", 1UL << 40), ("GiB", 1UL << 30), ("MiB", 1UL << 20), ("KiB", 1UL << 10)];

    public static string Size(ulong bytes)
    {
        foreach (var (unit, scale) in s_sizeUnits)
        {
            if (bytes >= scale)
            {
                return $"{Rounded(bytes / (double)scale)} {unit}";
            }
        }

        return string.Create(CultureInfo.InvariantCulture, $"{bytes} B");
    }

    public static string Rate(ulong bytesPerSecond) => Size(bytesPerSecond) + "/s";

    /// <summary>E.g. "400 ms", "12.3 s", "1 min 30 s", "2 h 5 min", "3 d 4 h".</summary>
    public static string Duration(Duration duration)
    {
        var seconds = duration.Seconds + (duration.Nanos / 1e9);
        return Math.Abs(seconds) switch
        {
            0 => "0 ms",
            < 1 => $"{Rounded(seconds * 1000)} ms",
            < 60 => string.Create(CultureInfo.InvariantCulture, $"{seconds:0.##} s"),
            < 3600 => TwoParts(60, "min", 1, "s"),
            < 86_400 => TwoParts(3600, "h", 60, "min"),
            _ => TwoParts(86_400, "d", 3600, "h"),
        };

        string TwoParts(long large, string largeUnit, long small, string smallUnit)
        {
            var rest = duration.Seconds % large / small;
            return string.Create(CultureInfo.InvariantCulture, $"{duration.Seconds / large} {largeUnit}")
                + (rest == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $" {Math.Abs(rest)} {smallUnit}"));
        }
    }

    /// <summary>Three digits, which is more than a measurement is good for.</summary>
    private static string Rounded(double number) => Math.Abs(number) switch
    {
        >= 100 => number.ToString("0", CultureInfo.InvariantCulture),
        >= 10 => number.ToString("0.#", CultureInfo.InvariantCulture),
        >= 1 => number.ToString("0.##", CultureInfo.InvariantCulture),
        _ => number.ToString("0.###", CultureInfo.InvariantCulture),
    };

    /// <summary>The largest unit that holds the size exactly, e.g. "64MiB".</summary>
    public static string ExactSize(ulong bytes)
    {
        foreach (var (unit, scale) in s_sizeUnits)
        {
            if (bytes >= scale && bytes % scale == 0)
            {
                return string.Create(CultureInfo.InvariantCulture, $"{bytes / scale}{unit}");
            }
        }

        return string.Create(CultureInfo.InvariantCulture, $"{bytes}");
    }

    public static string ExactRate(ulong bytesPerSecond)
    {
        var size = ExactSize(bytesPerSecond);
        return char.IsAsciiDigit(size[^1]) ? size : size + "/s";
    }

    /// <summary>E.g. "300ms", "2s", "1m30s", "1h".</summary>
    public static string ExactDuration(Duration duration)
    {
        var (hours, minutes, seconds) = (duration.Seconds / 3600, duration.Seconds / 60 % 60, duration.Seconds % 60);
        var text = Part(hours, "h") + Part(minutes, "m");
        var fraction = duration.Nanos switch
        {
            0 => Part(seconds, "s"),
            var nanos when nanos % 1_000_000 == 0 => Part(seconds, "s") + Part(nanos / 1_000_000, "ms"),
            var nanos when nanos % 1_000 == 0 => Part(seconds, "s") + Part(nanos / 1_000, "us"),
            var nanos => Part(seconds, "s") + Part(nanos, "ns"),
        };
        return text.Length + fraction.Length == 0 ? "0s" : text + fraction;

        static string Part(long number, string unit) =>
            number == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"{number}{unit}");
    }
}
