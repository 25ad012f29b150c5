using Orchestrator.Agent.V1;
using Orchestrator.HostAgent.Guests;
using Orchestrator.HostAgent.Service;
using Orchestrator.Qmp;
using RunState = Orchestrator.Agent.V1.RunState;

namespace Orchestrator.HostAgent.Migrations;

/// <summary>Looks at the incoming engine until everything is there or nothing will come, and lets the guest run when the source has stopped.</summary>
internal sealed partial class TargetFollower(TargetSession session, SessionLog log, SessionPace pace, ILogger logger) : IAsyncDisposable
{
    /// <summary>Stands for the source's engine status where the control plane vouches for it.</summary>
    public const string ByCommand = "";

    // The source is done when everything is in the socket; loading it takes this side as long as the guest's devices take.
    private static readonly TimeSpan s_loadingBound = TimeSpan.FromSeconds(45);
    private static readonly TimeSpan s_glance = TimeSpan.FromMilliseconds(3);

    private readonly SemaphoreSlim _oneAtATime = new(1);

    public async Task RunAsync(CancellationToken cancellation)
    {
        await log.UntilAsync(record => record.State != SessionState.Opening, cancellation);
        var attempt = log.Record.Attempt;
        if (session.TargetGuest is not { } guest)
        {
            End(SessionOutcome.EngineLost, "the incoming engine's process and folder are gone");
            session.Publish(urgent: true, []);
            return;
        }

        if (log.Record is { HandOver: not null, State: not SessionState.Closed })
        {
            await ResumeTakeOverAsync(cancellation);
            session.Publish(urgent: true, []);
        }

        using var watch = new EngineWatch(guest, pace.Clock);
        watch.Wake();
        while (log.Record is { HasEnded: false } now && now.Attempt == attempt)
        {
            var urgent = await watch.WaitAsync(pace.Interval, cancellation);
            try
            {
                await LookAsync(guest, cancellation);
            }
            catch (Exception lost) when (lost is QmpDisconnectedException or QmpException or GuestUnreachableException { Gone: false })
            {
                LogUnreachable(log.Record.MigrationId, lost.Message);
            }
            catch (GuestUnreachableException gone)
            {
                var words = guest.Folder.ReadEngineLogTail();
                End(watch.SaidFailed ? SessionOutcome.Failed : SessionOutcome.EngineLost, words.Length > 0 ? words : gone.Message);
                urgent = true;
            }

            session.Publish(urgent, watch.TakeHappenings());
        }
    }

    /// <summary>
    /// Takes the guest over: waits until it is loaded, writes that it is here, lets it run unless its owner had paused it. The second time it
    /// finds all that done.
    /// </summary>
    /// <param name="sourceEngineStatus">The source engine's word for having stopped for good, or <see cref="ByCommand"/>.</param>
    /// <exception cref="AgentRefusedException"/>
    public async Task TakeOverAsync(ulong epoch, string sourceEngineStatus, CancellationToken cancellation)
    {
        await _oneAtATime.WaitAsync(cancellation);
        try
        {
            if (log.Record is { HandOver: not null, State: SessionState.Closed })
            {
                // It may have moved on from here long since.
                return;
            }

            if (log.Record.HandOver is null)
            {
                if (sourceEngineStatus is not ("completed" or "postcopy-active" or ByCommand))
                {
                    throw AgentErrors.WrongState($"A source whose engine says \"{sourceEngineStatus}\" has not stopped for good.", sourceEngineStatus);
                }

                await UntilLoadedAsync(cancellation);
                if (!log.TryWrite((record, at) => record.AbandonRequested || record.State == SessionState.Closed
                    ? null
                    : new JournalEntry.HandedOver(at, epoch, sourceEngineStatus)))
                {
                    throw AgentErrors.WrongState("The target was abandoned.", "CLOSED");
                }
            }

            await RunGuestAsync(cancellation);
        }
        finally
        {
            _oneAtATime.Release();
        }
    }

    /// <summary>Waits for a hand-over that is just coming to its end.</summary>
    public async ValueTask DisposeAsync()
    {
        await _oneAtATime.WaitAsync();
        _oneAtATime.Dispose();
    }

    /// <summary>An agent died after it wrote that the guest is here and before the guest ran: nobody else will see to that.</summary>
    private async Task ResumeTakeOverAsync(CancellationToken cancellation)
    {
        while (true)
        {
            await _oneAtATime.WaitAsync(cancellation);
            try
            {
                await RunGuestAsync(cancellation);
                return;
            }
            catch (Exception lost) when (lost is QmpDisconnectedException or GuestUnreachableException { Gone: false })
            {
                LogUnreachable(log.Record.MigrationId, lost.Message);
            }
            catch (Exception refused) when (refused is QmpException or GuestUnreachableException)
            {
                LogNotRun(log.Record.MigrationId, log.Record.GuestId, refused.Message);
                return;
            }
            finally
            {
                _oneAtATime.Release();
            }

            await Task.Delay(pace.Interval, pace.Clock, cancellation);
        }
    }

