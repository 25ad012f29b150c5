using System.CommandLine;
using Orchestrator.Cli.Invocation;
using Orchestrator.Cli.Migrations;
using Orchestrator.Cli.Migrations.Following;
using Orchestrator.Cli.Rendering;
using Orchestrator.V1;

namespace Orchestrator.Cli.Notices;

/// <summary>migctl notices watch: open ones first, then what happens, across lost connections, until interrupted.</summary>
internal static class NoticeWatchCommand
{
    public static Command Create(CommandRunner runner)
    {
        var filter = new NoticeFilterOptions();
        var reconnectFor = ReconnectOption.Create();
        var command = new Verb(
            "watch", "Shows notices as they are opened and change, until interrupted.", "notices watch", "notices watch --guest db-1 -o json");
        filter.AddTo(command);
        command.Add(reconnectFor);
        runner.Bind(command, async (parse, session) =>
        {
            await FollowAsync(filter.Read(parse), new Outage(ReconnectOption.Read(parse, reconnectFor), session.Terminal.Clock), session);
            return ExitCode.Ok;
        });
        return command;
    }

    // After a reconnect the open ones come again, each with what it is now.
    private static Task FollowAsync(NoticeFilter filter, Outage outage, Session session) => outage.RetryAsync(
        (why, _) => session.Terminal.Warn($"The server is lost ({why}); trying again."),
        async () =>
        {
            await FollowOnceAsync(filter, outage, session);
            return false;
        },
        session.Cancellation);

    private static async Task FollowOnceAsync(NoticeFilter filter, Outage outage, Session session)
    {
        using var call = session.Connection.Notices.WatchNotices(
            new WatchNoticesRequest { Filter = filter }, cancellationToken: session.Cancellation);

        // Nothing may be open, and then the stream says nothing: the list proves that the server is there.
        await session.Connection.Notices.ListNoticesAsync(
            new ListNoticesRequest { Filter = filter, PageSize = 1 }, session.Connection.Call(session.Cancellation));
        outage.ContactMade();
        while (await call.ResponseStream.MoveNext(session.Cancellation))
        {
            outage.ContactMade();
            var notice = call.ResponseStream.Current.Notice;
            session.Terminal.Say(session.Format == OutputFormat.Json ? JsonText.Line(call.ResponseStream.Current) : NoticeText.Line(notice));
        }
    }
}
