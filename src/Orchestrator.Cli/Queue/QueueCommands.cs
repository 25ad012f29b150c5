using System.CommandLine;
using Orchestrator.Cli.Invocation;
using Orchestrator.V1;

namespace Orchestrator.Cli.Queue;

/// <summary>migctl queue and migctl limits.</summary>
internal static class QueueCommands
{
    public static Command CreateQueue(CommandRunner runner) => new("queue", "Migrations that wait for their turn.") { List(runner) };

    public static Command CreateLimits(CommandRunner runner) => new("limits", "How much may go on at once, and who goes first.")
    {
        Get(runner), SetLimitsCommand.Create(runner),
    };

    private static Verb List(CommandRunner runner)
    {
        var limit = new Option<uint>("--limit")
        {
            Description = "At most so many, from the head; 0 means all. Default: 100.",
            HelpName = "number",
            DefaultValueFactory = _ => 100,
        };
        var ofClass = new Option<string>("--class") { Description = "Only those of this priority class.", HelpName = "class" };
        var command = new Verb(
            "list",
            "Who waits, in the order in which they would be let through now, for what, and until when by the present pace.",
            "queue list",
            "queue list --class evacuation --limit 0",
            "queue list -o json")
        {
            limit, ofClass,
        };
        runner.Bind(command, async (parse, session) =>
        {
            var answer = await Paging.CollectAsync(
                parse.GetValue(limit),
                async (size, token) => await session.Connection.Admission.ListQueueAsync(
                    new ListQueueRequest { PageSize = size, PageToken = token, PriorityClass = parse.GetValue(ofClass) ?? "" },
                    session.Connection.Call(session.Cancellation)),
                page => page.Queue.Count,
                page => page.NextPageToken);
            return session.Answer(answer, QueueText.Table(answer));
        });
        return command;
    }

    private static Verb Get(CommandRunner runner)
    {
        var command = new Verb(
            "get",
            "The limits that hold, as the file that migctl limits set takes.",
            "limits get",
            "limits get | sed 's/^transferring: .*/transferring: 100/' | migctl limits set -f -");
        runner.Bind(command, async (_, session) =>
        {
            var answer = await session.Connection.Admission.GetLimitsAsync(new GetLimitsRequest(), session.Connection.Call(session.Cancellation));
            return session.Answer(answer, QueueText.Limits(answer));
        });
        return command;
    }
}
