using System.CommandLine;
using Orchestrator.Cli.Invocation;
using Orchestrator.Cli.Quantities;
using Orchestrator.V1;

namespace Orchestrator.Cli.Policies;

/// <summary>migctl policies: what only reads or deletes.</summary>
internal static class PolicyCommands
{
    public static Command Create(CommandRunner runner) => new("policies", "How migrations are brought to their end.")
    {
        ApplyCommand.Create(runner), ValidateCommand.Create(runner), SimulateCommand.Create(runner), Get(runner), List(runner), Revisions(runner), Delete(runner),
    };

    private static Argument<string> Name() => new("POLICY") { Description = "Name of the policy." };

    private static Verb Get(CommandRunner runner)
    {
        var name = Name();
        var revision = QuantityOption.Count("--revision", "Which revision. Default: the newest.");
        var command = new Verb(
            "get",
            "One policy, in the form that apply takes.",
            "policies get predictive",
            "policies get predictive --revision 2",
            "policies get predictive > mine.yaml")
        {
            name, revision,
        };
        runner.Bind(command, async (parse, session) =>
        {
            var answer = await session.Connection.Policies.GetPolicyAsync(
                new GetPolicyRequest { Name = parse.GetRequiredValue(name), Revision = parse.GetValue(revision) ?? 0 },
                session.Connection.Call(session.Cancellation));
            return session.Answer(answer, PolicyText.Describe(answer.Policy));
        });
        return command;
    }

    private static Verb List(CommandRunner runner)
    {
        var deleted = new Option<bool>("--deleted") { Description = "Also those that were deleted. Default: not." };
        var command = new Verb("list", "The newest revision of every policy.", "policies list", "policies list --deleted") { deleted };
        runner.Bind(command, async (parse, session) =>
        {
            var answer = await Paging.CollectAsync(
                0,
                async (size, token) => await session.Connection.Policies.ListPoliciesAsync(
                    new ListPoliciesRequest { PageSize = size, PageToken = token, IncludeDeleted = parse.GetValue(deleted) },
                    session.Connection.Call(session.Cancellation)),
                page => page.Policies.Count,
                page => page.NextPageToken);
            return session.Answer(answer, PolicyText.Table(answer.Policies));
        });
        return command;
    }

    private static Verb Revisions(CommandRunner runner)
    {
        var name = Name();
        var command = new Verb("revisions", "All revisions of one policy, newest first.", "policies revisions mine") { name };
        runner.Bind(command, async (parse, session) =>
        {
            var answer = await Paging.CollectAsync(
                0,
                async (size, token) => await session.Connection.Policies.ListPolicyRevisionsAsync(
                    new ListPolicyRevisionsRequest { Name = parse.GetRequiredValue(name), PageSize = size, PageToken = token },
                    session.Connection.Call(session.Cancellation)),
                page => page.Revisions.Count,
                page => page.NextPageToken);
            return session.Answer(answer, PolicyText.Table(answer.Revisions));
        });
        return command;
    }

    private static Verb Delete(CommandRunner runner)
    {
        var name = Name();
        var command = new Verb(
            "delete", "Hides a policy from new migrations. Its revisions stay for the record.", "policies delete mine")
        {
            name,
        };
        runner.Bind(command, async (parse, session) =>
        {
            var answer = await session.Connection.Policies.DeletePolicyAsync(
                new DeletePolicyRequest { Name = parse.GetRequiredValue(name) }, session.Connection.Call(session.Cancellation));
            return session.Answer(
                answer, $"Policy {parse.GetRequiredValue(name)} is deleted. Migrations that follow it keep their revision.");
        });
        return command;
    }
}
