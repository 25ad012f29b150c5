using Orchestrator.ControlPlane.Database.Notifications;
using Orchestrator.ControlPlane.Evacuations.Ledger;
using Orchestrator.ControlPlane.Schedules.Bells;

namespace Orchestrator.ControlPlane.Evacuations.Watching;

/// <summary>Serves watchers on any replica: the whole first, then again after each change, until it has ended.</summary>
internal sealed class EvacuationWatch(
    EvacuationStore evacuations, NotificationListener notifications, TimeProvider clock, IHostApplicationLifetime lifetime)
{
    // A notification may be lost.
    private static readonly TimeSpan s_lookEvery = TimeSpan.FromSeconds(1);

    /// <returns>False when there is no such evacuation.</returns>
    public async Task<bool> FollowAsync(Guid evacuationId, Func<Evacuation, Task> tell, CancellationToken cancellation)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellation, lifetime.ApplicationStopping);

        // First to listen, then to look.
        using var bell = new BellListener(_ => { });
        var id = evacuationId.ToString();
        using var subscription = notifications.Subscribe(NotificationChannel.Evacuation, payload => Hear(bell, payload == id), bell.Hear);
        try
        {
            for (var told = 0L; await evacuations.FindRevisionAsync(evacuationId, ending.Token) is { } revision;)
            {
                if (revision > told && await evacuations.FindAsync(evacuationId, ending.Token) is { } evacuation)
                {
                    await tell(evacuation);
                    told = evacuation.Revision;
                    if (evacuation.EndedAt is not null)
                    {
                        return true;
                    }
                }

                await bell.WaitAsync(s_lookEvery, clock, ending.Token);
            }
        }
        catch (OperationCanceledException) when (lifetime.ApplicationStopping.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            throw EvacuationErrors.ShuttingDown();
        }

        return false;
    }

    private static void Hear(BellListener bell, bool meant)
    {
        if (meant)
        {
            bell.Hear();
        }
    }
}
