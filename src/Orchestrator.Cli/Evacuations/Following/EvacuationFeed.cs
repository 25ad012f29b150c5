using Orchestrator.Cli.Invocation;
using Orchestrator.Cli.Migrations.Following;
using Orchestrator.V1;

namespace Orchestrator.Cli.Evacuations.Following;

/// <summary>Follows an evacuation to its end, across lost connections. Each message is the whole, so nothing that was missed is missing.</summary>
internal sealed class EvacuationFeed(Connection connection, TimeSpan patience, TimeProvider clock)
{
    /// <param name="known">The server has told of it a moment ago, so that not reaching it now is an outage and no wrong address.</param>
    public async Task FollowAsync(string evacuationId, bool known, Action<EvacuationEvent> tell, CancellationToken cancellation)
    {
        var outage = new Outage(patience, clock);
        if (known)
        {
            outage.ContactMade();
        }

        await outage.RetryAsync(
            (why, delay) => tell(new EvacuationEvent.Lost(why, delay)), () => FollowOnceAsync(evacuationId, outage, tell, cancellation), cancellation);
    }

    private async Task<bool> FollowOnceAsync(string evacuationId, Outage outage, Action<EvacuationEvent> tell, CancellationToken cancellation)
    {
        using var call = connection.Evacuations.WatchEvacuation(
            new WatchEvacuationRequest { EvacuationId = evacuationId }, cancellationToken: cancellation);
        Evacuation? latest = null;
        while (await call.ResponseStream.MoveNext(cancellation))
        {
            Tell(call.ResponseStream.Current.Evacuation);
        }

        if (latest is null || !EvacuationEnd.IsReached(latest.State))
        {
            var now = await connection.Evacuations.GetEvacuationAsync(
                new GetEvacuationRequest { EvacuationId = evacuationId }, connection.Call(cancellation));
            Tell(now.Evacuation);
        }

        return latest is not null && EvacuationEnd.IsReached(latest.State);

        void Tell(Evacuation evacuation)
        {
            if (outage.IsOn)
            {
                tell(new EvacuationEvent.Restored());
            }

            outage.ContactMade();
            latest = evacuation;
            tell(new EvacuationEvent.Seen(evacuation));
        }
    }
}
