using System.CommandLine;
using Orchestrator.Cli.Invocation;
using Orchestrator.Cli.Specs;
using Orchestrator.V1;

namespace Orchestrator.Cli.Policies;

/// <summary>migctl policies validate.</summary>
internal static class ValidateCommand
{
    public static Command Create(CommandRunner runner)
    {
        var file = PolicyFile.Option();
        var command = new Verb(
            "validate",
            "Checks a policy file and stores nothing. Prints everything that is wrong; leaves with 1 when anything is.",
            "policies validate -f mine.yaml")
        {
            file,
        };
        runner.Bind(command, (parse, session) => ValidateAsync(parse.GetRequiredValue(file), session));
        return command;
    }

    private static async Task<ExitCode> ValidateAsync(string path, Session session)
    {
        if (!SpecFile.TryRead<CreatePolicyRequest>(session.Terminal, path, out var file, out var complaint))
        {
            // A file that was read and is wrong is what this command looks for; one that cannot be read is not.
            return session.Complain(complaint.Faults.Count > 0 ? complaint with { Exit = ExitCode.Refused } : complaint);
        }

        if (file.Document is null)
        {
            return session.Complain(PolicyFile.NoDocument(path) with { Exit = ExitCode.Refused });
        }

        var answer = await session.Connection.Policies.ValidatePolicyAsync(
            new ValidatePolicyRequest { Document = file.Document }, session.Connection.Call(session.Cancellation));
        session.Answer(answer, PolicyText.Verdict(file.Name, answer.Violations));
        return answer.Violations.Count == 0 ? ExitCode.Ok : ExitCode.Refused;
    }
}
