using Npgsql;

namespace Orchestrator.ControlPlane.Replicas;

/// <summary>
/// Right after the database: this process becomes a replica before anything of it takes work, and ceases to be one after everything has
/// given its work away.
/// </summary>
internal sealed partial class ReplicaStart(
    ReplicaLease lease, ReplicaStore replicas, IHostApplicationLifetime lifetime, ILogger<ReplicaStart> logger) : IHostedService, IDisposable
{
    private CancellationTokenRegistration _stopping;
    private Task _leaving = Task.CompletedTask;

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await lease.BeginAsync(cancellationToken);
        _stopping = lifetime.ApplicationStopping.Register(() => _leaving = lease.LeaveAsync(CancellationToken.None));
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _leaving;
        await lease.EndAsync();
        try
        {
            await replicas.EndAsync(lease.ReplicaId, cancellationToken);
        }
        catch (Exception outage) when (outage is NpgsqlException or OperationCanceledException)
        {
            LogNotEnded(outage.Message);
        }
    }

    public void Dispose() => _stopping.Dispose();

    [LoggerMessage(1, LogLevel.Warning, "The others could not be told that this replica ends; its lease runs out by itself: {Problem}")]
    private partial void LogNotEnded(string problem);
}
