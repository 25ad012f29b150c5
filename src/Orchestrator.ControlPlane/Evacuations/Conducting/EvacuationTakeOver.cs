using System.Collections.Concurrent;
using Npgsql;
using Orchestrator.ControlPlane.Database.Notifications;
using Orchestrator.ControlPlane.Evacuations.Ledger;
using Orchestrator.ControlPlane.Replicas;
using Orchestrator.ControlPlane.Schedules.Bells;

namespace Orchestrator.ControlPlane.Evacuations.Conducting;

/// <summary>
/// Sees to it that every evacuation is conducted by somebody: takes what nobody conducts while this replica has a lease, lets go of
/// everything when it has lost it, and gives everything away at the end.
/// </summary>
internal sealed partial class EvacuationTakeOver(
    EvacuationClaims claims, ConductingEdges edges, ReplicaLease lease, NotificationListener notifications,
    ILogger<EvacuationTakeOver> logger) : IHostedService, IDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private readonly BellListener _bell = new(_ => { });
    private readonly ConcurrentDictionary<Guid, Running> _running = new();
    private IDisposable[] _subscriptions = [];
    private Task _serving = Task.CompletedTask;

    /// <summary>True while this process conducts the evacuation.</summary>
    public bool Conducts(Guid evacuationId) => _running.ContainsKey(evacuationId);

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _subscriptions =
        [
            notifications.Subscribe(NotificationChannel.Replica, _ => _bell.Hear(), RingAll),
            notifications.Subscribe(NotificationChannel.Evacuation, HearOfEvacuation, RingAll),
            notifications.Subscribe(NotificationChannel.Migration, HearOfMigration, RingAll),
            notifications.Subscribe(NotificationChannel.Host, _ => RingAll(), RingAll),

            // With an id it tells of one migration of somebody; without, of limits or of many.
            notifications.Subscribe(NotificationChannel.Queue, payload => RingAll(payload.Length == 0), RingAll),
        ];
        _serving = Task.Run(() => RunAsync(_stopping.Token), CancellationToken.None);
        return Task.CompletedTask;
    }

    /// <summary>Conductors end between two steps or in one, and others may begin at once.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync();
        await _serving;
        foreach (var subscription in _subscriptions)
        {
            subscription.Dispose();
        }

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

    public void Dispose()
    {
        _stopping.Dispose();
        _bell.Dispose();
    }

    private void HearOfEvacuation(string payload)
    {
        if (Guid.TryParse(payload, out var evacuationId) && _running.TryGetValue(evacuationId, out var running))
        {
            running.Supervisor.Ring();
        }
        else
        {
            _bell.Hear();
        }
    }

    private void HearOfMigration(string payload)
    {
        if (Guid.TryParse(payload, out var migrationId))
        {
            foreach (var running in _running.Values)
            {
                running.Supervisor.Hear(migrationId);
            }
        }
    }

    private void RingAll(bool worthIt)
    {
        if (worthIt)
        {
            RingAll();
        }
    }

    private void RingAll()
    {
        _bell.Hear();
        foreach (var running in _running.Values)
        {
            running.Supervisor.Ring();
        }
    }

    private async Task RunAsync(CancellationToken stopping)
    {
        try
        {
            while (!stopping.IsCancellationRequested)
            {
                var tenure = await lease.HeldAsync(stopping);
                using var either = CancellationTokenSource.CreateLinkedTokenSource(tenure.Over, stopping);
                await ServeAsync(either.Token);

                // Whatever is in the middle of a step may not write any more either: others take over by now.
                await Task.WhenAll(_running.Values.Select(running => running.Loop));
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // At the end.
        }
    }

    /// <summary>From one lease to its end.</summary>
    private async Task ServeAsync(CancellationToken holding)
    {
        while (!holding.IsCancellationRequested)
        {
            try
            {
                if (!lease.IsLeaving)
                {
                    await claims.ClaimAsync(lease.ReplicaId, lease.MayTakeOver, holding);
                }

                foreach (var (evacuationId, epoch) in await claims.ListOwnAsync(lease.ReplicaId, holding))
                {
                    Begin(evacuationId, epoch, holding);
                }
            }
            catch (NpgsqlException outage)
            {
                LogDatabase(outage.Message);
            }
            catch (OperationCanceledException) when (holding.IsCancellationRequested)
            {
                return;
            }

            try
            {
                await _bell.WaitAsync(lease.Options.SweepEvery, TimeProvider.System, holding);
            }
            catch (OperationCanceledException) when (holding.IsCancellationRequested)
            {
                return;
            }
        }
    }

    private void Begin(Guid evacuationId, long epoch, CancellationToken holding)
    {
        if (_running.ContainsKey(evacuationId))
        {
            return;
        }

        // Whoever adds the entry runs the loop; the loop takes the entry away.
        var supervisor = new EvacuationSupervisor(evacuationId, epoch, edges);
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        if (_running.TryAdd(evacuationId, new Running(supervisor, done.Task)))
        {
            LogConducts(evacuationId, epoch);
            _ = Task.Run(
                async () =>
                {
                    try
                    {
                        await supervisor.RunAsync(holding);
                    }
                    finally
                    {
                        _running.TryRemove(evacuationId, out _);
                        done.SetResult();
                    }
                },
                CancellationToken.None);
        }
    }

    [LoggerMessage(1, LogLevel.Information, "Gave away {Count} evacuations.")]
    private partial void LogReleased(long count);

    [LoggerMessage(2, LogLevel.Information, "Conducting evacuation {EvacuationId} under epoch {Epoch}.")]
    private partial void LogConducts(Guid evacuationId, long epoch);

    [LoggerMessage(3, LogLevel.Warning, "Evacuations could not be taken or given away just now: {Problem}")]
    private partial void LogDatabase(string problem);

    private sealed record Running(EvacuationSupervisor Supervisor, Task Loop);
}
