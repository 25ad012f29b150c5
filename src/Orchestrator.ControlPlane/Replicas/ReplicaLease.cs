using Microsoft.Extensions.Options;
using Npgsql;

namespace Orchestrator.ControlPlane.Replicas;

/// <summary>
/// This process's place among the replicas: registered at the start, renewed on a beat, given up at the end. Whoever commands agents or
/// takes work asks here first. Without a lease this process commands nothing: the others take it for dead and go on in its place.
/// </summary>
internal sealed partial class ReplicaLease(
    ReplicaIdentity identity, NpgsqlDataSource database, IOptions<ReplicaOptions> options, TimeProvider clock, ILogger<ReplicaLease> logger)
    : IAsyncDisposable
{
    private readonly ReplicaOptions _options = options.Value;
    private readonly CancellationTokenSource _stopping = new();
    private readonly SemaphoreSlim _oneAtATime = new(1);
    private readonly Lock _gate = new();
    private readonly DateTimeOffset _startedAt = clock.GetUtcNow();
    private TaskCompletionSource<Tenure> _next = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Tenure? _tenure;
    private NpgsqlConnection? _connection;
    private Task _renewing = Task.CompletedTask;
    private volatile bool _leaving;
    private bool _lostTold;

    public Guid ReplicaId => identity.ReplicaId;

    public ReplicaOptions Options => _options;

    /// <summary>True while the lease has not run out by this process's own clock.</summary>
    public bool IsHeld => Volatile.Read(ref _tenure) is { IsHeld: true };

    /// <summary>The last one, held or over; null before the first. Whoever begins under it and asks it later is not deceived by the next.</summary>
    public Tenure? Current => Volatile.Read(ref _tenure);

    /// <summary>
    /// Whether another's lease that ran out means that the other is dead. Not within a lease's time from the beginning of one's own: the
    /// database may have been away from everybody, and the others are about to renew.
    /// </summary>
    public bool MayTakeOver => Volatile.Read(ref _tenure) is { IsHeld: true } tenure && clock.GetElapsedTime(tenure.Since) >= _options.Lease;

    /// <summary>Going down: nothing more is taken.</summary>
    public bool IsLeaving => _leaving;

    /// <summary>Registers, and begins to renew. A database that does not answer is asked again on the beat.</summary>
    public async Task BeginAsync(CancellationToken cancellation)
    {
        await RenewAsync(cancellation);
        _renewing = RepeatAsync(_stopping.Token);
    }

    /// <summary>Tells the others that this one takes nothing more; what it commands it goes on with.</summary>
    public Task LeaveAsync(CancellationToken cancellation)
    {
        _leaving = true;
        return RenewAsync(cancellation);
    }

    /// <summary>Renews no more. What was held is over for this process; the row is the store's to end.</summary>
    public async Task EndAsync()
    {
        await _stopping.CancelAsync();
        await _renewing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _tenure?.End();
        await CloseAsync();
    }

    /// <summary>Waits until the lease is held.</summary>
    public async Task<Tenure> HeldAsync(CancellationToken cancellation)
    {
        while (true)
        {
            Task<Tenure> next;
            lock (_gate)
            {
                if (_tenure is { IsHeld: true } tenure)
                {
                    return tenure;
                }

                next = _next.Task;
            }

            await next.WaitAsync(cancellation);
        }
    }

    /// <summary>As the beat does it.</summary>
    internal async Task RenewAsync(CancellationToken cancellation)
    {
        await _oneAtATime.WaitAsync(cancellation);
        try
        {
            var askedAt = clock.GetTimestamp();
            using var limit = new CancellationTokenSource(_options.Lease, clock);
            using var both = CancellationTokenSource.CreateLinkedTokenSource(cancellation, limit.Token);
            _connection ??= await database.OpenConnectionAsync(both.Token);
            await ReplicaStore.RenewAsync(
                _connection,
                new StoredReplica(identity.ReplicaId, identity.Endpoint(), identity.Version, _startedAt, _leaving),
                _options.Lease,
                both.Token);
            Renewed(askedAt);
        }
        catch (Exception outage) when (outage is NpgsqlException or OperationCanceledException && !cancellation.IsCancellationRequested)
        {
            LogNotRenewed(outage.Message);
            await CloseAsync();
        }
        finally
        {
            _oneAtATime.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await EndAsync();
        _tenure?.Dispose();
        _stopping.Dispose();
        _oneAtATime.Dispose();
    }

    private async Task RepeatAsync(CancellationToken cancellation)
    {
        using var beat = new PeriodicTimer(_options.RenewEvery, clock);
        while (await beat.WaitForNextTickAsync(cancellation))
        {
            TellLoss();
            await RenewAsync(cancellation);
        }
    }

    private void Renewed(long askedAt)
    {
        TaskCompletionSource<Tenure>? news = null;
        Tenure? begun = null;
        lock (_gate)
        {
            if (_tenure?.TryRenew(askedAt) != true)
            {
                TellLoss();
                begun = new Tenure(0, askedAt, _options.Lease, clock);
                _tenure = begun;
                news = _next;
                _next = new TaskCompletionSource<Tenure>(TaskCreationOptions.RunContinuationsAsynchronously);
            }
        }

        if (begun is not null)
        {
            _lostTold = false;
            LogHeld(identity.ReplicaId);
            news?.TrySetResult(begun);
        }
    }

    private void TellLoss()
    {
        if (_tenure is { IsHeld: false } && !_lostTold)
        {
            _lostTold = true;
            LogLost(_options.Lease);
        }
    }

    private async Task CloseAsync()
    {
        if (Interlocked.Exchange(ref _connection, null) is { } connection)
        {
            await connection.DisposeAsync();
        }
    }

    [LoggerMessage(1, LogLevel.Information, "Replica {ReplicaId} holds its lease.")]
    private partial void LogHeld(Guid replicaId);

    [LoggerMessage(2, LogLevel.Warning, "The lease could not be renewed for {Lease}: commanding nothing until it can.")]
    private partial void LogLost(TimeSpan lease);

    [LoggerMessage(3, LogLevel.Warning, "The lease could not be renewed: {Problem}")]
    private partial void LogNotRenewed(string problem);
}
