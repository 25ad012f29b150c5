using System.CommandLine;
using Orchestrator.Cli.Invocation;
using Orchestrator.Cli.Quantities;
using Orchestrator.V1;

namespace Orchestrator.Cli.Notices;

/// <summary>migctl notices.</summary>
internal static class NoticeCommands
{
    public static Command Create(CommandRunner runner) => new("notices", "What owners of guests are told before these move.")
    {
        List(runner), NoticeWatchCommand.Create(runner), Acknowledge(runner),
    };

    private static Verb List(CommandRunner runner)
    {
        var filter = new NoticeFilterOptions();
        var limit = QuantityOption.Count("--limit", "How many at most, the newest first. 0 = all. Default: 100.");
        var command = new Verb("list", "Notices, newest first.", "notices list --open", "notices list --guest db-1");
        filter.AddTo(command);
        command.Add(limit);
        runner.Bind(command, async (parse, session) =>
        {
            var answer = await Paging.CollectAsync(
                parse.GetValue(limit) ?? 100,
                async (size, token) => await session.Connection.Notices.ListNoticesAsync(
                    new ListNoticesRequest { Filter = filter.Read(parse), PageSize = size, PageToken = token },
                    session.Connection.Call(session.Cancellation)),
                page => page.Notices.Count,
                page => page.NextPageToken);
            return session.Answer(answer, NoticeText.Table(answer.Notices));
        });
        return command;
    }

    private static Verb Acknowledge(CommandRunner runner)
    {
        var id = new Argument<string>("NOTICE") { Description = "Id of the notice, a UUID." };
        var by = new Option<string>("--by") { Description = "Who agrees, for the record. At most 500 characters.", HelpName = "text" };
        var command = new Verb(
            "acknowledge",
            "The owner agrees: the migration need not wait any longer, if its terms say so.",
            "notices acknowledge 3f2b8c1e-7d7a-4a57-9c55-0d3f5a1b2c3d --by \"db team\"")
        {
            id, by,
        };
        runner.Bind(command, async (parse, session) =>
        {
            var answer = await session.Connection.Notices.AcknowledgeNoticeAsync(
                new AcknowledgeNoticeRequest { NoticeId = parse.GetRequiredValue(id), AcknowledgedBy = parse.GetValue(by) ?? "" },
                session.Connection.Call(session.Cancellation));
            return session.Answer(answer, NoticeText.Acknowledged(answer.Notice));
        });
        return command;
    }
}

/// <summary>Which notices.</summary>
internal sealed class NoticeFilterOptions
{
    private readonly Option<string> _guest = new("--guest") { Description = "Only of this guest.", HelpName = "guest" };

    private readonly Option<bool> _open = new("--open") { Description = "Only those that wait. Default: all." };

    public void AddTo(Command command)
    {
        command.Add(_guest);
        command.Add(_open);
    }

    public NoticeFilter Read(ParseResult parse) => new() { GuestId = parse.GetValue(_guest) ?? "", OpenOnly = parse.GetValue(_open) };
}
