using Npgsql;
using Orchestrator.ControlPlane.Database.Notifications;
using Orchestrator.ControlPlane.Migrations.Supervision;

namespace Orchestrator.ControlPlane.Queue;

/// <summary>Brings what admission has given to the supervisors of this replica: when it rings, and once a second in any case.</summary>
internal sealed partial class SlotCourier(
    SlotStore slots, MigrationSupervisors supervisors, NotificationListener notifications, ILogger<SlotCourier> logger) : BackgroundService
{
    private static readonly TimeSpan s_lookEvery = TimeSpan.FromSeconds(1);

    private readonly SemaphoreSlim _bell = new(0, 1);

    public override void Dispose()
    {
        base.Dispose();
        _bell.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var subscription = notifications.Subscribe(NotificationChannel.Slot, _ => Ring(), Ring);
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                var supervised = supervisors.Supervised();
                foreach (var (migrationId, slot) in supervised.Count == 0 ? [] : await slots.ListAsync(supervised, stoppingToken))
                {
                    supervisors.Tell(migrationId, slot);
                }

                await _bell.WaitAsync(s_lookEvery, stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (NpgsqlException outage)
            {
                LogDatabase(outage.Message);
                await Task.Delay(s_lookEvery, TimeProvider.System, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private void Ring()
    {
        try
        {
            _bell.Release();
        }
        catch (SemaphoreFullException)
        {
            // It has been rung and not been heard yet.
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "What admission has given cannot be read just now: {Problem}")]
    private partial void LogDatabase(string problem);
}
