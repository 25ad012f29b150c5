using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Notices;

/// <summary>Serves watchers on any replica: every open notice first, then each as it is opened or changes.</summary>
internal sealed class NoticeWatch(NoticeStore notices, NoticeChanges changes, TimeProvider clock, IHostApplicationLifetime lifetime)
{
    private const int Page = 500;

    private static readonly TimeSpan s_lookEvery = TimeSpan.FromSeconds(1);

    /// <summary>Without end.</summary>
    public async Task FollowAsync(NoticeFilter filter, Func<Notice, Task> tell, CancellationToken cancellation)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellation, lifetime.ApplicationStopping);

        // First to listen and to take note of where we are, then to look: what happens in between is seen twice rather than not at all.
        using var listener = changes.Listen();
        var horizon = await notices.ReadHorizonAsync(ending.Token);

        // The revisions in which the open ones were told.
        var told = new Dictionary<Guid, long>();
        for (NoticeKey? before = null; ;)
        {
            var page = await notices.ListAsync(filter.GuestId, true, before, Page, ending.Token);
            foreach (var notice in page)
            {
                await TellAsync(notice);
            }

            if (page.Count < Page)
            {
                break;
            }

            before = new NoticeKey(page[^1].OpenedAt, page[^1].NoticeId);
        }

        while (true)
        {
            var until = await notices.ReadHorizonAsync(ending.Token);
            foreach (var notice in await notices.ListChangedAsync(filter.GuestId, horizon, until, ending.Token))
            {
                // To a watcher of open ones that one has closed is its last change.
                if (!filter.OpenOnly || notice.State is NoticeState.Open || told.ContainsKey(notice.NoticeId))
                {
                    await TellAsync(notice);
                }
            }

            horizon = until;
            await listener.WaitAsync(s_lookEvery, clock, ending.Token);
        }

        async Task TellAsync(StoredNotice notice)
        {
            if (told.GetValueOrDefault(notice.NoticeId) >= notice.Revision)
            {
                return;
            }

            await tell(NoticeRow.ToMessage(notice));
            if (notice.State is NoticeState.Open)
            {
                told[notice.NoticeId] = notice.Revision;
            }
            else
            {
                told.Remove(notice.NoticeId);
            }
        }
    }
}
