using Grpc.Core;
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
            await ShieldedAsync(hostId, () => reconciliation.ReconcileAsync(hostId, guests, cancellation), cancellation);
        }
    }

    private async Task RepeatAsync(CancellationToken cancellation)
    {
        using var beat = new PeriodicTimer(Beat, clock);
        while (await beat.WaitForNextTickAsync(cancellation))
        {
            await ShieldedAsync("all", () => RepeatStartsAsync(cancellation), cancellation);
            await ShieldedAsync("all", () => reconciliation.ReconcileAllAsync(cancellation), cancellation);
        }
    }

    private async Task RepeatStartsAsync(CancellationToken cancellation)
    {
        foreach (var guest in await starts.ListUnfinishedAsync(cancellation))
        {
            try
            {
                await starts.RepeatAsync(guest);
            }
            catch (RpcException failure)
            {
                LogNotStarted(guest.HostId ?? "", guest.GuestId, failure.Status.Detail);
            }
        }
    }

    // One thing that goes wrong must not end the following of all guests; the beat comes back to it.
    private async Task ShieldedAsync(string hostId, Func<Task> work, CancellationToken cancellation)
    {
        try
        {
            await work();
        }
        catch (NpgsqlException failure)
        {
            LogDatabase(hostId, failure.Message);
        }
        catch (Exception failure) when (!cancellation.IsCancellationRequested && failure is not OutOfMemoryException)
        {
            LogUnplanned(hostId, failure);
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "Host {HostId}: what it said about its guests could not be written yet: {Problem}")]
    private partial void LogDatabase(string hostId, string problem);

    [LoggerMessage(3, LogLevel.Warning, "Host {HostId}: the unfinished start of guest {GuestId} was repeated: {Problem}")]
    private partial void LogNotStarted(string hostId, string guestId, string problem);

    [LoggerMessage(2, LogLevel.Error, "Host {HostId}: following its guests failed in a way nobody planned.")]
    private partial void LogUnplanned(string hostId, Exception failure);
}
