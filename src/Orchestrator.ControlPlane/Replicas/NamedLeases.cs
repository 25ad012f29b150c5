using System.Collections.Concurrent;
using Npgsql;

namespace Orchestrator.ControlPlane.Replicas;

/// <summary>Seeks, renews and at the end gives back the leases that this replica's features want.</summary>
internal sealed partial class NamedLeases(LeaseStore store, ReplicaLease replica, TimeProvider clock, ILogger<NamedLeases> logger)
    : BackgroundService
{
    private readonly ConcurrentDictionary<string, Sought> _sought = new(StringComparer.Ordinal);

    /// <summary>From now on this replica has the lease whenever no other has. The same name again is the same lease.</summary>
    /// <param name="name">E.g. "dispatcher".</param>
    public NamedLease Seek(string name) => _sought.GetOrAdd(name, _ => new Sought(new NamedLease(name))).Lease;

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        foreach (var sought in _sought.Values)
        {
            if (sought.Lease.Held is { } held)
            {
                sought.Lease.Lost();
                try
                {
                    await store.ReleaseAsync(sought.Lease.Name, replica.ReplicaId, held.Epoch, cancellationToken);
                }
                catch (Exception outage) when (outage is NpgsqlException or OperationCanceledException)
                {
                    LogNotGivenBack(sought.Lease.Name, outage.Message);
                }
            }
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var beat = new PeriodicTimer(replica.Options.SweepEvery, clock);
        while (await beat.WaitForNextTickAsync(stoppingToken))
        {
            foreach (var sought in _sought.Values)
            {
                try
                {
                    await LookAsync(sought, stoppingToken);
                }
                catch (NpgsqlException outage)
                {
                    LogDatabase(sought.Lease.Name, outage.Message);
                }
            }
        }
    }

    private async Task LookAsync(Sought sought, CancellationToken cancellation)
    {
        var askedAt = clock.GetTimestamp();
        var (name, lease) = (sought.Lease.Name, replica.Options.Lease);
        if (sought.Lease.Held is { } held)
        {
            if (clock.GetElapsedTime(sought.RenewedAt) < replica.Options.RenewEvery)
            {
                return;
            }

            if (replica.IsHeld && await store.RenewAsync(name, replica.ReplicaId, held.Epoch, lease, cancellation) && held.TryRenew(askedAt))
            {
                sought.RenewedAt = askedAt;
                return;
            }

            sought.Lease.Lost();
            LogLost(name, held.Epoch);
        }

        if (replica.IsHeld && !replica.IsLeaving
            && await store.AcquireAsync(name, replica.ReplicaId, lease, replica.MayTakeOver, cancellation) is { } epoch)
        {
            sought.RenewedAt = askedAt;
            LogWon(name, epoch);
            sought.Lease.Won(new Tenure(epoch, askedAt, lease, clock));
        }
    }

    [LoggerMessage(1, LogLevel.Information, "Lease {Name} won under epoch {Epoch}.")]
    private partial void LogWon(string name, long epoch);

    [LoggerMessage(2, LogLevel.Warning, "Lease {Name} of epoch {Epoch} is lost.")]
    private partial void LogLost(string name, long epoch);

    [LoggerMessage(3, LogLevel.Warning, "Lease {Name}: the database does not answer: {Problem}")]
    private partial void LogDatabase(string name, string problem);

    [LoggerMessage(4, LogLevel.Warning, "Lease {Name} could not be given back and runs out by itself: {Problem}")]
    private partial void LogNotGivenBack(string name, string problem);

    private sealed record Sought(NamedLease Lease)
    {
        public long RenewedAt { get; set; }
    }
}
