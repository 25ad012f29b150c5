using System.CommandLine;
using Grpc.Core;
using Orchestrator.Cli.Invocation;
using Orchestrator.Cli.Refusals;
using Orchestrator.Cli.Specs;
using Orchestrator.V1;

namespace Orchestrator.Cli.Policies;

/// <summary>migctl policies apply: makes the server's policy equal to a file.</summary>
internal static class ApplyCommand
{
    public static Command Create(CommandRunner runner)
    {
        var file = PolicyFile.Option();
        var command = new Verb(
            "apply",
            "Creates the policy or writes a new revision, whichever it takes; an equal document changes nothing. "
            + "Running migrations keep their revision.",
            "policies apply -f mine.yaml",
            "policies get predictive | sed 's/^name: .*/name: mine/' | migctl policies apply -f -")
        {
            file,
        };
        runner.Bind(command, (parse, session) => ApplyAsync(parse.GetRequiredValue(file), session));
        return command;
    }

    private static async Task<ExitCode> ApplyAsync(string path, Session session)
    {
        if (!SpecFile.TryRead<CreatePolicyRequest>(session.Terminal, path, out var wanted, out var complaint))
        {
            return session.Complain(complaint);
        }

        if (wanted.Document is null)
        {
            return session.Complain(PolicyFile.NoDocument(path));
        }

        // Creating under the name of a deleted policy brings it back with a new revision.
        var found = await FindAsync(wanted.Name, session);
        if (found is null or { Deleted: true })
        {
            var created = await session.Connection.Policies.CreatePolicyAsync(wanted, session.Connection.Call(session.Cancellation));
            var done = found is null ? "created" : "created again";
            return session.Answer(created, $"Policy {created.Policy.Name} is {done}: revision {created.Policy.Revision}.");
        }

        if (wanted.Document.Equals(found.Document))
        {
            return session.Answer(
                new UpdatePolicyResponse { Policy = found }, $"Policy {found.Name} is unchanged: revision {found.Revision}.");
        }

        var updated = await session.Connection.Policies.UpdatePolicyAsync(
            new UpdatePolicyRequest { Name = wanted.Name, Document = wanted.Document, ExpectedRevision = found.Revision },
            session.Connection.Call(session.Cancellation));
        return session.Answer(
            updated,
            updated.Policy.Revision == found.Revision
                ? $"Policy {found.Name} is unchanged: revision {found.Revision}."
                : $"Policy {updated.Policy.Name} has a new revision: {updated.Policy.Revision} (was {found.Revision}).");
    }

    private static async Task<Policy?> FindAsync(string name, Session session)
    {
        try
        {
            var answer = await session.Connection.Policies.GetPolicyAsync(
                new GetPolicyRequest { Name = name }, session.Connection.Call(session.Cancellation));
            return answer.Policy;
        }
        catch (RpcException unknown) when (unknown.StatusCode == StatusCode.NotFound && CallRefusal.HasReason(unknown, "POLICY_UNKNOWN"))
        {
            return null;
        }
        catch (RpcException refused) when (refused.StatusCode == StatusCode.InvalidArgument)
        {
            // The name is not acceptable. Creating says so together with everything that is wrong with the document.
            return null;
        }
    }
}
