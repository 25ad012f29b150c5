using Microsoft.Extensions.Options;

namespace Orchestrator.ControlPlane.Notices;

/// <summary>Posts the notices that are due: each at least once, and by one replica at a time.</summary>
internal sealed partial class NoticeDelivery(
    DeliveryStore deliveries, Webhook webhook, IOptions<NoticeOptions> options, TimeProvider clock, ILogger<NoticeDelivery> logger)
{
    private const int AtOnce = 32;

    // For the statements around the post.
    private static readonly TimeSpan s_margin = TimeSpan.FromSeconds(20);

    private readonly List<Task> _underWay = [];

    /// <summary>Begins what is due. Not waited for: one receiver that is slow keeps no other waiting.</summary>
    public async Task BeginDueAsync(CancellationToken cancellation)
    {
        _underWay.RemoveAll(task => task.IsCompleted);
        if (_underWay.Count >= AtOnce)
        {
            return;
        }

        var claim = Guid.NewGuid();
        var holds = options.Value.WebhookTimeout + s_margin;
        foreach (var notice in await deliveries.ClaimAsync(claim, clock.GetUtcNow(), holds, AtOnce - _underWay.Count, cancellation))
        {
            _underWay.Add(DeliverAsync(notice, claim, cancellation));
        }
    }

    public Task FinishAsync() => Task.WhenAll(_underWay);

    /// <param name="attempts">So far, this one included.</param>
    internal TimeSpan Pause(int attempts)
    {
        var pause = options.Value.FirstPause * Math.Pow(2, Math.Clamp(attempts - 1, 0, 30));
        return pause < options.Value.LongestPause ? pause : options.Value.LongestPause;
    }

    private async Task DeliverAsync(StoredNotice notice, Guid claim, CancellationToken cancellation)
    {
        try
        {
            if (await webhook.PostAsync(notice, cancellation) is not { } error)
            {
                await deliveries.DeliveredAsync(notice.NoticeId, claim, clock.GetUtcNow(), cancellation);
                LogDelivered(notice.NoticeId, notice.DeliveryAttempts);
                return;
            }

            var next = clock.GetUtcNow() + Pause(notice.DeliveryAttempts);
            var givenUp = next > notice.EndsAt + options.Value.GiveUpAfter;
            await deliveries.FailedAsync(notice.NoticeId, claim, error, givenUp ? null : next, cancellation);
            LogFailed(notice.NoticeId, notice.DeliveryAttempts, error, givenUp);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // It is posted again when the claim has run out.
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            LogUnplanned(notice.NoticeId, failure);
        }
    }

    [LoggerMessage(1, LogLevel.Information, "Notice {NoticeId} is delivered, at attempt {Attempts}.")]
    private partial void LogDelivered(Guid noticeId, int attempts);

    [LoggerMessage(2, LogLevel.Warning, "Notice {NoticeId} could not be delivered at attempt {Attempts}: {Problem}. Given up: {GivenUp}.")]
    private partial void LogFailed(Guid noticeId, int attempts, string problem, bool givenUp);

    [LoggerMessage(3, LogLevel.Error, "The delivery of notice {NoticeId} failed; it is tried again.")]
    private partial void LogUnplanned(Guid noticeId, Exception failure);
}
