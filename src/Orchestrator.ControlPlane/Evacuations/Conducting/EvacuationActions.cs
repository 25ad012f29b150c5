using System.Collections.Concurrent;
using Grpc.Core;
using Npgsql;
using Orchestrator.Policy.Evacuation;

namespace Orchestrator.ControlPlane.Evacuations.Conducting;

/// <summary>
/// Does what one evacuation's conductor says. What asks an agent takes its time and goes on beside the steps, each once at a time; what it
/// leads to is read from the ledger like everything else.
/// </summary>
internal sealed partial class EvacuationActions(ActionDoors doors, RefusedAttempts refused, Action ring, CancellationToken stopping)
{
    private readonly ConcurrentDictionary<ConductorAction, Task> _underWay = new();

    /// <param name="evacuation">As the step was written.</param>
    public async Task DoAsync(Evacuation evacuation, IReadOnlyList<ConductorAction> actions, CancellationToken cancellation)
    {
        foreach (var action in actions)
        {
            // Whoever has lost its lease does nothing more: others go on, and give what is left out here.
            if (!doors.Lease.IsHeld)
            {
                return;
            }

            switch (action)
            {
                case ConductorAction.Cordon(var hostId):
                    await doors.Hosts.SetCordonAsync(hostId, cordoned: true, Reason(evacuation), Caller(evacuation), cancellation);
                    break;
                case ConductorAction.Uncordon(var hostId):
                    await doors.Hosts.SetCordonAsync(hostId, cordoned: false, "", Caller(evacuation), cancellation);
                    break;
                case ConductorAction.Begin begin:
                    await BeginAsync(evacuation, begin, cancellation);
                    break;
                case ConductorAction.CancelMove cancel:
                    Beside(cancel, () => CancelAsync(evacuation, cancel));
                    break;
                case ConductorAction.Stop stop:
                    Beside(stop, () => StopAsync(stop));
                    break;
                case ConductorAction.StartElsewhere start:
                    Beside(start, () => StartAsync(start));
                    break;
            }
        }
    }

    /// <summary>Waits for what goes on beside, once it is time to stop.</summary>
    public Task FinishAsync() => Task.WhenAll(_underWay.Values);

    private static string Caller(Evacuation evacuation) => $"evacuation {evacuation.EvacuationId}";

    private static string Reason(Evacuation evacuation) => evacuation.Spec.Reason.Length > 0
        ? $"evacuation {evacuation.EvacuationId}: {evacuation.Spec.Reason}" : $"evacuation {evacuation.EvacuationId}";

    private async Task BeginAsync(Evacuation evacuation, ConductorAction.Begin begin, CancellationToken cancellation)
    {
        var standing = evacuation.State.Guests.Single(guest => guest.GuestId == begin.GuestId);
        if (begin.SourceHostId != standing.SourceHostId)
        {
            // Somebody else has moved it before this attempt came about.
            refused.Add(begin.GuestId, begin.Attempt, $"it is on {begin.SourceHostId} by now");
            ring();
            return;
        }

        if (await doors.Migrations.BeginAsync(evacuation, begin, cancellation) is { } why)
        {
            LogRefused(doors.Logger, evacuation.EvacuationId, begin.GuestId, begin.Attempt, why);
            refused.Add(begin.GuestId, begin.Attempt, why);
            ring();
        }
    }

    private async Task CancelAsync(Evacuation evacuation, ConductorAction.CancelMove cancel) => await doors.Wishes.CancelAsync(
        EvacuationMoves.IdOf(evacuation.EvacuationId, cancel.GuestId, cancel.Attempt),
        $"evacuation {evacuation.EvacuationId}: {cancel.Reason}",
        stopping);

    private async Task StopAsync(ConductorAction.Stop stop)
    {
        try
        {
            await doors.Runs.StopAsync(stop.GuestId, doors.Options.PowerDownWithin, stopping);
        }
        catch (RpcException failure) when (!stopping.IsCancellationRequested)
        {
            refused.Add(stop.GuestId, stop.Attempt, failure.Status.Detail);
        }
    }

    private async Task StartAsync(ConductorAction.StartElsewhere start)
    {
        try
        {
            await doors.Starts.StartAsync(start.GuestId, start.TargetHostId, paused: false, stopping);
        }
        catch (RpcException failure) when (!stopping.IsCancellationRequested)
        {
            // One that may have been started there and has not answered is asked again and again, and nobody else is.
            if (await doors.Guests.FindAsync(start.GuestId, stopping) is not { } guest || guest.HostId != start.TargetHostId)
            {
                refused.Add(start.GuestId, start.Attempt, failure.Status.Detail);
            }
        }
    }

    private void Beside(ConductorAction action, Func<Task> work)
    {
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        if (_underWay.TryAdd(action, gate.Task))
        {
            _ = RunAsync();
        }

        async Task RunAsync()
        {
            try
            {
                await Task.Run(work, stopping);
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                // Whoever conducts next gives it again.
            }
            catch (Exception failure) when (failure is not OutOfMemoryException)
            {
                LogFailed(doors.Logger, action.ToString(), failure is NpgsqlException ? null : failure, failure.Message);
            }
            finally
            {
                _underWay.TryRemove(action, out _);
                gate.SetResult();
                ring();
            }
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "Evacuation {EvacuationId}: attempt {Attempt} of guest {GuestId} did not come about: {Why}")]
    private static partial void LogRefused(ILogger logger, Guid evacuationId, string guestId, int attempt, string why);

    [LoggerMessage(2, LogLevel.Warning, "{Action} failed and is given again: {Problem}")]
    private static partial void LogFailed(ILogger logger, string action, Exception? failure, string problem);
}
