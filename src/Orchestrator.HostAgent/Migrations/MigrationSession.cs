using Orchestrator.Agent.V1;
using Orchestrator.HostAgent.Guests;
using Orchestrator.HostAgent.Service;
using Orchestrator.Qmp;

namespace Orchestrator.HostAgent.Migrations;

/// <summary>
/// One side of one migration: begins before the engine's migration and ends after it. Takes fenced commands one at a time, follows the
/// engine, reports. Two kinds: source and target.
/// </summary>
internal abstract class MigrationSession(SessionLog log, TimeProvider clock, ILogger logger) : IAsyncDisposable
{
    /// <summary>How long a command waits for an engine's monitor that is being connected again.</summary>
    protected static readonly TimeSpan MonitorBound = TimeSpan.FromSeconds(20);

    private static readonly TimeSpan s_afterFailure = TimeSpan.FromSeconds(1);

    private readonly SemaphoreSlim _oneAtATime = new(1);
    private readonly CancellationTokenSource _closing = new();
    private Task _following = Task.CompletedTask;
    private long _heardAt;

    /// <summary>
    /// A new report, whether it tells of more than the passing of time, and which replica commanded last. Take a note and return.
    /// </summary>
    public event Action<MigrationReport, bool, string>? Reported;

    public SessionRecord Record => Log.Record;

    /// <summary>When this agent last was commanded or polled about this side; <see cref="TimeProvider.GetTimestamp"/>, 0 = never.</summary>
    public long HeardAt => Interlocked.Read(ref _heardAt);

    protected SessionLog Log => log;

    protected TimeProvider Clock => clock;

    protected ILogger Logger => logger;

    /// <summary>Ends with the agent, not with the call that brought a command: what has begun is carried through.</summary>
    protected CancellationToken Closing => _closing.Token;

    /// <summary>Takes the session up again after a restart of the agent.</summary>
    public void Reattach(GuestRegistry guests)
    {
        if (Record.State is SessionState.Unspecified or SessionState.Closed)
        {
            return;
        }

        Occupy(guests.Find(Record.GuestId));
        _following = ReattachAsync();
    }

    /// <exception cref="AgentRefusedException">With the reason.</exception>
    public Task<ExecuteResponse> ExecuteAsync(ExecuteRequest request, CancellationToken cancellation)
    {
        // Before its turn comes: whoever decides here for want of a commander is to see that there is one.
        if (request.Epoch >= Record.Epoch)
        {
            Heard();
        }

        return ExecuteAsync(request).WaitAsync(cancellation);
    }

    /// <summary>Somebody sees to this migration.</summary>
    public void Heard() => Interlocked.Exchange(ref _heardAt, clock.GetTimestamp());

    /// <summary>Does this when nobody else commands or decides here; commands that come meanwhile wait.</summary>
    public async Task InTurnAsync(Func<Task> work)
    {
        await _oneAtATime.WaitAsync(Closing);
        try
        {
            await work();
        }
        finally
        {
            _oneAtATime.Release();
        }
    }

    /// <summary>A command of which only the beginning was written is carried through now.</summary>
    public async Task ResolveAsync(ExecuteRequest request)
    {
        try
        {
            await InTurnAsync(() => Record.InDoubt?.Request.CommandId == request.CommandId ? FinishAsync(request) : Task.CompletedTask);
        }
        catch (AgentRefusedException refused)
        {
            // Written down, or still in doubt; whoever sent the command will ask again.
            SessionNotes.Unresolved(logger, Record.MigrationId, request.CommandId, refused.Message);
        }
        catch (Exception failure) when (failure is not OperationCanceledException)
        {
            SessionNotes.Unplanned(logger, Record.MigrationId, failure);
        }
    }

    /// <summary>
    /// From here on lower epochs are refused. Does not wait for a command that is under way: what has begun is carried through, whoever
    /// ordered it.
    /// </summary>
    /// <exception cref="AgentRefusedException">A higher epoch has been seen.</exception>
    public MigrationReport Attend(ulong epoch, string replicaId)
    {
        if (epoch >= Record.Epoch)
        {
            Heard();
        }

        log.TryWrite((record, at) =>
            epoch < record.Epoch ? throw AgentErrors.EpochStale(epoch, record.Epoch)
            : epoch == record.Epoch && replicaId == record.ReplicaId ? null
            : new JournalEntry.EpochRaised(at, epoch, replicaId));
        return Publish(urgent: true, []);
    }

