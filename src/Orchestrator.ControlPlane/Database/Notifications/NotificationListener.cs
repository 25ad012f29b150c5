using Npgsql;

namespace Orchestrator.ControlPlane.Database.Notifications;

/// <summary>
/// This replica's one connection that listens, and those who want to hear. Notifications sent while it was away are lost: after each
/// (re)connection every subscriber is told that it may have missed something.
/// </summary>
internal sealed partial class NotificationListener(NpgsqlDataSource database, TimeProvider clock, ILogger<NotificationListener> logger)
    : BackgroundService
{
    private const int ProbeSeconds = 5;

    private static readonly TimeSpan s_probeAfter = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(500);

    private readonly Lock _gate = new();
    private volatile Subscription[] _subscriptions = [];
    private bool _lost;

    /// <summary>
    /// From now on. Both are called from the listening loop, one at a time: take a note and return. <paramref name="missed"/> is called
    /// whenever listening (re)begins; nothing written before that moment need have been told of.
    /// </summary>
    /// <param name="channel">One of <see cref="NotificationChannel"/>.</param>
    /// <param name="heard">Is given the payload.</param>
    /// <returns>Dispose it to hear nothing more.</returns>
    public IDisposable Subscribe(string channel, Action<string> heard, Action missed)
    {
        var subscription = new Subscription(channel, heard, missed, this);
        lock (_gate)
        {
            _subscriptions = [.. _subscriptions, subscription];
        }

        return subscription;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await ListenAsync(stoppingToken);
            }
            catch (Exception outage) when (outage is NpgsqlException or TimeoutException or IOException)
            {
                TellLost(outage.Message);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }

            await Task.Delay(s_pause, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task ListenAsync(CancellationToken cancellation)
    {
        await using var connection = await database.OpenConnectionAsync(cancellation);
        try
        {
            connection.Notification += (_, told) => Hear(told.Channel, told.Payload);
            await RunAsync(connection, string.Join("; ", NotificationChannel.All.Select(channel => $"LISTEN {channel}")), cancellation);
            TellBack();
            foreach (var subscription in _subscriptions)
            {
                Shielded(subscription.Missed);
            }

            while (true)
            {
                // A server that vanished without a word is found out by asking.
                if (!await connection.WaitAsync(s_probeAfter, cancellation))
                {
                    await RunAsync(connection, "SELECT 1", cancellation);
                }
            }
        }
        finally
        {
            await UnlistenAsync(connection);
        }
    }

    /// <summary>The connection goes back to a pool that resets nothing.</summary>
    private static async Task UnlistenAsync(NpgsqlConnection connection)
    {
        try
        {
            if (connection.FullState is System.Data.ConnectionState.Open)
            {
                await RunAsync(connection, "UNLISTEN *", CancellationToken.None);
            }
        }
        catch (Exception broken) when (broken is NpgsqlException or InvalidOperationException or IOException)
        {
            // Nothing to give back then.
        }
    }

    private static async Task RunAsync(NpgsqlConnection connection, string sql, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = ProbeSeconds };
        await command.ExecuteNonQueryAsync(cancellation);
    }

    private void Hear(string channel, string payload)
    {
        foreach (var subscription in _subscriptions)
        {
            if (subscription.Channel == channel)
            {
                Shielded(() => subscription.Heard(payload));
            }
        }
    }

    private void Shielded(Action tell)
    {
        try
        {
            tell();
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            LogSubscriberFailed(failure);
        }
    }

    private void TellLost(string problem)
    {
        if (!_lost)
        {
            _lost = true;
            LogLost(problem);
        }
    }

    private void TellBack()
    {
        if (_lost)
        {
            _lost = false;
            LogBack();
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "The connection that listens for notifications is lost ({Problem}); catching up when it is back.")]
    private partial void LogLost(string problem);

    [LoggerMessage(2, LogLevel.Information, "Listening for notifications again.")]
    private partial void LogBack();

    [LoggerMessage(3, LogLevel.Error, "A subscriber of notifications failed; the others are told all the same.")]
    private partial void LogSubscriberFailed(Exception failure);

    private sealed record Subscription(string Channel, Action<string> Heard, Action Missed, NotificationListener Owner) : IDisposable
    {
        public void Dispose()
        {
            lock (Owner._gate)
            {
                Owner._subscriptions = [.. Owner._subscriptions.Where(other => !ReferenceEquals(other, this))];
            }
        }
    }
}
