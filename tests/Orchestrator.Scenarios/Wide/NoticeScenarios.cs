using Google.Protobuf.WellKnownTypes;
using Orchestrator.V1;

namespace Orchestrator.Scenarios.Wide;

/// <summary>The owner of a guest is told before it moves, and agrees, says nothing, or is told that nothing comes of it.</summary>
[Collection(WideFleetScenarios.Name)]
public class NoticeScenarios(WideFleet fleet) : IAsyncLifetime
{
    private static readonly TimeSpan s_short = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan s_long = TimeSpan.FromHours(1);
    private readonly List<Resident> _guests = [];

    public Task InitializeAsync() => fleet.SettleAsync();

    public async Task DisposeAsync()
    {
        foreach (var guest in _guests)
        {
            await guest.DisposeAsync();
        }
    }

    [Fact]
    public async Task OwnersAreTold_OneAgrees_OneSaysNothing_OneIsLeftAlone()
    {
        await using var hook = new OwnersHook(refusals: 1);
        var agrees = await StartAsync(new NoticeTerms
        {
            LeadTime = s_long.ToDuration(),
            AcknowledgementEndsWait = true,
            WebhookUrl = hook.Url,
        });
        var silent = await StartAsync(new NoticeTerms { LeadTime = s_short.ToDuration() });
        var left = await StartAsync(new NoticeTerms { LeadTime = s_long.ToDuration() });
        using var watching = new CancellationTokenSource(ScenarioFleet.Bound);
        var told = WatchAsync(agrees.Id, watching.Token);

        var first = await agrees.MigrateAsync("host-b", "suspend-if-needed", 5000);
        var second = await silent.MigrateAsync("host-b", "suspend-if-needed", 5000);
        var third = await left.MigrateAsync("host-b", "suspend-if-needed", 5000);

        // It waits, and says for what.
        var waiting = await fleet.AwaitMigrationAsync(first, migration => migration.Standing?.Reasons.Count > 0);
        Assert.Equal((MigrationPhase.Queued, WaitCause.Notice), (waiting.Phase, waiting.Standing.Reasons[0].Cause));
        var delivered = await NoticeAsync(agrees, notice => notice.DeliveredAt is not null);
        Assert.Equal((NoticeState.Open, 2U), (delivered.State, delivered.DeliveryAttempts));
        Assert.Equal([delivered.NoticeId, delivered.NoticeId], hook.Notices.Select(notice => notice.NoticeId));
        Assert.Equal((agrees.Id, "host-a", first), (hook.Notices[0].GuestId, hook.Notices[0].SourceHostId, hook.Notices[0].MigrationId));
        Assert.Equal(s_long, hook.Notices[0].EndsAt.ToDateTimeOffset() - hook.Notices[0].OpenedAt.ToDateTimeOffset());

        // By the owner's word.
        await fleet.AskAsync((replica, options) => replica.Notices.AcknowledgeNoticeAsync(
            new AcknowledgeNoticeRequest { NoticeId = delivered.NoticeId, AcknowledgedBy = "owner of " + agrees.Id }, options));
        Assert.Equal(MigrationPhase.Completed, (await fleet.AwaitEndAsync(first)).Phase);
        var agreed = await NoticeAsync(agrees, _ => true);
        Assert.Equal((NoticeState.Acknowledged, "owner of " + agrees.Id), (agreed.State, agreed.AcknowledgedBy));

        // By the clock, and not before.
        Assert.Equal(MigrationPhase.Completed, (await fleet.AwaitEndAsync(second)).Phase);
        var timedOut = await NoticeAsync(silent, notice => notice.State != NoticeState.Open);
        Assert.Equal(NoticeState.TimedOut, timedOut.State);
        var began = (await fleet.AskAsync((replica, options) => replica.Migrations.GetMigrationAsync(
            new GetMigrationRequest { MigrationId = second }, options))).Transitions.First(transition => transition.To == MigrationPhase.Preparing);
        Assert.True(began.At.ToDateTimeOffset() - timedOut.OpenedAt.ToDateTimeOffset() >= s_short, $"{timedOut} and {began}");

        // Not at all.
        await fleet.AskAsync((replica, options) => replica.Migrations.CancelMigrationAsync(
            new CancelMigrationRequest { MigrationId = third, Reason = "another time" }, options));
        Assert.Equal(MigrationPhase.Cancelled, (await fleet.AwaitEndAsync(third)).Phase);
        Assert.Equal(NoticeState.Withdrawn, (await NoticeAsync(left, notice => notice.State != NoticeState.Open)).State);

        Assert.Equal(NoticeState.Acknowledged, (await told)[^1].State);
        await Aftermath.AssertAsync(fleet, [.. _guests]);
    }

    private async Task<Resident> StartAsync(NoticeTerms terms)
    {
        var guest = await Resident.StartAsync(fleet, "host-a", Slow.Brief, definition => definition.Notice = terms);
        _guests.Add(guest);
        return guest;
    }

    private async Task<Notice> NoticeAsync(Resident guest, Func<Notice, bool> isSo)
    {
        var filter = new NoticeFilter { GuestId = guest.Id };
        var found = await fleet.AwaitAsync(
            (replica, options) => replica.Notices.ListNoticesAsync(new ListNoticesRequest { Filter = filter }, options),
            answer => answer.Notices.Count == 1 && isSo(answer.Notices[0]));
        return found.Notices[0];
    }

    /// <summary>What an owner hears who watches, on whichever replica, until his notice is closed.</summary>
    private async Task<IReadOnlyList<Notice>> WatchAsync(string guestId, CancellationToken patience)
    {
        var told = new List<Notice>();
        using var watch = fleet.Servers[^1].Notices.WatchNotices(
            new WatchNoticesRequest { Filter = new NoticeFilter { GuestId = guestId } }, cancellationToken: patience);
        while (await watch.ResponseStream.MoveNext(patience))
        {
            told.Add(watch.ResponseStream.Current.Notice);
            if (told[^1].State != NoticeState.Open)
            {
                break;
            }
        }

        return told;
    }
}
