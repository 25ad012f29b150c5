using Npgsql;

namespace Orchestrator.ControlPlane.Guests;

/// <summary>Takes what the hosts say about their guests to the ledger, and on a beat looks for what was missed and left unfinished.</summary>
internal sealed partial class GuestSupervisor(
    GuestObservations observations,
    GuestReconciliation reconciliation,
    GuestStartAdmission starts,
    TimeProvider clock,
    ILogger<GuestSupervisor> logger) : BackgroundService
{
    internal static readonly TimeSpan Beat = TimeSpan.FromSeconds(10);

    // A host that is slow to answer holds up one of them and not the others' news.
    private const int Workers = 4;

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.WhenAll(
        [RepeatAsync(stoppingToken), .. Enumerable.Range(0, Workers).Select(_ => TakeAsync(stoppingToken))]);

    private async Task TakeAsync(CancellationToken cancellation)
    {
        while (true)
        {
            var (hostId, guests) = await observations.TakeAsync(cancellation);
            try
            {
                await reconciliation.ReconcileAsync(hostId, guests, cancellation);
            }
            catch (NpgsqlException failure)
            {
                // The beat comes back to it.
                LogDatabase(hostId, failure.Message);
            }
        }
    }

    private async Task RepeatAsync(CancellationToken cancellation)
    {
        using var beat = new PeriodicTimer(Beat, clock);
        while (await beat.WaitForNextTickAsync(cancellation))
        {
            try
            {
                await starts.RepeatUnfinishedAsync(cancellation);
                await reconciliation.ReconcileAllAsync(cancellation);
            }
            catch (NpgsqlException failure)
            {
                LogDatabase("all", failure.Message);
            }
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "Host {HostId}: what it said about its guests could not be written yet: {Problem}")]
    private partial void LogDatabase(string hostId, string problem);
}
