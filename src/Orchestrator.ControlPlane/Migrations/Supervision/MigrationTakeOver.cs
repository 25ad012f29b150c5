using Npgsql;
using Orchestrator.ControlPlane.Database.Notifications;
using Orchestrator.ControlPlane.Migrations.Ledger;
using Orchestrator.ControlPlane.Replicas;

namespace Orchestrator.ControlPlane.Migrations.Supervision;

/// <summary>
/// Sees to it that every migration is commanded by somebody: takes what nobody commands while this replica has a lease, lets go of
/// everything when it has lost it, and gives everything away at the end.
/// </summary>
internal sealed partial class MigrationTakeOver(
    MigrationClaims claims, MigrationSupervisors supervisors, ReplicaLease lease, NotificationListener notifications,
    ILogger<MigrationTakeOver> logger) : IHostedService, IDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private readonly SemaphoreSlim _bell = new(0, 1);
    private IDisposable[] _subscriptions = [];
    private Task _running = Task.CompletedTask;
    private HashSet<Guid> _forgotten = [];

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _subscriptions =
        [
            notifications.Subscribe(NotificationChannel.Replica, _ => Ring(), Ring),
            notifications.Subscribe(NotificationChannel.Slot, _ => Ring(), Ring),
        ];
        if (lease.IsHeld)
        {
            // Callers come as soon as everything has started.
            supervisors.Open();
        }

        _running = Task.Run(() => RunAsync(_stopping.Token), CancellationToken.None);
        return Task.CompletedTask;
    }

    /// <summary>Supervisors end between two steps, and others may begin at once.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync();
        await _running;
        foreach (var subscription in _subscriptions)
        {
            subscription.Dispose();
        }

        await supervisors.CloseAsync(cancellationToken);
        try
        {
            if (await claims.ReleaseAsync(lease.ReplicaId, cancellationToken) is > 0 and var released)
            {
                LogReleased(released);
            }
        }
        catch (Exception outage) when (outage is NpgsqlException or OperationCanceledException)
        {
            LogDatabase(outage.Message);
        }
    }

    /// <summary>Looks at once whether there is something to take up.</summary>
    public void Ring()
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

    public void Dispose()
    {
        _stopping.Dispose();
        _bell.Dispose();
    }

    private async Task RunAsync(CancellationToken stopping)
    {
        try
        {
            while (true)
            {
                await ServeAsync(await lease.HeldAsync(stopping), stopping);
                stopping.ThrowIfCancellationRequested();

                // Whatever is in the middle of a step may not write any more either: others take over by now.
                LogLeaseLost(supervisors.Supervised().Count);
                await supervisors.CloseAsync(new CancellationToken(canceled: true));
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // What goes on is ended by StopAsync.
        }
    }

    /// <summary>From one lease to its end.</summary>
    private async Task ServeAsync(Tenure tenure, CancellationToken stopping)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(tenure.Over, stopping);
        var adopted = false;
        supervisors.Open();
        for (var look = 0; !either.IsCancellationRequested; look++)
        {
            try
            {
                if (!adopted)
                {
                    await supervisors.TakeUpAsync(
                        await claims.AdoptOwnAsync(lease.ReplicaId, supervisors.Supervised(), either.Token), either.Token);
                    adopted = true;
                }

                await SweepAsync(either.Token);
                if (look % 10 == 9)
                {
                    await AdoptForgottenAsync(either.Token);
                }

                await _bell.WaitAsync(lease.Options.SweepEvery, either.Token);
            }
            catch (NpgsqlException outage)
            {
                LogDatabase(outage.Message);
                await Task.Delay(lease.Options.SweepEvery, TimeProvider.System, either.Token)
                    .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (OperationCanceledException) when (either.IsCancellationRequested)
            {
                return;
            }
        }
    }

    private async Task SweepAsync(CancellationToken cancellation)
    {
        IReadOnlyList<Migration> claimed;
        do
        {
            claimed = lease.IsLeaving ? [] : await claims.ClaimAsync(lease.ReplicaId, lease.MayTakeOver, cancellation);
            await supervisors.TakeUpAsync(claimed, cancellation);
        }
        while (claimed.Count == MigrationClaims.Batch);
    }

    /// <summary>
    /// What the ledger says is commanded here and is not: its claim or its admission was written, and the connection broke before that was
    /// known. Only when it was so the last time too: a supervisor may be about to begin.
    /// </summary>
    private async Task AdoptForgottenAsync(CancellationToken cancellation)
    {
        var unsupervised = (await claims.ListOwnAsync(lease.ReplicaId, cancellation)).Where(id => !supervisors.Supervises(id)).ToHashSet();
        foreach (var migrationId in unsupervised.Where(_forgotten.Contains).ToList())
        {
            unsupervised.Remove(migrationId);
            if (await claims.AdoptAsync(migrationId, lease.ReplicaId, cancellation) is { } adopted)
            {
                LogForgotten(migrationId);
                await supervisors.TakeUpAsync([adopted], cancellation);
            }
        }

        _forgotten = unsupervised;
    }

    [LoggerMessage(1, LogLevel.Information, "Gave away {Count} migrations.")]
    private partial void LogReleased(long count);

    [LoggerMessage(2, LogLevel.Warning, "The lease is lost: letting go of {Count} migrations.")]
    private partial void LogLeaseLost(int count);

    [LoggerMessage(3, LogLevel.Warning, "Migrations could not be taken or given away just now: {Problem}")]
    private partial void LogDatabase(string problem);

    [LoggerMessage(4, LogLevel.Warning, "Migration {MigrationId} is this replica's and nobody supervised it; beginning.")]
    private partial void LogForgotten(Guid migrationId);
}
