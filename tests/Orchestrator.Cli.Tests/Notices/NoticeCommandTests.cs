using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Orchestrator.Cli.Tests.Scripted;
using Orchestrator.V1;

namespace Orchestrator.Cli.Tests.Notices;

public sealed class NoticeCommandTests : IAsyncLifetime
{
    private const string Id = "3f2b8c1e-7d7a-4a57-9c55-0d3f5a1b2c3d";

    private ScriptedServer _server = null!;

    public async Task InitializeAsync() => _server = await ScriptedServer.StartAsync();

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task List_IsATableOfThoseAskedFor()
    {
        _server.On<ListNoticesRequest, ListNoticesResponse>(_ => new ListNoticesResponse { Notices = { Sound() } });

        var run = await Migctl.RunAsync(_server, "notices", "list", "--open", "--guest", "db-1");

        Assert.Equal(
            """
            NOTICE                                GUEST  HOST  STATE  OPENED                MOVES BY              DELIVERY                      REASON
            3f2b8c1e-7d7a-4a57-9c55-0d3f5a1b2c3d  db-1   h1    open   2026-11-28 01:00:00Z  2026-11-28 01:10:00Z  failed 2 times: answered 503  evacuation of h1

            """,
            run.Out);
        Assert.Equal(new NoticeFilter { GuestId = "db-1", OpenOnly = true }, Assert.Single(_server.Seen<ListNoticesRequest>()).Filter);
    }

    [Fact]
    public async Task Acknowledge_SaysWhetherTheWaitIsOver()
    {
        _server.On<AcknowledgeNoticeRequest, AcknowledgeNoticeResponse>(_ => new AcknowledgeNoticeResponse { Notice = Sound() });

        var run = await Migctl.RunAsync(_server, "notices", "acknowledge", Id, "--by", "db team");

        Assert.Equal((0, $"Notice {Id} is acknowledged: guest db-1 moves when its turn comes.\n"), (run.ExitCode, run.Out));
        Assert.Equal(
            new AcknowledgeNoticeRequest { NoticeId = Id, AcknowledgedBy = "db team" }, Assert.Single(_server.Seen<AcknowledgeNoticeRequest>()));
    }

    [Fact]
    public async Task Watch_TellsEachAndOutlivesALostServer()
    {
        _server.On<ListNoticesRequest, ListNoticesResponse>(_ => new ListNoticesResponse());
        _server.OnStream<WatchNoticesRequest, WatchNoticesResponse>(async (_, writer, cancellation) =>
        {
            await writer.WriteAsync(new WatchNoticesResponse { Notice = Sound() }, cancellation);
            if (_server.Seen<WatchNoticesRequest>().Count == 1)
            {
                throw ScriptedServer.Refuse(StatusCode.Unavailable, "SHUTTING_DOWN", "going down");
            }

            await writer.WriteAsync(new WatchNoticesResponse { Notice = new Notice(Sound()) { State = NoticeState.TimedOut } }, cancellation);
            throw ScriptedServer.Refuse(StatusCode.PermissionDenied, "ENOUGH", "that is all");
        });

        var run = await Migctl.RunAsync(_server, "notices", "watch");

        Assert.Equal(
            $"""
            01:00:00Z  {Id}  db-1 on h1: open, moves by 2026-11-28 01:10:00Z, webhook failed 2 times: answered 503
            01:00:00Z  {Id}  db-1 on h1: open, moves by 2026-11-28 01:10:00Z, webhook failed 2 times: answered 503
            01:00:00Z  {Id}  db-1 on h1: timed-out, moves by 2026-11-28 01:10:00Z, webhook failed 2 times: answered 503

            """,
            run.Out);
        Assert.Contains("trying again", run.Error, StringComparison.Ordinal);
        Assert.Equal(2, _server.Seen<WatchNoticesRequest>().Count);
    }

    private static Notice Sound()
    {
        var opened = DateTimeOffset.Parse("2026-11-28T01:00:00Z", System.Globalization.CultureInfo.InvariantCulture);
        return new Notice
        {
            NoticeId = Id,
            GuestId = "db-1",
            SourceHostId = "h1",
            Reason = "evacuation of h1",
            State = NoticeState.Open,
            OpenedAt = opened.ToTimestamp(),
            EndsAt = opened.AddMinutes(10).ToTimestamp(),
            Terms = new NoticeTerms { AcknowledgementEndsWait = true, WebhookUrl = "https://owner.example/moves" },
            DeliveryAttempts = 2,
            DeliveryError = "answered 503",
        };
    }
}
