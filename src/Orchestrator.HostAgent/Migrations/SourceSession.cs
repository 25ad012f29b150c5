using System.Diagnostics;
using Orchestrator.Agent.V1;
using Orchestrator.HostAgent.Guests;
using Orchestrator.HostAgent.Service;
using Orchestrator.Qmp;
using CommandCase = Orchestrator.Agent.V1.ExecuteRequest.CommandOneofCase;
using RunState = Orchestrator.Agent.V1.RunState;

namespace Orchestrator.HostAgent.Migrations;

/// <summary>The side that has the guest at first: takes commands, and follows the engine through <see cref="SourceFollower"/>.</summary>
internal sealed class SourceSession : MigrationSession
{
    // A peer that hangs keeps a cancel from coming to its end; tearing its sockets down makes it fail (QEMU docs/about yank).
    private static readonly TimeSpan s_cancelPatience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_cancelBound = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan s_exitTakes = TimeSpan.FromSeconds(5);

    private readonly GuestRegistry _guests;
    private readonly SourceFollower _follower;
    private readonly Caretaker _caretaker;

    public SourceSession(SessionLog log, GuestRegistry guests, SourceContacts contacts, SessionPace pace, ILogger logger)
        : base(log, pace.Clock, logger)
    {
        _guests = guests;
        _follower = new SourceFollower(this, log, contacts.HandOver, pace, logger);
        _caretaker = new Caretaker(this, log, contacts.Attendance, pace, logger);
    }

