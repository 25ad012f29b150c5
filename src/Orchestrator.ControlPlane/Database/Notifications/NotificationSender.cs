using Npgsql;

namespace Orchestrator.ControlPlane.Database.Notifications;

/// <summary>
/// Sends notifications of what has been committed, many at a time. Not in the transactions themselves: Postgres lets only one transaction that
/// notifies commit at a time, its write to the disk included, so that no two of them would share one (PreCommit_Notify in
/// src/backend/commands/async.c). What is lost when this process ends in between is what a notification may always be: who listens looks on a
/// slow beat too.
/// </summary>
internal sealed partial class NotificationSender(NpgsqlDataSource database, TimeProvider clock, ILogger logger)
{
    private const int Attempts = 20;

    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(250);

    private readonly Lock _gate = new();
    private HashSet<(string Channel, string Payload)> _waiting = [];
    private bool _sending;

    /// <summary>Returns at once. The same one that still waits is sent once.</summary>
    /// <param name="channel">One of <see cref="NotificationChannel"/>.</param>
    public void Send(string channel, string payload)
    {
        lock (_gate)
        {
            _waiting.Add((channel, payload));
            if (_sending)
            {
                return;
            }

            _sending = true;
        }

        _ = Task.Run(SendAllAsync);
    }

    /// <summary>Until none waits: those that come while some are being sent go together.</summary>
    private async Task SendAllAsync()
    {
        var failures = 0;
        while (Take() is { Count: > 0 } batch)
        {
            try
            {
                await using var connection = await database.OpenConnectionAsync();
                do
                {
                    await SendAsync(connection, batch);
                    failures = 0;
                    batch = Take();
                }
                while (batch.Count > 0);
                return;
            }
            catch (ObjectDisposedException)
            {
                // The process ends.
                return;
            }
            catch (NpgsqlException outage)
            {
                // Those that listen over a broken connection look for what they missed when it is back; this one may be broken alone.
                if (++failures == Attempts)
                {
                    LogGivenUp(batch.Count, outage.Message);
                    failures = 0;
                }
                else
                {
                    PutBack(batch);
                    await Task.Delay(s_pause, clock);
                }
            }
        }
    }

    /// <returns>Empty: the sending is over, and the next one begins it anew.</returns>
    private HashSet<(string Channel, string Payload)> Take()
    {
        lock (_gate)
        {
            var taken = _waiting;
            _waiting = [];
            _sending = taken.Count > 0;
            return taken;
        }
    }

    private void PutBack(IEnumerable<(string Channel, string Payload)> batch)
    {
        lock (_gate)
        {
            _waiting.UnionWith(batch);
        }
    }

    private static async Task SendAsync(NpgsqlConnection connection, HashSet<(string Channel, string Payload)> batch)
    {
        // Nothing is written that must survive a power cut, so nobody waits for the disk.
        const string Sql = """
            SELECT set_config('synchronous_commit', 'off', true), count(pg_notify(channel, payload))
              FROM unnest($1, $2) AS n (channel, payload)
            """;
        await using var command = new NpgsqlCommand(Sql, connection)
        {
            Parameters =
            {
                new NpgsqlParameter<string[]> { TypedValue = [.. batch.Select(notification => notification.Channel)] },
                new NpgsqlParameter<string[]> { TypedValue = [.. batch.Select(notification => notification.Payload)] },
            },
        };
        await command.ExecuteNonQueryAsync();
    }

    [LoggerMessage(1, LogLevel.Warning, "{Count} notifications could not be sent; who waits for them looks on its beat: {Problem}")]
    private partial void LogGivenUp(int count, string problem);
}