    private async Task RunGuestAsync(CancellationToken cancellation)
    {
        if (session.TargetGuest is not { } guest)
        {
            throw new GuestUnreachableException($"guest {log.Record.GuestId} is not on this host any more", gone: true);
        }

        var runAfter = log.Record.Prepare?.RunAfter ?? false;
        if (runAfter && log.Record.ResumedAt is null)
        {
            using var watch = new EngineWatch(guest, pace.Clock);
            var monitor = await session.TargetMonitorAsync(cancellation);
            if (!(await guest.ReadRunStateAsync(monitor, cancellation)).IsLive)
            {
                await monitor.ContinueAsync(cancellation);
            }

            var resumedAt = watch.ResumedAt;
            log.Write(at => new JournalEntry.GuestResumed(resumedAt ?? at));
            LogRuns(log.Record.MigrationId, guest.Id);
            await guest.ReadRunStateAsync(monitor, cancellation);
        }

        guest.Rewrite(record => record with { Incoming = false, PausedByOwner = !runAfter });
    }

    private async Task UntilLoadedAsync(CancellationToken cancellation)
    {
        var began = pace.Clock.GetTimestamp();
        while (pace.Clock.GetElapsedTime(began) < s_loadingBound)
        {
            if (log.Record is { State: SessionState.Closed } or { AbandonRequested: true } or { Outcome: not SessionOutcome.Unspecified and not SessionOutcome.Completed })
            {
                throw AgentErrors.WrongState($"Nothing came here: {log.Record.ErrorDescription}.", log.Record.State.ToString().ToUpperInvariant());
            }

            if (session.TargetGuest is { } guest)
            {
                var monitor = await session.TargetMonitorAsync(cancellation);
                var migration = await monitor.QueryMigrateAsync(cancellation);
                var state = await guest.ReadRunStateAsync(monitor, cancellation);

                // In post-copy the devices are loaded once QEMU would let the CPUs run, which is when it leaves inmigrate.
                if ((migration.Status == MigrationStatus.Completed || migration.Status.IsPostcopy)
                    && state.State is not (RunState.Inmigrate or RunState.FinishMigrate or RunState.Unspecified))
                {
                    return;
                }
            }

            await Task.Delay(s_glance, pace.Clock, cancellation);
        }

        throw AgentErrors.EngineUnreachable($"the incoming engine has not loaded the guest within {s_loadingBound.TotalSeconds} s");
    }

    private async Task LookAsync(Guest guest, CancellationToken cancellation)
    {
        var monitor = await session.TargetMonitorAsync(cancellation);
        var info = await monitor.QueryMigrateAsync(cancellation);
        var status = info.StatusText ?? "";
        var error = info.ErrorDescription ?? "";
        log.TryWrite((record, at) => record.HasEnded || (record.EngineStatus == status && record.ErrorDescription == error)
            ? null
            : new JournalEntry.EngineSaid(at, status, error));
        await guest.ReadRunStateAsync(monitor, cancellation);
        if (info.Status == MigrationStatus.Completed)
        {
            End(SessionOutcome.Completed, "");
        }
        else if (info.Status is MigrationStatus.Failed or MigrationStatus.Cancelled)
        {
            End(SessionOutcome.Failed, error.Length > 0 ? error : "the stream broke off");
        }
    }

    private void End(SessionOutcome outcome, string error)
    {
        if (log.TryWrite((record, at) => record.HasEnded ? null : new JournalEntry.Ended(at, outcome, error, null)))
        {
            LogEnded(log.Record.MigrationId, outcome, error);
        }
    }

    [LoggerMessage(1, LogLevel.Information, "Migration {MigrationId}: the target's engine is done, {Outcome}. {Error}")]
    private partial void LogEnded(Guid migrationId, SessionOutcome outcome, string error);

    [LoggerMessage(2, LogLevel.Debug, "Migration {MigrationId}: the target's engine does not answer: {Reason}.")]
    private partial void LogUnreachable(Guid migrationId, string reason);

    [LoggerMessage(4, LogLevel.Error, "Migration {MigrationId}: guest {GuestId} was handed over and does not run here: {Reason}")]
    private partial void LogNotRun(Guid migrationId, string guestId, string reason);

    [LoggerMessage(3, LogLevel.Information, "Migration {MigrationId}: guest {GuestId} runs here.")]
    private partial void LogRuns(Guid migrationId, string guestId);
}
