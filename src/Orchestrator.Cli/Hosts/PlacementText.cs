using System.Globalization;
using Orchestrator.Cli.Rendering;
using Orchestrator.V1;

namespace Orchestrator.Cli.Hosts;

/// <summary>Verdicts on hosts in words.</summary>
internal static class PlacementText
{
    public static string Table(IReadOnlyCollection<HostVerdict> verdicts) =>
        verdicts.Count == 0
            ? "No hosts yet. Register one: migctl hosts register HOST ENDPOINT"
            : TextTable.Render(["HOST", "VERDICT", "SCORE", "WHY"], verdicts.Select((verdict, index) => Row(verdict, first: index == 0)));

    private static IReadOnlyList<string> Row(HostVerdict verdict, bool first) => verdict.Obstacles.Count == 0
        ? [verdict.HostId, first ? "best" : "fits", Number(verdict.Score, "0.000"), string.Join(", ", verdict.Parts.Select(Part))]
        : [verdict.HostId, "no", "", string.Join("; ", verdict.Obstacles.Select(Obstacle))];

    private static string Part(ScorePart part) => $"{part.Name} {Number(part.Value, "0.00")} x {Number(part.Weight, "0.##")}";

    private static string Obstacle(HostObstacle obstacle) =>
        obstacle.Message.Length == 0 ? EnumText.Of(obstacle.Obstacle) : $"{EnumText.Of(obstacle.Obstacle)}: {obstacle.Message}";

    private static string Number(double number, string format) => number.ToString(format, CultureInfo.InvariantCulture);
}