    public virtual async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync();
        try
        {
            await _following;
        }
        catch (OperationCanceledException)
        {
        }

        // Whatever command is under way sees the end of the agent and lets go.
        await _oneAtATime.WaitAsync();
        log.Dispose();
        _closing.Dispose();
    }

    /// <summary>Makes the present report and tells whoever listens.</summary>
    /// <param name="urgent">More than the passing of time.</param>
    public MigrationReport Publish(bool urgent, IReadOnlyList<string> happenings)
    {
        var record = Record;
        var report = Compose(record, log.NextSequence());
        report.Events.AddRange(happenings);
        Reported?.Invoke(report, urgent, record.ReplicaId);
        return report;
    }

    /// <summary>The last numbers read from the engine.</summary>
    protected virtual TransferNumbers? CurrentNumbers => null;

    protected abstract Guest? FindGuest();

    /// <summary>Whether this command begins a session rather than continuing one.</summary>
    protected abstract bool Opens(ExecuteRequest request);

    /// <summary>Checks what an opening command needs and writes the opening facts.</summary>
    protected abstract Task OpenAsync(ExecuteRequest request, CancellationToken cancellation);

    /// <summary>Whether the session's state allows the command; asked with nobody else deciding at the same time.</summary>
    /// <exception cref="AgentRefusedException"/>
    protected abstract void Check(SessionRecord record, ExecuteRequest request);

    /// <summary>Carries a command out, or what is missing of one that was cut short: every step finds out whether it is done already.</summary>
    protected abstract Task PerformAsync(ExecuteRequest request, CancellationToken cancellation);

    /// <summary>Follows the engine until the session has ended.</summary>
    protected abstract Task FollowAsync(CancellationToken cancellation);

    /// <summary>Marks the guest as this migration's for as long as the record says so.</summary>
    protected void Occupy(Guest? guest)
    {
        var record = Record;
        if (guest is null)
        {
            return;
        }

        if (record.HoldsGuest)
        {
            guest.TryOccupy(new GuestOccupation(record.MigrationId, record.Role, record.Start?.NonLive ?? false));
        }
        else
        {
            guest.Vacate(record.MigrationId);
        }
    }

    /// <summary>Begins to follow the engine when whoever followed an earlier attempt is done; a second time for one attempt does no harm.</summary>
    protected void Follow() => _following = FollowAfterAsync(_following);

    protected async Task<QemuMonitor> MonitorAsync(CancellationToken cancellation) =>
        FindGuest() is { } guest
            ? await guest.MonitorAsync(MonitorBound, cancellation)
            : throw new GuestUnreachableException($"guest {Record.GuestId} is not on this host any more", gone: true);

    private async Task<ExecuteResponse> ExecuteAsync(ExecuteRequest request)
    {
        await _oneAtATime.WaitAsync(Closing);
        try
        {
            switch (Fence.Judge(Record, request))
            {
                case FenceVerdict.Refuse(var why):
                    throw new AgentRefusedException(why);
                case FenceVerdict.Repeat(var answer):
                    if (request.Epoch > Record.Epoch || request.ReplicaId != Record.ReplicaId)
                    {
                        log.TryWrite((record, at) => request.Epoch < record.Epoch
                            ? null : new JournalEntry.EpochRaised(at, request.Epoch, request.ReplicaId));
                    }

                    var repeated = answer.Clone();
                    repeated.Repeated = true;
                    return repeated;
                case FenceVerdict.Resume:
                    return await FinishAsync(request);
                default:
                    await BeginAsync(request);
                    return await FinishAsync(request);
            }
        }
        finally
        {
            _oneAtATime.Release();
        }
    }

    private async Task BeginAsync(ExecuteRequest request)
    {
        if (Opens(request))
        {
            await OpenAsync(request, Closing);
        }
        else if (Record.State == SessionState.Unspecified)
        {
            throw AgentErrors.SessionUnknown(Guid.Parse(request.MigrationId), SessionCommands.RoleOf(request.CommandCase));
        }

        AgentRefusedException? stale = null;
        try
        {
            log.TryWrite((record, at) =>
            {
                // Somebody may have taken over since the fence was asked. Not an answer to the command, which its successor may repeat.
                stale = request.Epoch < record.Epoch ? AgentErrors.EpochStale(request.Epoch, record.Epoch) : null;
                if (stale is not null)
                {
                    return null;
                }

                Check(record, request);
                return new JournalEntry.Begun(at, request);
            });
        }
        catch (AgentRefusedException refused)
        {
            Refuse(request, refused.Refusal);
            throw;
        }

        if (stale is not null)
        {
            throw stale;
        }
    }

    private async Task<ExecuteResponse> FinishAsync(ExecuteRequest request)
    {
        try
        {
            await PerformAsync(request, Closing);
        }
        catch (AgentRefusedException refused) when (refused.Refusal.Error != AgentError.EngineUnreachable)
        {
            Refuse(request, refused.Refusal);
            throw;
        }
        catch (QmpException refused)
        {
            throw Refuse(request, AgentErrors.EngineRefused(refused.Description).Refusal);
        }
        catch (GuestUnreachableException unreachable) when (unreachable.Gone)
        {
            throw Refuse(request, AgentErrors.EngineRefused(unreachable.Message).Refusal);
        }
        catch (Exception lost) when (lost is QmpDisconnectedException or GuestUnreachableException)
        {
            // Written as begun and no more: the same command again asks the engine how far it came.
            throw AgentErrors.EngineUnreachable(lost.Message);
        }

        var response = new ExecuteResponse { ListenUri = ListenUriFor(request) };
        var sequence = log.NextSequence();
        log.TryWrite((record, at) =>
        {
            // The answer is part of what it reports on.
            response.Report = Compose(record.After(new JournalEntry.Answered(at, request.CommandId, response)), sequence);
            return new JournalEntry.Answered(at, request.CommandId, response);
        });
        Publish(urgent: true, []);
        return response;
    }

    private MigrationReport Compose(SessionRecord record, ulong sequence)
    {
        var guest = FindGuest();
        var report = SessionReport.Of(record, guest?.RunState ?? GuestRunState.Gone, clock.GetUtcNow());
        report.Sequence = sequence;

        // A target's session was opened before its engine had said anything.
        report.EngineVersion = report.EngineVersion.Length > 0 ? report.EngineVersion : guest?.EngineVersion ?? "";
        report.Numbers = record.Role == SessionRole.Source ? record.FinalNumbers ?? CurrentNumbers : null;
        return report;
    }

    private string ListenUriFor(ExecuteRequest request) =>
        request.CommandCase is ExecuteRequest.CommandOneofCase.PrepareTarget or ExecuteRequest.CommandOneofCase.RecoverTarget
            ? Record.ListenUri
            : "";

    private AgentRefusedException Refuse(ExecuteRequest request, AgentRefusal why)
    {
        log.Write(at => new JournalEntry.Refused(at, request, why.Error, why.Message, why.Facts));
        return new AgentRefusedException(why);
    }

    private async Task FollowAfterAsync(Task before)
    {
        await before;
        await FollowToTheEndAsync();
    }

    /// <summary>A guest may be standing still with nobody else to let it go on, so following is taken up again whatever went wrong.</summary>
    private async Task FollowToTheEndAsync()
    {
        while (true)
        {
            try
            {
                await FollowAsync(Closing);
                return;
            }
            catch (Exception failure) when (failure is not OperationCanceledException)
            {
                SessionNotes.Unplanned(logger, Record.MigrationId, failure);
            }

            await Task.Delay(s_afterFailure, clock, Closing);
        }
    }

    private async Task ReattachAsync()
    {
        await Task.Yield();
        Publish(urgent: true, []);

        // Side by side: a cancel that is carried through waits for the end that following sees.
        var resolving = Record.InDoubt is { } cutShort ? ResolveAsync(cutShort.Request) : Task.CompletedTask;
        await Task.WhenAll(resolving, FollowToTheEndAsync());
    }
}

/// <summary>What both kinds of session log.</summary>
internal static partial class SessionNotes
{
    [LoggerMessage(1, LogLevel.Warning, "Migration {MigrationId}: command {CommandId}, cut short by the end of an agent, came to: {Outcome}")]
    public static partial void Unresolved(ILogger logger, Guid migrationId, ulong commandId, string outcome);

    [LoggerMessage(2, LogLevel.Error, "Migration {MigrationId}: failed in a way nobody planned; it is tried again.")]
    public static partial void Unplanned(ILogger logger, Guid migrationId, Exception failure);
}
