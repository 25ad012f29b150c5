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
