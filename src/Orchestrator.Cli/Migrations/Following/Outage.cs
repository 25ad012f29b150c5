using Grpc.Core;
using Orchestrator.Cli.Refusals;

namespace Orchestrator.Cli.Migrations.Following;

/// <summary>How long to wait before a lost server is tried again, and when to give up.</summary>
/// <param name="patience">Time without contact after which a watch ends.</param>
internal sealed class Outage(TimeSpan patience, TimeProvider clock)
{
    private static readonly TimeSpan s_shortest = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_first = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_longestAsked = TimeSpan.FromSeconds(60);

    private long? _lastContact;
    private int _attempts;

    public bool IsOn => _attempts > 0;

    public void ContactMade()
    {
        _lastContact = clock.GetTimestamp();
        _attempts = 0;
    }

    /// <returns>False when trying again makes no sense: never reached, refused, or gone for too long.</returns>
    public bool TryDelay(RpcException failure, out TimeSpan delay)
    {
        delay = Delay(failure);
        if (_lastContact is not { } lastContact || !MayPass(failure) || clock.GetElapsedTime(lastContact) + delay > patience)
        {
            return false;
        }

        _attempts++;
        return true;
    }

    /// <summary>Follows over and over until it is at its end, or makes no sense any more.</summary>
    /// <param name="lost">Told why the server is lost, and after what time it is tried again.</param>
    /// <param name="followOnce">False: the server ended the stream although there is more to come.</param>
    public async Task RetryAsync(Action<string, TimeSpan> lost, Func<Task<bool>> followOnce, CancellationToken cancellation)
    {
        while (true)
        {
            TimeSpan delay = default;
            try
            {
                if (await followOnce())
                {
                    return;
                }

                throw new RpcException(new Status(StatusCode.Unavailable, "The server ended the watch early."));
            }
            catch (RpcException) when (cancellation.IsCancellationRequested)
            {
                throw new OperationCanceledException(cancellation);
            }
            catch (RpcException failure) when (TryDelay(failure, out delay))
            {
                lost(failure.Status.DebugException?.GetBaseException().Message ?? failure.Status.Detail, delay);
            }

            await Task.Delay(delay, clock, cancellation);
        }
    }

    private TimeSpan Delay(RpcException failure)
    {
        if (CallRefusal.RetryDelay(failure) is { } asked)
        {
            return TimeSpan.FromTicks(Math.Clamp(asked.Ticks, s_shortest.Ticks, s_longestAsked.Ticks));
        }

        var doubled = s_first * Math.Pow(2, Math.Min(_attempts, 10));
        return doubled < s_longest ? doubled : s_longest;
    }

    private static bool MayPass(RpcException failure) =>
        CallRefusal.IsLostConnection(failure)
        || failure.StatusCode == StatusCode.DeadlineExceeded
        || CallRefusal.HasReason(failure, "WATCHER_TOO_SLOW");
}
