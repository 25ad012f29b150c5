using System.CommandLine;
using Orchestrator.Cli.Refusals;
using Orchestrator.Specs;

namespace Orchestrator.Cli.Policies;

/// <summary>The file that apply and validate read: a name and a document.</summary>
internal static class PolicyFile
{
    public static Option<string> Option() => new("--file", "-f")
    {
        Description = "YAML or JSON with name and document; - reads standard input. Field names as in "
            + "proto/orchestrator/v1/policy_document.proto, in snake_case or camelCase; durations such as 300ms or 1m30s, rates such as 64MiB/s.",
        HelpName = "path",
        Required = true,
    };

    public static Complaint NoDocument(string path) => Complaint.Usage(
        $"{path} has no document.", new FieldFault("document", "is missing; the file needs name and document at its top level"));
}
