using System.Globalization;
using Orchestrator.Cli.Rendering;
using Orchestrator.Specs;
using Orchestrator.V1;

namespace Orchestrator.Cli.Migrations.Progress;

/// <summary>Readings in words.</summary>
internal static class ReadingText
{
    public static string Line(MigrationView view, Reading reading)
    {
        List<string> parts =
        [
            Pass(reading),
            $"remaining {Remaining(view, reading)}",
            $"expected downtime {Expected(reading)} of {Budget(view.Migration)}",
        ];
        if (reading.DowntimeLimit is { } limit)
        {
            parts.Add($"limit {QuantityText.Duration(limit)}");
        }

        parts.Add(Speed(reading));
        if (reading.ThrottlePercent > 0)
        {
            parts.Add(string.Create(CultureInfo.InvariantCulture, $"throttled {reading.ThrottlePercent} %"));
        }

        if (reading.Suspects.Count > 0)
        {
            parts.Add("not believed: " + string.Join(", ", reading.Suspects.Select(suspect => suspect.Field)));
        }

        return string.Join("; ", parts);
    }

    /// <summary>All readings of a migration, one a line.</summary>
    public static string Table(IReadOnlyCollection<Reading> readings) =>
        readings.Count == 0
            ? "No readings: the copy has not begun, or they are past their retention."
            : TextTable.Render(
                [
                    "AFTER", "PASS", "ROUND", "REMAINING", "STOP-COPY", "EXPECTED", "LIMIT", "BANDWIDTH", "DIRTY RATE", "THROTTLE", "GUEST",
                    "NOT BELIEVED",
                ],
                readings.Select(reading => (IReadOnlyList<string>)
                [
                    reading.Elapsed is { } elapsed ? QuantityText.Duration(elapsed) : "",
                    reading.PassesHonest ? reading.Pass.ToString(CultureInfo.InvariantCulture) : "",
                    reading.Round.ToString(CultureInfo.InvariantCulture),
                    QuantityText.Size(reading.RemainingBytes),
                    QuantityText.Size(reading.StopCopyBytes),
                    reading.ExpectedDowntime is { } expected ? QuantityText.Duration(expected) : "",
                    reading.DowntimeLimit is { } limit ? QuantityText.Duration(limit) : "",
                    QuantityText.Rate(reading.BandwidthBytesPerSecond),
                    reading.HasDirtyBytesPerSecond ? QuantityText.Rate(reading.DirtyBytesPerSecond) : "",
                    string.Create(CultureInfo.InvariantCulture, $"{reading.ThrottlePercent} %"),
                    reading.GuestRunning ? "running" : "stopped",
                    string.Join("; ", reading.Suspects.Select(suspect => $"{suspect.Field} {suspect.Raw}: {suspect.Why}")),
                ]));

    /// <summary>Our own rounds stand in where the engine's pass counter says nothing.</summary>
    public static string Pass(Reading reading) => string.Create(
        CultureInfo.InvariantCulture, $"{(reading.PassesHonest ? $"pass {reading.Pass}" : $"round {reading.Round}")}");

    public static string Remaining(MigrationView view, Reading reading) => string.Create(
        CultureInfo.InvariantCulture,
        $"{QuantityText.Size(reading.RemainingBytes)} of {QuantityText.Size(Math.Max(view.LargestBytes, reading.RemainingBytes))}");

    public static string Expected(Reading reading) =>
        reading.ExpectedDowntime is { } expected ? QuantityText.Duration(expected) : "not known yet";

    public static string Budget(Migration migration) =>
        migration.MaxDowntime is { } budget ? QuantityText.Duration(budget) : "the policy's budget";

    public static string Speed(Reading reading) =>
        QuantityText.Rate(reading.BandwidthBytesPerSecond)
        + (reading.HasDirtyBytesPerSecond ? $", the guest dirties {QuantityText.Rate(reading.DirtyBytesPerSecond)}" : "");
}
