using System.Threading.Channels;
using Microsoft.Extensions.Options;
using Npgsql;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Migrations.Ledger;

/// <summary>
/// Brings readings into the database in batches, beside the supervisors and never in their way. A batch that met a restart of the database
/// is written again until it is in. When so many readings wait that the queue is full, the newest are dropped, counted and told of: what
/// was decided on them is in the decisions.
/// </summary>
internal sealed partial class ReadingWriter : BackgroundService
{
    private readonly ReadingStore _store;
    private readonly MigrationOptions _options;
    private readonly TimeProvider _clock;
    private readonly ILogger _logger;
    private readonly Channel<StoredReading> _waiting;
    private readonly CancellationTokenSource _giveUp = new();
    private long _dropped;
    private long _droppedTold;
    private DateOnly _partitionsUntil;

    public ReadingWriter(
        ReadingStore store, IOptions<MigrationOptions> options, TimeProvider clock, ILogger<ReadingWriter> logger)
    {
        _store = store;
        _options = options.Value;
        _clock = clock;
        _logger = logger;
        _waiting = Channel.CreateBounded<StoredReading>(
            new BoundedChannelOptions(_options.ReadingsQueue) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });
    }

    /// <summary>Readings that found the queue full, since the start.</summary>
    public long Dropped => Interlocked.Read(ref _dropped);

    /// <summary>Returns at once.</summary>
    public void Offer(Guid migrationId, Reading reading)
    {
        if (!_waiting.Writer.TryWrite(new StoredReading(migrationId, reading)))
        {
            Interlocked.Increment(ref _dropped);
        }
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        // What waits is written before the database goes down, unless that takes longer than a shutdown may.
        _waiting.Writer.TryComplete();
        await using var limit = cancellationToken.Register(_giveUp.Cancel);
        if (ExecuteTask is { } writing)
        {
            await writing.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await base.StopAsync(cancellationToken);
    }

    public override void Dispose()
    {
        _giveUp.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // The end is that of the queue, not of the token: StopAsync completes the queue and waits for it.
        var batch = new List<StoredReading>();
        while (await _waiting.Reader.WaitToReadAsync(CancellationToken.None))
        {
            await Task.Delay(_waiting.Reader.Completion.IsCompleted ? TimeSpan.Zero : _options.ReadingsEvery, _clock, stoppingToken)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            while (batch.Count < _options.ReadingsBatch && _waiting.Reader.TryRead(out var reading))
            {
                batch.Add(reading);
            }

            await WriteAsync(batch, _giveUp.Token);
            batch.Clear();
            TellDropped();
        }
    }

    private async Task WriteAsync(List<StoredReading> batch, CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested)
        {
            try
            {
                await EnsurePartitionsAsync(cancellation);
                await _store.WriteAsync(batch, cancellation);
                return;
            }
            catch (NpgsqlException outage) when (Database.DatabaseGate.IsTransient(outage))
            {
                LogOutage(batch.Count, outage.Message);
            }
            catch (NpgsqlException refused)
            {
                // The same rows would be refused again, and everything behind them would wait.
                LogRefused(batch.Count, refused);
                return;
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                LogGivenUp(batch.Count);
                return;
            }
        }
    }

    /// <summary>Today's partition and those of the days to come; once a day in effect.</summary>
    private async Task EnsurePartitionsAsync(CancellationToken cancellation)
    {
        var today = DateOnly.FromDateTime(_clock.GetUtcNow().UtcDateTime);
        if (today.AddDays(1) <= _partitionsUntil)
        {
            return;
        }

        for (var ahead = 0; ahead <= 3; ahead++)
        {
            await _store.CreatePartitionAsync(today.AddDays(ahead), cancellation);
        }

        _partitionsUntil = today.AddDays(3);
    }

    private void TellDropped()
    {
        var dropped = Dropped;
        if (dropped > _droppedTold)
        {
            LogDropped(dropped - _droppedTold, dropped);
            _droppedTold = dropped;
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "The queue of readings was full: {Count} dropped, {Total} since the start.")]
    private partial void LogDropped(long count, long total);

    [LoggerMessage(2, LogLevel.Warning, "The database does not take {Count} readings ({Problem}); they are kept and written again.")]
    private partial void LogOutage(int count, string problem);

    [LoggerMessage(3, LogLevel.Error, "The database refused {Count} readings; they are dropped.")]
    private partial void LogRefused(int count, Exception refused);

    [LoggerMessage(4, LogLevel.Warning, "Going down with {Count} readings unwritten.")]
    private partial void LogGivenUp(int count);
}
