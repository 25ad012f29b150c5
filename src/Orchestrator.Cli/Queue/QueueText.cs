using System.Globalization;
using Orchestrator.Cli.Rendering;
using Orchestrator.Specs;
using Orchestrator.V1;

namespace Orchestrator.Cli.Queue;

/// <summary>The queue and its limits in words.</summary>
internal static class QueueText
{
    public static string Table(ListQueueResponse answer) =>
        answer.Queue.Count == 0
            ? answer.Total == 0 ? "Nothing waits." : Invariant($"None of those that wait match; there are {answer.Total}.")
            : TextTable.Render(
                ["POSITION", "MIGRATION", "GUEST", "FROM", "TO", "CLASS", "PRIORITY", "PREDICTED START", "WAITS FOR"],
                answer.Queue.Select(waiting => (IReadOnlyList<string>)
                [
                    waiting.Standing.Position.ToString(CultureInfo.InvariantCulture),
                    waiting.MigrationId,
                    waiting.GuestId,
                    waiting.SourceHostId,
                    Target(waiting.TargetHostId),
                    waiting.Standing.PriorityClass,
                    Invariant($"{waiting.Standing.EffectivePriority:0.#}"),
                    Moment.Text(waiting.Standing.PredictedStart),
                    Reasons(waiting.Standing),
                ]))
                + (answer.Queue.Count < answer.Total ? Invariant($"\n{answer.Queue.Count} of {answer.Total} that wait.") : "");

    /// <summary>Empty means that placement chooses.</summary>
    public static string Target(string hostId) => hostId.Length > 0 ? hostId : "(to be chosen)";

    public static string Standing(QueueStanding standing) =>
        Invariant($"position {standing.Position}, priority {standing.EffectivePriority:0.#}: {Reasons(standing)}")
        + (standing.PredictedStart is { } start ? $"\npredicted start: {Moment.Text(start)}" : "");

    public static string Limits(GetLimitsResponse answer) =>
        Invariant($"# revision {answer.Revision}, {Moment.Text(answer.ChangedAt)}")
        + (answer.ChangedBy.Length > 0 ? $", {answer.ChangedBy.ReplaceLineEndings(" ")}" : "") + "\n" + SpecWriter.Write(answer.Limits);

    private static string Reasons(QueueStanding standing) => string.Join("; ", standing.Reasons.Select(reason => reason.Message));

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
