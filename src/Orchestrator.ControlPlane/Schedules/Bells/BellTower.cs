using Quartz;

namespace Orchestrator.ControlPlane.Schedules.Bells;

/// <summary>
/// Runs Quartz's scheduler as long as the application runs. Quartz's own service would keep the process from ending while the database is
/// away: what it has under way there it tries for ever. Nothing is lost by leaving it, since its jobs only ring and the others of the
/// cluster clear up after it.
/// </summary>
internal sealed partial class BellTower(ISchedulerFactory schedulers, TimeProvider clock, ILogger<BellTower> logger) : IHostedService
{
    private static readonly TimeSpan s_stopsWithin = TimeSpan.FromSeconds(3);

    private IScheduler? _running;

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        _running = await schedulers.GetScheduler(cancellationToken);
        await _running.Start(cancellationToken);
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        // A host may be stopped twice.
        if (Interlocked.Exchange(ref _running, null) is not { } scheduler)
        {
            return;
        }

        try
        {
            await Task.Run(() => scheduler.Shutdown(false, CancellationToken.None).AsTask(), CancellationToken.None)
                .WaitAsync(s_stopsWithin, clock, cancellationToken);
        }
        catch (Exception late) when (late is TimeoutException or OperationCanceledException)
        {
            LogLeft(s_stopsWithin);
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "The bells did not stop within {Limit}; the process ends without waiting for them.")]
    private partial void LogLeft(TimeSpan limit);
}
