using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Orchestrator.V1;
using RunState = Orchestrator.Agent.V1.RunState;

namespace Orchestrator.ControlPlane.Tests.Notices;

/// <summary>Two whole control planes on one database, an agent on a real server, and an owner's server.</summary>
public sealed class NoticeApiTests(ControlPlaneFixture fleet) : IClassFixture<ControlPlaneFixture>
{
    private static readonly TimeSpan s_bound = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task LifeOfANotice_WatchedOnTheOtherReplica()
    {
        await using var owner = await WebhookReceiver.StartAsync();
        var elsewhere = new NoticeService.NoticeServiceClient(await fleet.AddReplicaAsync());
        var guestId = await StartGuestAsync();
        using var bound = new CancellationTokenSource(s_bound);
        using var watch = elsewhere.WatchNotices(new WatchNoticesRequest { Filter = new NoticeFilter { GuestId = guestId } }, cancellationToken: bound.Token);
        var started = (await fleet.Migrations.StartMigrationAsync(Request(guestId, owner.Url))).Migration;
        Assert.Equal(MigrationPhase.Queued, started.Phase);

        var opened = await NextAsync(watch, _ => true, bound.Token);
        Assert.Equal((started.MigrationId, NoticeState.Open), (opened.MigrationId, opened.State));
        if (opened.DeliveredAt is null)
        {
            await NextAsync(watch, notice => notice.DeliveredAt is not null, bound.Token);
        }

        Assert.Equal(opened.NoticeId, Assert.Single(owner.Notices).NoticeId);
        Assert.Equal(1, owner.MostAtOnce);

        // A watcher who comes later finds the open ones first.
        using var late = fleet.Notices.WatchNotices(
            new WatchNoticesRequest { Filter = new NoticeFilter { GuestId = guestId, OpenOnly = true } }, cancellationToken: bound.Token);
        Assert.Equal(opened.NoticeId, (await NextAsync(late, _ => true, bound.Token)).NoticeId);

        var acknowledged = (await elsewhere.AcknowledgeNoticeAsync(
            new AcknowledgeNoticeRequest { NoticeId = opened.NoticeId, AcknowledgedBy = "the owner" })).Notice;
        Assert.Equal((NoticeState.Acknowledged, "the owner"), (acknowledged.State, acknowledged.AcknowledgedBy));
        await NextAsync(watch, notice => notice.State == NoticeState.Acknowledged, bound.Token);
        await NextAsync(late, notice => notice.State == NoticeState.Acknowledged, bound.Token);
        await Eventually.HoldsAsync(async () =>
            (await fleet.Migrations.GetMigrationAsync(new GetMigrationRequest { MigrationId = started.MigrationId })).Migration.Phase != MigrationPhase.Queued);
    }

    [Fact]
    public async Task Cancelled_WithdrawsTheNotice()
    {
        var guestId = await StartGuestAsync();
        var started = (await fleet.Migrations.StartMigrationAsync(Request(guestId, ""))).Migration;
        var notice = Assert.Single((await ListAsync(guestId)).Notices);

        await fleet.Migrations.CancelMigrationAsync(new CancelMigrationRequest { MigrationId = started.MigrationId });

        await Eventually.HoldsAsync(async () => Assert.Single((await ListAsync(guestId)).Notices).State == NoticeState.Withdrawn);
        Assert.Empty((await ListAsync(guestId, openOnly: true)).Notices);
        await Refused.WithAsync(
            "NOTICE_CLOSED",
            StatusCode.FailedPrecondition,
            async () => await fleet.Notices.AcknowledgeNoticeAsync(new AcknowledgeNoticeRequest { NoticeId = notice.NoticeId }));
    }

    [Fact]
    public async Task BadInput_IsNamed()
    {
        Assert.Equal(
            ["acknowledged_by", "notice_id"],
            (await Refused.FieldsAsync(async () => await fleet.Notices.AcknowledgeNoticeAsync(
                new AcknowledgeNoticeRequest { NoticeId = "that one", AcknowledgedBy = new string('x', 501) }))).Order());
        await Refused.WithAsync(
            "NOTICE_UNKNOWN",
            StatusCode.NotFound,
            async () => await fleet.Notices.AcknowledgeNoticeAsync(new AcknowledgeNoticeRequest { NoticeId = Guid.NewGuid().ToString() }));
        Assert.Equal(
            ["filter.guest_id", "page_size", "page_token"],
            (await Refused.FieldsAsync(async () => await fleet.Notices.ListNoticesAsync(new ListNoticesRequest
            {
                Filter = new NoticeFilter { GuestId = "No Name" },
                PageSize = 1001,
                PageToken = "x",
            }))).Order());
    }

    private static async Task<Notice> NextAsync(
        AsyncServerStreamingCall<WatchNoticesResponse> watch, Func<Notice, bool> wanted, CancellationToken cancellation)
    {
        while (await watch.ResponseStream.MoveNext(cancellation))
        {
            if (wanted(watch.ResponseStream.Current.Notice))
            {
                return watch.ResponseStream.Current.Notice;
            }
        }

        throw new InvalidOperationException("The stream ended.");
    }

    private async Task<string> StartGuestAsync()
    {
        var source = await fleet.AddHostAsync();
        await fleet.AddHostAsync();
        var guestId = await fleet.DefineGuestAsync();
        await fleet.Guests.StartGuestAsync(new StartGuestRequest { GuestId = guestId, HostId = source.HostId });
        source.Set(guestId, RunState.Running);
        await Eventually.HoldsAsync(async () =>
            (await fleet.Guests.GetGuestAsync(new GetGuestRequest { GuestId = guestId })).Guest.State == GuestState.Running);
        return guestId;
    }

    private async Task<ListNoticesResponse> ListAsync(string guestId, bool openOnly = false) => await fleet.Notices.ListNoticesAsync(
        new ListNoticesRequest { Filter = new NoticeFilter { GuestId = guestId, OpenOnly = openOnly } });

    private static StartMigrationRequest Request(string guestId, string url) => new()
    {
        MigrationId = Guid.NewGuid().ToString(),
        GuestId = guestId,
        Notice = new NoticeTerms { LeadTime = TimeSpan.FromHours(1).ToDuration(), AcknowledgementEndsWait = true, WebhookUrl = url },
    };
}
