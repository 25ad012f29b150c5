namespace Orchestrator.ControlPlane.Replicas;

/// <summary>
/// One unbroken time of holding a lease, by this process's monotonic clock. It counts from before the statement that renewed it, so it is
/// over here before it is over in the database, and a process that was frozen finds it over when it wakes.
/// </summary>
/// <remarks>CLOCK_MONOTONIC goes on while a process is stopped (clock_gettime(2)), so a pause cannot hide from it.</remarks>
internal sealed class Tenure : IDisposable
{
    private readonly TimeProvider _clock;
    private readonly TimeSpan _lease;
    private readonly CancellationTokenSource _over;
    private long _renewedAt;

    /// <param name="askedAt">When the statement left that won the lease; <see cref="TimeProvider.GetTimestamp"/>.</param>
    public Tenure(long epoch, long askedAt, TimeSpan lease, TimeProvider clock)
    {
        Epoch = epoch;
        Since = askedAt;
        _clock = clock;
        _lease = lease;
        _renewedAt = askedAt;
        _over = new CancellationTokenSource(Left(askedAt), clock);
        Over = _over.Token;
    }

    /// <summary>Fencing number under which it was won; 0 where the lease has none.</summary>
    public long Epoch { get; }

    /// <summary><see cref="TimeProvider.GetTimestamp"/>.</summary>
    public long Since { get; }

    /// <summary>Cancelled when it is over, given back included. Ask <see cref="IsHeld"/> right before what must not be done without it.</summary>
    public CancellationToken Over { get; }

    public bool IsHeld => !Over.IsCancellationRequested && _clock.GetElapsedTime(Interlocked.Read(ref _renewedAt)) < _lease;

    /// <returns>False when it was over before: what was renewed is another tenure.</returns>
    public bool TryRenew(long askedAt)
    {
        if (!IsHeld)
        {
            End();
            return false;
        }

        Interlocked.Exchange(ref _renewedAt, askedAt);
        _over.CancelAfter(Left(askedAt));
        return true;
    }

    public void End() => _over.Cancel();

    public void Dispose() => _over.Dispose();

    private TimeSpan Left(long askedAt) => _lease - _clock.GetElapsedTime(askedAt) is { } left && left > TimeSpan.Zero ? left : TimeSpan.Zero;
}
