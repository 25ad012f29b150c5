using Npgsql;
using Orchestrator.ControlPlane.Evacuations.Ledger;
using Orchestrator.ControlPlane.Queue;
using Orchestrator.ControlPlane.Schedules.Bells;
using Orchestrator.Policy.Evacuation;

namespace Orchestrator.ControlPlane.Evacuations.Conducting;

/// <summary>
/// Conducts one evacuation for as long as this replica has it: reads where everything stands, asks the conductor, writes down its step, and
/// only then acts. Nothing is remembered from one step to the next that would be missed: whoever takes over gives the same actions again,
/// and each of them done twice is done once.
/// </summary>
internal sealed partial class EvacuationSupervisor(Guid evacuationId, long epoch, ConductingEdges edges)
{
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(1);

    private readonly BellCord _bell = new();
    private readonly RefusedAttempts _refused = new();
    private volatile HashSet<Guid> _moves = [];
    private long? _plannedAt;

    /// <summary>Have it look at once.</summary>
    public void Ring() => _bell.Pull();

    /// <summary>Something has become of a migration.</summary>
    public void Hear(Guid migrationId)
    {
        if (_moves.Contains(migrationId))
        {
            _bell.Pull();
        }
    }

    /// <summary>Ends when the evacuation has ended or another replica has it.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        var actions = new EvacuationActions(edges.Doors, _refused, Ring, stopping);
        using var bell = _bell.Listen();
        try
        {
            while (await TryStepAsync(actions, stopping) is { } wait)
            {
                await Task.Delay(edges.Options.LookNoOftenerThan, edges.Clock, stopping);
                await bell.WaitAsync(wait, edges.Clock, stopping);
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // Every step that was begun is written or not, and whoever conducts next goes on from there.
        }
        finally
        {
            await actions.FinishAsync();
        }
    }

    /// <returns>How long to wait for a ring; null = it is over.</returns>
    private async Task<TimeSpan?> TryStepAsync(EvacuationActions actions, CancellationToken stopping)
    {
        try
        {
            return await StepAsync(actions, stopping);
        }
        catch (NpgsqlException outage)
        {
            LogDatabase(edges.Logger, evacuationId, outage.Message);
        }
        catch (Exception failure) when (!stopping.IsCancellationRequested && failure is not OutOfMemoryException)
        {
            LogFailure(edges.Logger, evacuationId, failure);
        }

        return s_pause;
    }

    private async Task<TimeSpan?> StepAsync(EvacuationActions actions, CancellationToken cancellation)
    {
        if (await edges.Reader.ReadAsync(evacuationId, _refused, cancellation) is not { } view
            || view.Evacuation is not { EndedAt: null } read || read.Epoch != epoch || read.ReplicaId != edges.Doors.Lease.ReplicaId)
        {
            return null;
        }

        var now = edges.Clock.GetUtcNow();
        now = now.AddTicks(-(now.Ticks % TimeSpan.TicksPerMicrosecond));
        var step = EvacuationConductor.Next(view.Terms, read.State, view.Facts, now);
        var written = read;
        if (!IsSame(read.State, step.State) || IsPlanOld())
        {
            written = Planned(read, view, step.State, now);
            if (!edges.Doors.Lease.IsHeld || !await edges.Store.WriteAsync(read, written, cancellation))
            {
                // A caller's wish was faster, or another conductor has it: the next look tells.
                return TimeSpan.Zero;
            }
        }

        _moves = [.. step.State.Guests.Where(guest => guest.IsUnderWay)
            .Select(guest => EvacuationMoves.IdOf(evacuationId, guest.GuestId, guest.Attempts))];
        await actions.DoAsync(written, step.Actions, cancellation);
        await edges.Slots.HoldAsync(evacuationId, step.State.Phase is EvacuationPhase.Paused, cancellation);
        if (step.State.HasEnded)
        {
            LogEnded(edges.Logger, evacuationId, EvacuationMessages.Word(step.State.Phase));
            return null;
        }

        return Wait(step.State, now);
    }

    private Evacuation Planned(Evacuation read, EvacuationView view, EvacuationState state, DateTimeOffset now)
    {
        _plannedAt = edges.Clock.GetTimestamp();
        return read with
        {
            State = state,
            Plan = EvacuationMessages.Of(EvacuationConductor.Outlook(view.Terms, state, view.Facts, now)),
            PlannedAt = now,
            EndedAt = state.HasEnded ? now : null,
        };
    }

    private bool IsPlanOld() => _plannedAt is not { } at || edges.Clock.GetElapsedTime(at) >= edges.Options.PlanEvery;

    private TimeSpan Wait(EvacuationState state, DateTimeOffset now)
    {
        var next = state.Guests.Select(guest => guest.NextAttemptAt).Where(at => at > now).Min() - now;
        return next < edges.Options.LookEvery ? next.Value : edges.Options.LookEvery;
    }

    private static bool IsSame(EvacuationState one, EvacuationState other) =>
        one.Phase == other.Phase && one.QuietSince == other.QuietSince && one.Hosts.SequenceEqual(other.Hosts) && one.Guests.SequenceEqual(other.Guests);

    [LoggerMessage(1, LogLevel.Warning, "Evacuation {EvacuationId}: the database does not answer: {Problem}")]
    private static partial void LogDatabase(ILogger logger, Guid evacuationId, string problem);

    [LoggerMessage(2, LogLevel.Error, "Evacuation {EvacuationId}: a step failed in a way nobody planned; it is taken again.")]
    private static partial void LogFailure(ILogger logger, Guid evacuationId, Exception failure);

    [LoggerMessage(3, LogLevel.Information, "Evacuation {EvacuationId} {What}.")]
    private static partial void LogEnded(ILogger logger, Guid evacuationId, string what);
}

/// <summary>What conductors read, write and act through.</summary>
internal sealed record ConductingEdges
{
    public required EvacuationReader Reader { get; init; }

    public required EvacuationStore Store { get; init; }

    public required SlotStore Slots { get; init; }

    public required ActionDoors Doors { get; init; }

    public required TimeProvider Clock { get; init; }

    public required ILogger Logger { get; init; }

    public EvacuationOptions Options => Doors.Options;
}
