using Orchestrator.Agent.V1;
using Orchestrator.HostAgent.Guests;
using Orchestrator.Qmp;
using Orchestrator.Reports;
using RunState = Orchestrator.Agent.V1.RunState;

namespace Orchestrator.HostAgent.Migrations;

/// <summary>
/// Looks at the source's engine until its migration has ended: reports, lets it past its stop, hands the guest over, and brings it back
/// when the migration came to nothing.
/// </summary>
internal sealed partial class SourceFollower(
    SourceSession session, SessionLog log, HandOverSender handOver, SessionPace pace, ILogger logger) : IAsyncDisposable
{
    private static readonly TimeSpan s_settleBound = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_glance = TimeSpan.FromMilliseconds(20);

    // Whoever may let CPUs run here and whoever lets the engine past its stop exclude each other: a guest that is let run on a source which
    // completes in the same moment would be a second copy.
    private readonly SemaphoreSlim _runControl = new(1);
    private readonly CancellationTokenSource _closing = new();
    private ReportMemory _memory = ReportMemory.Empty;
    private TransferNumbers? _numbers;
    private int _attempt;
    private Task? _handingOver;
    private int? _throttleIncrement;
    private DirtyProber? _prober;

    /// <summary>The last numbers read in this attempt; null before the first.</summary>
    public TransferNumbers? Numbers => _attempt == log.Record.Attempt ? _numbers : null;

    public async Task RunAsync(CancellationToken cancellation)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, _closing.Token);
        cancellation = either.Token;

        // Before that, what the engine says is of an attempt before.
        await log.UntilAsync(record => record.StartedAt is not null || record.HasEnded, cancellation);
        var attempt = log.Record.Attempt;
        if (attempt != _attempt)
        {
            (_attempt, _memory, _numbers, _throttleIncrement) = (attempt, ReportMemory.Empty, null, null);
        }

        if (log.Record.HasEnded)
        {
            // Found again after a restart, with only the news of it left to bring.
            HandOverOnce("completed");
            return;
        }

        if (session.SourceGuest is not { } guest)
        {
            await EndAsync(SessionOutcome.EngineLost, "the guest's process and folder are gone", cancellation);
            session.Publish(urgent: true, []);
            return;
        }

        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var warming = handOver.WarmUpAsync(log.Record.Start?.TargetAgentEndpoint ?? "", log.Record.MigrationId, ended.Token);
        using var watch = new EngineWatch(guest, pace.Clock);
        _prober = new DirtyProber(ProbedCopyOf(guest, attempt, watch), pace.Clock, logger);
        var probing = _prober.RunAsync(ended.Token);
        try
        {
            await FollowAsync(guest, attempt, watch, cancellation);
        }
        finally
        {
            await ended.CancelAsync();
            await Task.WhenAll(warming, probing);
        }
    }

    /// <summary>Lets the guest's CPUs run, unless the engine is past its stop.</summary>
    public async Task ContinueGuestAsync(QemuMonitor monitor, CancellationToken cancellation)
    {
        await _runControl.WaitAsync(cancellation);
        try
        {
            if (!log.Record.SwitchOverBegun)
            {
                await monitor.ContinueAsync(cancellation);
            }
        }
        finally
        {
            _runControl.Release();
        }
    }

    /// <summary>Brings the guest back where the migration came to nothing, and writes the end.</summary>
    public async Task EndAsync(SessionOutcome outcome, string error, CancellationToken cancellation)
    {
        if (outcome is SessionOutcome.Failed or SessionOutcome.Cancelled)
        {
            try
            {
                var problem = await BringBackAsync(cancellation);
                error = problem is null ? error : $"{error}; {problem}".TrimStart(';', ' ');
            }
            catch (GuestUnreachableException gone) when (gone.Gone)
            {
                (outcome, error) = (SessionOutcome.EngineLost, gone.Message);
            }
        }

        if (log.TryWrite((record, at) => record.HasEnded ? null : new JournalEntry.Ended(at, outcome, error, Numbers)))
        {
            LogEnded(log.Record.MigrationId, outcome, error);
        }

        session.Release();
    }

    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync();
        await (_handingOver ?? Task.CompletedTask);
        _closing.Dispose();
        _runControl.Dispose();
    }

    private async Task FollowAsync(Guest guest, int attempt, EngineWatch watch, CancellationToken cancellation)
    {
        watch.Wake();
        while (log.Record is { HasEnded: false } now && now.Attempt == attempt)
        {
            var urgent = await watch.WaitAsync(pace.Interval, cancellation);
            try
            {
                var before = log.Record;
                await LookAsync(guest, watch, cancellation);
                session.Mind(session.Publish(urgent || before.State != log.Record.State, watch.TakeHappenings()));
            }
            catch (Exception lost) when (lost is QmpDisconnectedException or GuestUnreachableException { Gone: false })
            {
                LogUnreachable(log.Record.MigrationId, lost.Message);
            }
            catch (QmpException refused)
            {
                LogRefused(log.Record.MigrationId, refused.Description);
            }
            catch (GuestUnreachableException gone)
            {
                await EndAsync(SessionOutcome.EngineLost, gone.Message, cancellation);
                session.Publish(urgent: true, watch.TakeHappenings());
            }
        }
    }

    private ProbedCopy ProbedCopyOf(Guest guest, int attempt, EngineWatch watch) =>
        new(log.Record.MigrationId, log.Record.StartedAt ?? pace.Clock.GetUtcNow(), guest.Record.Spec.MemoryBytes)
        {
            // From its intention on: what is asked of the engine then is to find it with nothing else to do.
            GoesOn = () => guest.RunState.State == RunState.Running && log.Record is
            {
                State: SessionState.Running, EngineStatus: "active", SwitchOverBegun: false, PausedToConverge: false,
                CancelRequested: false, PostCopyRequested: false,
            } record && record.Attempt == attempt,
            StoppedAt = () => watch.StoppedAt,
            Monitor = session.SourceMonitorAsync,
        };

    private async Task LookAsync(Guest guest, EngineWatch watch, CancellationToken cancellation)
    {
        var monitor = await session.SourceMonitorAsync(cancellation);
        var info = await monitor.QueryMigrateAsync(cancellation);

        // While the guest stands still, what lets it go on comes before what is written about it.
        if (info.Status == MigrationStatus.PreSwitchover)
        {
            await SwitchOverAsync(monitor, watch, cancellation);
        }
        else if (info.Status == MigrationStatus.Completed)
        {
            HandOverOnce("completed");
        }
        else if (info.Status.IsPostcopy && info.Status != MigrationStatus.PostcopyDevice)
        {
            HandOverOnce("postcopy-active");
        }

        Note(info);
        switch (info.Status)
        {
            case MigrationStatus.Completed:
                Measure(info, monitor.Features);
                await AwaitPostMigrateAsync(guest, monitor, cancellation);
                await EndAsync(SessionOutcome.Completed, "", cancellation);
                return;
            case MigrationStatus.Cancelled:
            case MigrationStatus.Failed when log.Record.CancelRequested:
                // QEMU 7.2 shuts the return path before it notes the cancel, and may take its own doing for a lost peer.
                await EndAsync(SessionOutcome.Cancelled, "", cancellation);
                return;
            case MigrationStatus.Failed:
                await EndAsync(SessionOutcome.Failed, info.ErrorDescription ?? "the engine failed and did not say why", cancellation);
                return;
            case MigrationStatus.None or MigrationStatus.Setup or MigrationStatus.WaitUnplug or MigrationStatus.Active or MigrationStatus.Device
                or MigrationStatus.PostcopyDevice or MigrationStatus.PostcopyActive or MigrationStatus.PostcopyPaused
                or MigrationStatus.PostcopyRecover or MigrationStatus.PostcopyRecoverSetup or MigrationStatus.PreSwitchover
                or MigrationStatus.Cancelling or MigrationStatus.Failing or MigrationStatus.Colo or MigrationStatus.Unknown:
                break;
        }

        Measure(info, monitor.Features);
        await guest.ReadRunStateAsync(monitor, cancellation);
        await StepThrottleAsync(monitor, info.CpuThrottlePercent ?? 0, cancellation);
    }

    /// <summary>QEMU says "completed" a moment before its guest is "postmigrate", and the last report is to carry the state that stays.</summary>
    private async Task AwaitPostMigrateAsync(Guest guest, QemuMonitor monitor, CancellationToken cancellation)
    {
        var began = pace.Clock.GetTimestamp();
        while ((await guest.ReadRunStateAsync(monitor, cancellation)).State == RunState.FinishMigrate
            && pace.Clock.GetElapsedTime(began) < s_settleBound)
        {
            await Task.Delay(s_glance, pace.Clock, cancellation);
        }
    }

    private void Note(MigrationInfo info)
    {
        var status = info.StatusText ?? "";

        // QEMU has words about a cancelled migration too, but those are no error.
        var error = info.Status == MigrationStatus.Cancelled || log.Record.CancelRequested ? "" : info.ErrorDescription ?? "";
        log.TryWrite((record, at) =>
            record.HasEnded || (record.EngineStatus == status && record.ErrorDescription == error) ? null : new JournalEntry.EngineSaid(at, status, error));
    }

    private async Task SwitchOverAsync(QemuMonitor monitor, EngineWatch watch, CancellationToken cancellation)
    {
        await _runControl.WaitAsync(cancellation);
        try
        {
            // A cancel that came before wins; from the line written here on, a cancel is refused.
            log.TryWrite((record, at) => record.CancelRequested || record.SwitchOverBegun ? null : new JournalEntry.SwitchingOver(at));
            if (!log.Record.SwitchOverBegun)
            {
                return;
            }

            await monitor.MigrateContinueAsync(cancellation);
        }
        catch (MigrationRefusedException refused) when (refused.Refusal == MigrationRefusal.WrongState)
        {
            // It went on, or failed, between the look and the command; the next look tells.
        }
        finally
        {
            _runControl.Release();
        }

        // A guest that was stopped before stops for nothing now: its switch-over begins here.
        var paused = log.Record is { WasRunning: false } or { PausedToConverge: true } or { Start.NonLive: true };
        log.TryWrite((record, at) => record.StoppedAt is not null ? null : new JournalEntry.GuestStopped(paused ? at : watch.StoppedAt ?? at));
    }

    /// <param name="engineStatus">The engine's word for having stopped for good.</param>
    private void HandOverOnce(string engineStatus)
    {
        var record = log.Record;
        if (record.HandOver is null && record.State != SessionState.Closed && (record.Outcome == SessionOutcome.Completed || !record.HasEnded))
        {
            _handingOver ??= handOver.DeliverAsync(log, engineStatus, _closing.Token);
        }
    }

    private void Measure(MigrationInfo info, QemuFeatures features)
    {
        var record = log.Record;
        if (record.Start is not { } start || info.Ram is null)
        {
            return;
        }

        var adjusted = record.Adjusted;
        var switchOver = adjusted.HasSwitchoverBytesPerSecond ? adjusted.SwitchoverBytesPerSecond : start.SwitchoverBytesPerSecond;
        (_numbers, _memory) = ReportAssembler.Assemble(
            new EngineSample
            {
                Info = info,
                Features = features,
                Elapsed = record.StartedAt is { } started ? pace.Clock.GetUtcNow() - started : TimeSpan.Zero,
                DowntimeLimit = (adjusted.DowntimeLimit ?? start.DowntimeLimit).ToTimeSpan(),
                MaxBytesPerSecond = adjusted.HasMaxBytesPerSecond ? adjusted.MaxBytesPerSecond : start.MaxBytesPerSecond,
                SwitchOverBytesPerSecond = switchOver == 0 ? null : switchOver,
                PostCopyCapability = start.Terms.PostCopyPossible,
                Probe = _prober?.Last,

                // The engine gives no figures per device, and the agent holds no device descriptor to ask.
                Devices = [.. DeviceIds().Select(id => new DeviceSample(id, null, null, null))],
            },
            _memory);
    }

    private IEnumerable<string> DeviceIds() => session.SourceGuest?.Record.Spec.VfioDevices.Select(device => device.DeviceId) ?? [];

    /// <summary>The first step of throttling may have to make up for the engine's idle percent; then the real increment follows.</summary>
    private async Task StepThrottleAsync(QemuMonitor monitor, int throttled, CancellationToken cancellation)
    {
        if (log.Record.Adjusted.Throttle is { } bounds && EngineTerms.Increment(bounds, throttled) is var increment && increment != _throttleIncrement)
        {
            await monitor.SetParametersAsync(new MigrationParameters { CpuThrottleIncrementPercent = increment }, cancellation);
            _throttleIncrement = increment;
        }
    }

    /// <summary>
    /// QEMU lets a guest run again by itself when it stopped it; one that we stopped it leaves stopped. So wait for it to be done, then look.
    /// </summary>
    /// <returns>What is wrong with the guest; null when it is as before.</returns>
    private async Task<string?> BringBackAsync(CancellationToken cancellation)
    {
        if (log.Record.PostCopySeen || _handingOver is not null)
        {
            return "the guest may run on the target, so it was left as it is";
        }

        var began = pace.Clock.GetTimestamp();
        while (session.SourceGuest is { } guest)
        {
            try
            {
                var monitor = await session.SourceMonitorAsync(cancellation);
                var state = await guest.ReadRunStateAsync(monitor, cancellation);
                if (state.IsLive || (state.State == RunState.Paused && !log.Record.WasRunning))
                {
                    return null;
                }

                if (state.State == RunState.Paused)
                {
                    // The engine's migration is over, so nothing can complete behind our back any more.
                    await monitor.ContinueAsync(cancellation);
                    continue;
                }

                // Postmigrate above all stays as it is: neither side may be let run before somebody has looked at both.
                if (state.State is not (RunState.FinishMigrate or RunState.Other) || pace.Clock.GetElapsedTime(began) > s_settleBound)
                {
                    return $"the guest was not brought back: it is {state.Text}";
                }
            }
            catch (QmpDisconnectedException lost)
            {
                LogUnreachable(log.Record.MigrationId, lost.Message);
            }

            await Task.Delay(s_glance, pace.Clock, cancellation);
        }

        return "the guest is gone";
    }

    [LoggerMessage(1, LogLevel.Information, "Migration {MigrationId}: the source's engine is done, {Outcome}. {Error}")]
    private partial void LogEnded(Guid migrationId, SessionOutcome outcome, string error);

    [LoggerMessage(2, LogLevel.Debug, "Migration {MigrationId}: the source's engine does not answer: {Reason}.")]
    private partial void LogUnreachable(Guid migrationId, string reason);

    [LoggerMessage(3, LogLevel.Warning, "Migration {MigrationId}: the source's engine refused: {Reason}")]
    private partial void LogRefused(Guid migrationId, string reason);
}
