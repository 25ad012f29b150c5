using Npgsql;
using Orchestrator.ControlPlane.Database.Notifications;

namespace Orchestrator.ControlPlane.Schedules.Bells;

/// <summary>
/// A bell rings on one replica, and the one whom it is for may live on another: passes it on to all. Whoever is concerned listens to the
/// channel in any case, and looks by itself too; a ring that is lost costs nothing but time.
/// </summary>
internal sealed partial class BellRelay(Bells bells, NpgsqlDataSource database, ILogger<BellRelay> logger) : BackgroundService
{
    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.WhenAll(
        PassOnAsync(Bell.LeaseSweep, NotificationChannel.Replica, stoppingToken),
        PassOnAsync(Bell.HostProbe, NotificationChannel.Host, stoppingToken),
        PassOnAsync(Bell.Queue, NotificationChannel.Queue, stoppingToken));

    private async Task PassOnAsync(Bell bell, string channel, CancellationToken cancellation)
    {
        using var listener = bells.Listen(bell);
        while (!cancellation.IsCancellationRequested)
        {
            try
            {
                await listener.WaitAsync(cancellation);
                await using var command = database.CreateCommand("SELECT pg_notify($1, '')");
                command.Parameters.AddWithValue(channel);
                await command.ExecuteNonQueryAsync(cancellation);
            }
            catch (NpgsqlException outage)
            {
                LogDatabase(bell, outage.Message);
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                return;
            }
        }
    }

    [LoggerMessage(1, LogLevel.Debug, "Bell {Bell} could not be passed on ({Problem}); it rings again.")]
    private partial void LogDatabase(Bell bell, string problem);
}