    protected override TransferNumbers? CurrentNumbers => _follower.Numbers;

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await _caretaker.DisposeAsync();
        await _follower.DisposeAsync();
    }

    internal Guest? SourceGuest => FindGuest();

    internal Task<QemuMonitor> SourceMonitorAsync(CancellationToken cancellation) => MonitorAsync(cancellation);

    internal void Release() => Occupy(FindGuest());

    /// <summary>A report that its follower made, for when nobody else sees to what it says.</summary>
    internal void Mind(MigrationReport report) => _caretaker.See(report);

    /// <summary>Carries out what is no command but stands for one, in the session's turn.</summary>
    internal Task CarryOutAsync(ExecuteRequest request) => PerformAsync(request, Closing);

    internal bool Allows(SessionRecord record, ExecuteRequest request)
    {
        try
        {
            Check(record, request);
            return true;
        }
        catch (AgentRefusedException)
        {
            return false;
        }
    }

    protected override Guest? FindGuest() => _guests.Find(Record.GuestId);

    protected override bool Opens(ExecuteRequest request) => request.CommandCase == CommandCase.StartSource
        && (Record.State is SessionState.Unspecified or SessionState.Closed
            || (Record.State == SessionState.Ended && Record.Outcome is SessionOutcome.Failed or SessionOutcome.Cancelled));

    protected override async Task OpenAsync(ExecuteRequest request, CancellationToken cancellation)
    {
        var start = request.StartSource;
        var migrationId = Guid.Parse(request.MigrationId);
        using var turn = await _guests.EnterSoonAsync(start.GuestId, cancellation);
        var guest = _guests.Find(start.GuestId) ?? throw AgentErrors.GuestUnknown(start.GuestId);
        var monitor = await guest.MonitorAsync(MonitorBound, cancellation);
        var state = await guest.ReadRunStateAsync(monitor, cancellation);
        if (guest.Record.Incoming || !(state.IsLive || state.State == RunState.Paused))
        {
            throw AgentErrors.WrongState($"Guest {guest.Id} is {state.Text} here and cannot be moved from it.", state.Text);
        }

        if (start.Terms.PostCopyPossible && guest.Record.Spec.VfioDevices.Count > 0)
        {
            throw AgentErrors.CapabilityMissing("postcopy-ram", $"Guest {guest.Id} has VFIO devices, whose memory cannot be fetched after the switch-over.");
        }

        // Throws when the engine lacks what the terms ask for, before anything is written.
        EngineTerms.Capabilities(start.Terms, monitor, SessionRole.Source);
        if (!guest.TryOccupy(new GuestOccupation(migrationId, SessionRole.Source, start.NonLive)))
        {
            throw AgentErrors.WrongState($"Guest {guest.Id} has another migration under way.", "OCCUPIED");
        }

        try
        {
            Log.Write(at => new JournalEntry.Opened(at, migrationId, SessionRole.Source, guest.Id, guest.EngineVersion, state.IsLive));
        }
        catch (IOException)
        {
            guest.Vacate(migrationId);
            throw;
        }
    }

    protected override void Check(SessionRecord record, ExecuteRequest request)
    {
        switch (request.CommandCase)
        {
            case CommandCase.StartSource:
                Require(record, record.State == SessionState.Opening, "it has begun already");
                break;
            case CommandCase.AdjustSource:
                Require(record, record.State is SessionState.Running or SessionState.SwitchingOver, "it is not running");
                if (request.AdjustSource.Throttle is not null && record.Start is { Terms.ThrottlePossible: false })
                {
                    throw AgentErrors.CapabilityMissing("auto-converge", "The migration was started without throttle_possible, and the engine cannot change that now.");
                }

                break;
            case CommandCase.PauseSource or CommandCase.ResumeSource:
                Require(record, record.State == SessionState.Running && !record.SwitchOverBegun, "the copy is not running");
                break;
            case CommandCase.StartPostCopy:
                if (record.Start is { Terms.PostCopyPossible: false })
                {
                    throw AgentErrors.CapabilityMissing("postcopy-ram", "The migration was started without post_copy_possible, and the engine cannot change that now.");
                }

                Require(record, record.State == SessionState.Running && !record.CancelRequested, "the copy is not running");
                break;
            case CommandCase.RecoverSource:
                Require(record, record is { State: SessionState.Running, SwitchOverBegun: true }, "it is not in post-copy");
                break;
            case CommandCase.CancelSource:
                Require(
                    record,
                    record is { State: SessionState.Opening or SessionState.Running, SwitchOverBegun: false, PostCopyRequested: false }
                        || record.HasEnded && record.Outcome != SessionOutcome.Completed,
                    "the switch-over has begun or post-copy was asked for, so there is nothing to go back to");
                break;
            case CommandCase.FinishSource:
                Require(record, record.Outcome == SessionOutcome.Completed, "its engine has not completed");
                break;
            case CommandCase.AbandonSource:
                Require(record, record.HasEnded, "its engine's migration has not ended; cancel it first");
                break;
            default:
                throw new UnreachableException($"{request.CommandCase} is no command for a source.");
        }
    }

    protected override Task PerformAsync(ExecuteRequest request, CancellationToken cancellation) => request.CommandCase switch
    {
        CommandCase.StartSource => StartAsync(request.StartSource, cancellation),
        CommandCase.AdjustSource => AdjustAsync(request.AdjustSource, cancellation),
        CommandCase.PauseSource => PauseAsync(cancellation),
        CommandCase.ResumeSource => ResumeAsync(cancellation),
        CommandCase.StartPostCopy => StartPostCopyAsync(cancellation),
        CommandCase.RecoverSource => RecoverAsync(request.RecoverSource, cancellation),
        CommandCase.CancelSource => CancelAsync(cancellation),
        CommandCase.FinishSource => FinishSourceAsync(cancellation),
        CommandCase.AbandonSource => AbandonAsync(),
        _ => throw new UnreachableException($"{request.CommandCase} is no command for a source."),
    };

    protected override Task FollowAsync(CancellationToken cancellation) => _follower.RunAsync(cancellation);

    private static void Require(SessionRecord record, bool allowed, string otherwise)
    {
        if (!allowed)
        {
            throw AgentErrors.WrongState(
                $"The source of migration {record.MigrationId} is {record.State} ({record.EngineStatus}): {otherwise}.",
                record.State.ToString().ToUpperInvariant());
        }
    }

    private async Task StartAsync(StartSource start, CancellationToken cancellation)
    {
        try
        {
            var monitor = await MonitorAsync(cancellation);
            if (!await HasBegunAsync(monitor, cancellation))
            {
                if (start.NonLive)
                {
                    await monitor.StopAsync(cancellation);
                    await ReadRunStateAsync(monitor, cancellation);
                }

                await monitor.SetCapabilitiesAsync(EngineTerms.Capabilities(start.Terms, monitor, SessionRole.Source), cancellation);
                await monitor.SetParametersAsync(EngineTerms.Parameters(start, monitor.Features), cancellation);
                await monitor.MigrateAsync(start.TargetUri, resume: false, cancellation);
            }
        }
        catch (QmpException refused)
        {
            await _follower.EndAsync(SessionOutcome.Failed, refused.Description, cancellation);
            throw AgentErrors.EngineRefused(refused.Description);
        }
        catch (GuestUnreachableException lost) when (lost.Gone)
        {
            await _follower.EndAsync(SessionOutcome.EngineLost, lost.Message, cancellation);
            throw;
        }

        Log.TryWrite((record, at) => record.StartedAt is null ? new JournalEntry.Started(at) : null);
        Follow();
    }

    /// <summary>Whether a command that was cut short came as far as the engine.</summary>
    private async Task<bool> HasBegunAsync(QemuMonitor monitor, CancellationToken cancellation)
    {
        var migration = await monitor.QueryMigrateAsync(cancellation);
        if (migration.Status != MigrationStatus.Completed)
        {
            // An earlier attempt's end says nothing, but one that runs can only be ours.
            return migration.Status.IsRunning;
        }

        // An engine that once took this guest in says "completed" of that until it sends the guest on; one that has sent it has stopped it.
        return SourceGuest is { } guest
            && (await guest.ReadRunStateAsync(monitor, cancellation)).State is RunState.FinishMigrate or RunState.Postmigrate;
    }

    private async Task AdjustAsync(AdjustSource adjust, CancellationToken cancellation)
    {
        var monitor = await MonitorAsync(cancellation);
        var throttled = adjust.Throttle is null ? 0 : (await monitor.QueryMigrateAsync(cancellation)).CpuThrottlePercent ?? 0;
        await monitor.SetParametersAsync(EngineTerms.Parameters(adjust, monitor.Features, throttled), cancellation);
    }

    private async Task PauseAsync(CancellationToken cancellation)
    {
        var monitor = await MonitorAsync(cancellation);
        await monitor.StopAsync(cancellation);
        await ReadRunStateAsync(monitor, cancellation);
    }

    /// <summary>So that the answer to the command has it, which is sooner than the engine's event.</summary>
    private Task ReadRunStateAsync(QemuMonitor monitor, CancellationToken cancellation) =>
        FindGuest()?.ReadRunStateAsync(monitor, cancellation) ?? Task.CompletedTask;

    private async Task ResumeAsync(CancellationToken cancellation)
    {
        if (Record is { WasRunning: true, PausedToConverge: true } and not { Start.NonLive: true })
        {
            var monitor = await MonitorAsync(cancellation);
            await _follower.ContinueGuestAsync(monitor, cancellation);
            await ReadRunStateAsync(monitor, cancellation);
        }
    }

    private async Task StartPostCopyAsync(CancellationToken cancellation)
    {
        var monitor = await MonitorAsync(cancellation);
        var migration = await monitor.QueryMigrateAsync(cancellation);
        if (!migration.Status.IsPostcopy && migration.Status != MigrationStatus.Completed)
        {
            await monitor.StartPostcopyAsync(cancellation);
        }
    }

    private async Task RecoverAsync(RecoverSource recover, CancellationToken cancellation)
    {
        var monitor = await MonitorAsync(cancellation);
        var migration = await monitor.QueryMigrateAsync(cancellation);
        if (migration.Status == MigrationStatus.PostcopyPaused)
        {
            await monitor.MigrateAsync(recover.TargetUri, resume: true, cancellation);
        }
        else if (!migration.Status.IsPostcopy && migration.Status != MigrationStatus.Completed)
        {
            throw AgentErrors.WrongState($"The engine is {migration.StatusText}; there is nothing to recover.", migration.StatusText ?? "");
        }
    }

    private async Task CancelAsync(CancellationToken cancellation)
    {
        if (Record.HasEnded)
        {
            return;
        }

        var monitor = await MonitorAsync(cancellation);
        var migration = await monitor.QueryMigrateAsync(cancellation);
        if (Record.StartedAt is null && !migration.Status.IsRunning)
        {
            // Its start was cut short, or refused, before the engine's migration began.
            await _follower.EndAsync(SessionOutcome.Cancelled, "", cancellation);
            return;
        }

        Log.TryWrite((record, at) => record.StartedAt is null ? new JournalEntry.Started(at) : null);
        Follow();
        await monitor.MigrateCancelAsync(cancellation);
        using var bound = new CancellationTokenSource(s_cancelBound, Clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(bound.Token, cancellation);
        try
        {
            var ended = Log.UntilAsync(record => record.HasEnded, either.Token);
            if (await Task.WhenAny(ended, Task.Delay(s_cancelPatience, Clock, either.Token)) != ended && monitor.Features.Yank)
            {
                await monitor.YankMigrationAsync(either.Token);
            }

            await ended;
        }
        catch (OperationCanceledException) when (bound.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            throw new GuestUnreachableException($"the engine has not come to the end of a cancel within {s_cancelBound.TotalSeconds} s", gone: false);
        }
    }

    private async Task FinishSourceAsync(CancellationToken cancellation)
    {
        // A guest of that name that came back since is another migration's.
        if (FindGuest() is { } guest && guest.Occupation?.MigrationId == Record.MigrationId)
        {
            using var turn = await _guests.EnterAsync(guest.Id, cancellation);
            guest.EndExpected = true;
            try
            {
                var monitor = await guest.MonitorAsync(s_exitTakes, cancellation);
                await monitor.QuitAsync(cancellation);
                if (guest.Record.Process is { } process)
                {
                    await process.WaitForExitAsync(s_exitTakes, Clock, cancellation);
                }
            }
            catch (Exception deaf) when (deaf is QmpException or QmpDisconnectedException or GuestUnreachableException)
            {
                // It is killed below.
            }

            await _guests.RemoveAsync(guest, cancellation);
        }

        Log.Write(at => new JournalEntry.Closed(at));
    }

    private Task AbandonAsync()
    {
        Log.Write(at => new JournalEntry.Closed(at));
        Release();
        return Task.CompletedTask;
    }
}
