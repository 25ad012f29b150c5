using System.Globalization;
using Google.Protobuf.WellKnownTypes;
using Orchestrator.Cli.Rendering;
using Orchestrator.Specs;
using Orchestrator.V1;

namespace Orchestrator.Cli.Migrations;

/// <summary>How well downtimes were predicted, a line for each kind of migration.</summary>
internal static class CalibrationText
{
    public static string Table(IReadOnlyCollection<Calibration> calibrations) => calibrations.Count == 0
        ? "No live migration has completed by pre-copy yet.\n"
        : TextTable.Render(
            ["ENGINE", "FROM", "TO", "DEVICES", "MIGRATIONS", "SWITCH-OVER", "NINE OF TEN", "ERROR", "ABSOLUTE", "WITHIN BUDGET", "LAST"],
            calibrations.Select(Row));

    private static IReadOnlyList<string> Row(Calibration calibration) =>
    [
        calibration.Engine,
        calibration.SourceEngineVersion,
        calibration.TargetEngineVersion,
        calibration.DeviceKind,
        calibration.Migrations.ToString(CultureInfo.InvariantCulture),
        Text(calibration.OverheadTypical),
        Text(calibration.OverheadHigh),
        Signed(calibration.ErrorMedian),
        Text(calibration.ErrorAbsoluteMedian),
        string.Create(CultureInfo.InvariantCulture, $"{Math.Floor(calibration.WithinBudget * 100)} %"),
        calibration.LastAt is { } last ? Moment.Text(last) : "",
    ];

    private static string Text(Duration? duration) => duration is null ? "" : QuantityText.Duration(duration);

    private static string Signed(Duration? duration) =>
        duration is null ? "" : (duration.Seconds > 0 || duration.Nanos > 0 ? "+" : "") + QuantityText.Duration(duration);
}
