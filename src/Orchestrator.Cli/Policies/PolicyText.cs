using System.Globalization;
using System.Text;
using Orchestrator.Cli.Rendering;
using Orchestrator.Specs;
using Orchestrator.V1;

namespace Orchestrator.Cli.Policies;

/// <summary>Policies in words.</summary>
internal static class PolicyText
{
    private const int LongestDescription = 60;

    public static string Table(IReadOnlyCollection<Policy> policies) =>
        policies.Count == 0
            ? "No policies."
            : TextTable.Render(
                ["POLICY", "REVISION", "KIND", "MAX DOWNTIME", "STEPS", "CREATED", "DESCRIPTION"],
                policies.Select(policy => (IReadOnlyList<string>)
                [
                    policy.Name,
                    policy.Revision.ToString(CultureInfo.InvariantCulture),
                    policy.Deleted ? "deleted" : policy.Preset ? "preset" : "own",
                    policy.Document?.MaxDowntime is { } budget ? QuantityText.Duration(budget) : "",
                    string.Join(", ", policy.Document?.Steps.Select(Step) ?? []),
                    Moment.Text(policy.CreatedAt),
                    Shortened(policy.Document?.Description ?? ""),
                ]));

    /// <summary>A file that apply takes; what is not in it stands in comments.</summary>
    public static string Describe(Policy policy)
    {
        var kind = policy.Deleted ? ", deleted" : policy.Preset ? ", comes with the product" : "";
        return $"# revision {policy.Revision}{kind}{(policy.CreatedAt is null ? "" : ", written " + Moment.Text(policy.CreatedAt))}\n"
            + SpecWriter.Write(new CreatePolicyRequest { Name = policy.Name, Document = policy.Document });
    }

    public static string Verdict(string name, IReadOnlyCollection<PolicyViolation> violations)
    {
        var subject = name.Length > 0 ? $"Policy {name}" : "The policy";
        if (violations.Count == 0)
        {
            return $"{subject} is valid.";
        }

        var text = new StringBuilder($"{subject} has {violations.Count} {(violations.Count == 1 ? "fault" : "faults")}:\n");
        foreach (var violation in violations)
        {
            var field = violation.Field.Length > 0 ? "document." + violation.Field : "document";
            text.AppendLine(CultureInfo.InvariantCulture, $"  {field}: {violation.Description}");
        }

        return text.ToString();
    }

    /// <summary>The beginning, cut between words.</summary>
    private static string Shortened(string text)
    {
        if (text.Length <= LongestDescription)
        {
            return text;
        }

        var blank = text.LastIndexOf(' ', LongestDescription);
        return text[..(blank > 0 ? blank : LongestDescription)] + " ...";
    }

    private static string Step(LadderStep step) => step.ActionCase switch
    {
        LadderStep.ActionOneofCase.RaiseDowntime => "raise downtime",
        LadderStep.ActionOneofCase.Throttle => "throttle",
        LadderStep.ActionOneofCase.PostCopy => "post-copy",
        LadderStep.ActionOneofCase.Pause => "pause",
        LadderStep.ActionOneofCase.Abort => "abort",
        LadderStep.ActionOneofCase.None => "unknown",
    };
}
