using System.Globalization;
using Google.Protobuf.WellKnownTypes;
using Orchestrator.Cli.Rendering;
using Orchestrator.Specs;
using Orchestrator.V1;

namespace Orchestrator.Cli.Evacuations;

/// <summary>What an evacuation is going to do, in words.</summary>
internal static class PlanText
{
    /// <param name="deadline">What was asked; null = none.</param>
    public static string Render(EvacuationPlan plan, Timestamp? deadline) =>
        (plan.Moves.Count == 0 ? "Nothing moves.\n" : Moves(plan.Moves)) + Rest(plan, deadline);

    /// <summary>Who cannot move, time, late guests, those that stay: what is said under the moves, whatever form they have.</summary>
    public static string Rest(EvacuationPlan plan, Timestamp? deadline)
    {
        var stuck = plan.Stuck.Count == 0 ? "" : "\nNo host can take these now:\n" + TextTable.Render(
            ["GUEST", "ON", "WHY"],
            plan.Stuck.Select(stuck => (IReadOnlyList<string>)[stuck.GuestId, stuck.SourceHostId, stuck.Message]));
        return $"{stuck}\n{Total(plan, deadline)}";
    }

    private static string Total(EvacuationPlan plan, Timestamp? deadline)
    {
        var stay = plan.SkippedGuestIds.Count > 0
            ? $"{EvacuationWords.Number(plan.SkippedGuestIds.Count, "guest")} will stay as asked: {EvacuationWords.Names(plan.SkippedGuestIds)}\n" : "";
        var ratio = EvacuationWords.Ratio(plan) is { } times ? $", {times}" : "";
        var late = EvacuationWords.Late(plan.LateGuestIds, deadline) is { } who ? $"LATE: {who}\n" : "";
        return $"{stay}Total {QuantityText.Duration(plan.Total ?? new Duration())} in {EvacuationWords.Number((int)plan.Waves, "wave")}{ratio}.\n{late}";
    }

    private static string Moves(IReadOnlyCollection<PlannedMove> moves) => TextTable.Render(
        ["ORDER", "WAVE", "GUEST", "FROM", "TO", "STARTS AFTER", "DURATION", "DOWNTIME", "BYTES", "POLICY"],
        moves.Select((move, index) => (IReadOnlyList<string>)
        [
            (index + 1).ToString(CultureInfo.InvariantCulture),
            move.Wave.ToString(CultureInfo.InvariantCulture),
            move.GuestId,
            move.SourceHostId,
            move.TargetHostId,
            QuantityText.Duration(move.StartsAfter ?? new Duration()),
            QuantityText.Duration(move.Duration ?? new Duration()),
            move.Treatment == GuestTreatment.Restart ? "shut down" : move.Downtime is { } downtime ? QuantityText.Duration(downtime) : "not known",
            move.Treatment == GuestTreatment.Restart ? "" : QuantityText.Size(move.Bytes),
            move.Treatment == GuestTreatment.Restart ? "(restart)" : move.Policy,
        ]));
}
