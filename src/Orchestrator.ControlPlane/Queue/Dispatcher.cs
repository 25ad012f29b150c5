using Npgsql;
using Orchestrator.ControlPlane.Database.Notifications;
using Orchestrator.ControlPlane.Replicas;

namespace Orchestrator.ControlPlane.Queue;

/// <summary>
/// Runs rounds of admission while this replica has the lease "dispatcher": when something rings, and once a second in any case. The lease
/// only saves work; that two at once do no harm is the round's own affair.
/// </summary>
internal sealed partial class Dispatcher(
    AdmissionRound round, NamedLeases leases, NotificationListener notifications, ILogger<Dispatcher> logger) : BackgroundService
{
    public const string LeaseName = "dispatcher";

    private static readonly TimeSpan s_lookEvery = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_shortestPause = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan s_longestPause = TimeSpan.FromSeconds(1);
    private const int PauseTimesWhatItTook = 3;

    private readonly SemaphoreSlim _bell = new(0, 1);

    public override void Dispose()
    {
        base.Dispose();
        _bell.Dispose();
    }

    /// <summary>Rounds until the end, with or without the lease.</summary>
    internal async Task ServeAsync(CancellationToken cancellation)
    {
        using var subscription = notifications.Subscribe(NotificationChannel.Queue, _ => Ring(), Ring);
        while (!cancellation.IsCancellationRequested)
        {
            var began = TimeProvider.System.GetTimestamp();
            try
            {
                var result = await round.RunAsync(cancellation);
                if (result.Admitted + result.Granted > 0)
                {
                    LogLetThrough(result.Admitted, result.Granted, result.Shared);
                }

                LogRound(
                    result.Waiting, result.Running, result.Admitted, result.Granted, result.Shared, result.Reading.TotalMilliseconds,
                    result.Deciding.TotalMilliseconds, result.Writing.TotalMilliseconds);
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                return;
            }
            catch (NpgsqlException outage)
            {
                LogDatabase(outage.Message);
            }
            catch (Exception failure) when (failure is not OutOfMemoryException)
            {
                LogFailed(failure);
            }

            // A quarter of the time at most, so that a long queue under many changes leaves the machine to the others.
            var pause = PauseTimesWhatItTook * TimeProvider.System.GetElapsedTime(began).Ticks;
            await Task.Delay(TimeSpan.FromTicks(Math.Clamp(pause, s_shortestPause.Ticks, s_longestPause.Ticks)), TimeProvider.System, cancellation)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await _bell.WaitAsync(s_lookEvery, cancellation).ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        leases.Seek(LeaseName).RunAsync((_, cancellation) => ServeAsync(cancellation), stoppingToken);

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

    [LoggerMessage(1, LogLevel.Information, "Let {Admitted} migrations through to be prepared and {Granted} to transfer; {Shared} have another share of the links.")]
    private partial void LogLetThrough(int admitted, int granted, int shared);

    [LoggerMessage(4, LogLevel.Debug, "Looked at {Waiting} that wait and {Running} that run: {Admitted} admitted, {Granted} may transfer, {Shared} shares told; read {ReadMs:0.0}, decided {DecideMs:0.0}, wrote {WriteMs:0.0} ms.")]
    private partial void LogRound(int waiting, int running, int admitted, int granted, int shared, double readMs, double decideMs, double writeMs);

    [LoggerMessage(2, LogLevel.Warning, "Nothing can be let through just now, the database does not answer: {Problem}")]
    private partial void LogDatabase(string problem);

    [LoggerMessage(3, LogLevel.Error, "A round of admission failed in a way nobody planned; the next one comes.")]
    private partial void LogFailed(Exception failure);
}
