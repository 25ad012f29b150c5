using System.Diagnostics;
using Orchestrator.Agent.V1;
using Orchestrator.ControlPlane.Migrations.Ledger;
using Orchestrator.ControlPlane.Migrations.Wishes;
using Orchestrator.ControlPlane.Policies;
using Orchestrator.Policy.Convergence;
using Orchestrator.Policy.Lifecycle;
using Orchestrator.V1;
using MigrationPhase = Orchestrator.Policy.Lifecycle.MigrationPhase;

namespace Orchestrator.ControlPlane.Migrations.Supervision;

/// <summary>
/// Commands one migration: takes in what agents and callers say, asks <see cref="MigrationProgress"/> and the convergence policy, writes
/// down what they want, and only then tells the agents. Holds no policy. Ends with the migration, or when it is told to stop between two
/// steps, or when somebody with a higher epoch has taken over.
/// </summary>
internal sealed partial class MigrationSupervisor : IAsyncDisposable
{
    private readonly MigrationCharge _charge;
    private readonly SupervisionEdges _edges;
    private readonly ILogger _logger;
    private readonly MigrationRecord _record;
    private readonly CopyTrack _track;
    private readonly MigrationSides _sides;
    private readonly AgentDecisions _agents;
    private PolicyInForce _policy;
    private volatile bool _alarmed = true;
    private bool _fenced;

    public MigrationSupervisor(MigrationCharge charge, SupervisionEdges edges)
    {
        _charge = charge;
        _edges = edges;
        _logger = edges.Logger;
        _policy = charge.Policy;
        _agents = new AgentDecisions(charge.AgentDecisions);
        var book = new CommandBook(charge.Commands);
        _record = new MigrationRecord(charge, book, edges);
        _track = new CopyTrack(charge.Migration, charge.Policy.Document, book, charge.Known.Conditions);
        _sides = new MigrationSides(charge.Migration, book, charge.Mailbox, edges.Agents, edges.Beat);
        if (charge.TakenOver)
        {
            _sides.Attend();
        }
    }

    private TimeProvider Clock => _edges.Beat.Clock;

    private Migration Migration => _record.Current;

    /// <param name="stopping">Stops between two steps.</param>
    /// <param name="killing">Stops within one; what it was about to write is written or not, never half.</param>
    /// <returns>The migration as it stands: ended, unless the supervisor was fenced out.</returns>
    /// <exception cref="OperationCanceledException">Told to stop.</exception>
    public async Task<Migration> RunAsync(CancellationToken stopping, CancellationToken killing)
    {
        _charge.Mailbox.DropCalls();
        await using var alarm = Clock.CreateTimer(_ => Alarm(), null, TimeSpan.Zero, Timeout.InfiniteTimeSpan);
        while (!Migration.HasEnded && !_fenced)
        {
            var mail = await _charge.Mailbox.TakeAsync(stopping);
            try
            {
                await StepAsync(mail, alarm, killing);
            }
            finally
            {
                // Those that were granted have their answer already.
                foreach (var wish in mail.Wishes)
                {
                    wish.Grant(new WishAnswer(WishOutcome.NotAnswered, null));
                }
            }
        }

        return Migration;
    }

    /// <summary>Lets go of the calls under way; what they bring about is found out by whoever goes on.</summary>
    public ValueTask DisposeAsync() => _sides.DisposeAsync();

    private void Alarm()
    {
        _alarmed = true;
        _charge.Mailbox.Ring();
    }

    private async Task StepAsync(Mail mail, ITimer alarm, CancellationToken cancellation)
    {
        if (_sides.See(mail.SourceHost, mail.TargetHost))
        {
            _track.AgentRestarted();
        }

        if (mail.Slot is { } slot && _record.See(slot))
        {
            _sides.Changed();
        }

        foreach (var call in mail.Calls)
        {
            await EndAsync(call, cancellation);
        }

        if (mail.Target is { } target)
        {
            _sides.Hear(MigrationSide.Target, target.Report);
        }

        if (mail.Source is { } source)
        {
            _sides.Hear(MigrationSide.Source, source.Report);
            await AdoptAsync(source.Report, cancellation);
            await JudgeAsync(source, cancellation);
        }

        foreach (var wish in mail.Wishes)
        {
            await GrantAsync(wish, cancellation);
        }

        // Most reports only bring numbers: nothing else has to be looked at then.
        if (!_sides.TakeNews() && !_alarmed)
        {
            return;
        }

        _alarmed = false;
        var last = await ProgressAsync(cancellation);
        if (!_fenced && _sides.Source.IsIdle && LinkShare.Change(Migration, _record.Book, _track, Clock.GetTimestamp()) is { } share)
        {
            await WriteAsync(share, cancellation);
        }

        if (!_fenced && !Migration.HasEnded)
        {
            alarm.Change(_sides.Look(Migration, last) ?? Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
    }

    private async Task EndAsync(CallEnded call, CancellationToken cancellation)
    {
        if (call is CallEnded.Poll poll)
        {
            _sides.End(poll);
            return;
        }

        var command = (CallEnded.Command)call;
        if (command.Reply is AgentReply.Fenced)
        {
            Fence();
            return;
        }

        // Without an answer it is sent again: see that this is looked at.
        _alarmed = true;
        if (_sides.Of(call.Side).End(command) is not { Answer: { } answer } answered)
        {
            return;
        }

        if (!await _record.AnswerAsync(answered, command.LeftAt, Clock, cancellation))
        {
            Fence();
            return;
        }

        _sides.Settle(call.Side, answered);
        if (answer.Outcome is not CommandOutcome.Done)
        {
            LogRefused(Migration.MigrationId, answered.Kind, answered.CommandId, answer.Outcome, answer.Message);
        }
    }

    /// <summary>Records what the source's agent decided while nobody was here, and goes on from there.</summary>
    private async Task AdoptAsync(MigrationReport report, CancellationToken cancellation)
    {
        while (!_fenced && _agents.Next(report) is { } decision)
        {
            var before = _track.State;
            _track.Adopt(decision, report);
            SupervisionNotes.DecidedAlone(_logger, Migration.MigrationId, decision.Action, decision.Rule, decision.Reason);
            var draft = new DecisionDraft(decision, null, Clock.GetTimestamp());
            var abort = decision is { Action: DecisionAction.Abort, Outcome: DecisionOutcome.Applied }
                ? MigrationProgress.Abort(_sides.Standing(Migration), decision.Reason)
                : null;
            if (!await (abort is null
                ? WriteAsync(new RecordChange(_track.Save(Migration)) { Decision = draft }, cancellation)
                : ApplyAsync(abort, draft, cancellation)))
            {
                _track.GoOn(before);
                return;
            }

            _agents.Record();
        }
    }

    /// <summary>One reading, at most one decision. A copy that has not begun, or is being undone, is only recorded.</summary>
    private async Task JudgeAsync(ArrivedReport arrived, CancellationToken cancellation)
    {
        // What waited for a process that was frozen is its successor's to read and to write.
        if (_fenced || _charge.Tenure is not { IsHeld: true } || _track.Read(arrived.Report) is not { } reading)
        {
            return;
        }

        // Now, since writing a decision down may take as long as the database is away.
        var at = Clock.GetUtcNow() - Clock.GetElapsedTime(arrived.ArrivedAt);
        var decided = false;
        var step = Migration.Phase is MigrationPhase.Copying && arrived.Report.SessionState is SessionState.Running
            && !AgentDecisions.IsOneUnderWay(arrived.Report)
            ? _track.Ask(reading, at)
            : null;
        var decidedAt = Clock.GetTimestamp();
        var took = Clock.GetElapsedTime(arrived.ArrivedAt, decidedAt);
        if (step is { Decision: ConvergenceDecision.Wait })
        {
            _track.GoOn(step.State);
        }
        else if (step is not null && _sides.Source.IsIdle)
        {
            // Commands to the source go one at a time: what is wanted while one is under way is wanted again on the next reading.
            decided = await DecideAsync(step, Decisions.Word(step, reading, took), decidedAt, cancellation);
        }

        var message = _track.Word(reading, arrived.Report.EngineStatus, at, Decisions.UseMadeOf(step, decided));
        _edges.Readings.Offer(Migration.MigrationId, message);
        _edges.Feed.Publish(Migration, message);
        if (!decided && _track.IsRoundUnsaved && !_fenced)
        {
            await WriteAsync(new RecordChange(_track.Save(Migration)), cancellation);
        }
    }

    /// <returns>False when nothing came of it.</returns>
    private async Task<bool> DecideAsync(ConvergenceStep step, Decision decision, long decidedAt, CancellationToken cancellation)
    {
        var draft = new DecisionDraft(decision, null, decidedAt);
        var before = _track.State;
        _track.GoOn(step.State);
        LogDecided(Migration.MigrationId, decision.Action, decision.Rule, decision.Reason);
        var command = Decisions.Command(step.Decision, Migration, _track.Terms, _agents.Recorded);
        var written = step.Decision is not ConvergenceDecision.Abort
            ? await WriteAsync(
                new RecordChange(_track.Save(Migration)) { Decision = draft, Commands = command is null ? [] : [command] }, cancellation)
            : MigrationProgress.Abort(_sides.Standing(Migration), decision.Reason) is { } abort && await ApplyAsync(abort, draft, cancellation);
        if (!written)
        {
            _track.GoOn(before);
        }

        return written;
    }

    private async Task GrantAsync(CallerWish wish, CancellationToken cancellation)
    {
        var rules = new WishRules(Migration, _sides.Standing(Migration), _track);
        var verdict = wish switch
        {
            CallerWish.Cancel(var reason) => rules.Cancel(reason),
            CallerWish.Adjust(var command) when await _edges.History.HasRequestAsync(Migration.MigrationId, command.RequestId, cancellation) =>
                WishVerdict.GrantedBefore,
            CallerWish.Adjust(var command) => rules.Adjust(command, Clock.GetTimestamp()),
            _ => throw new UnreachableException($"No arm for {wish}."),
        };
        if (verdict.Step is { Acts: true } step)
        {
            await ApplyAsync(step, null, cancellation);
        }
        else if (verdict.Change is { } change)
        {
            var before = _track.State;
            _track.GoOn(verdict.State ?? before);
            var unattended = verdict.Policy is { } switched ? UnattendedIn(change.To, switched) : null;
            if (await WriteAsync(change with { To = _track.Save(change.To), Unattended = unattended }, cancellation))
            {
                _policy = verdict.Policy ?? _policy;
                _track.Follow(Migration, _policy.Document);
            }
            else
            {
                _track.GoOn(before);
            }
        }

        wish.Grant(_fenced ? new WishAnswer(WishOutcome.NotAnswered, null) : new WishAnswer(verdict.Outcome, Migration));
    }

    /// <summary>Takes steps until there is none to take.</summary>
    private async Task<ProgressStep> ProgressAsync(CancellationToken cancellation)
    {
        while (true)
        {
            var step = MigrationProgress.Next(_sides.Standing(Migration));
            if (_fenced || !step.Acts || !await ApplyAsync(step, null, cancellation))
            {
                return step;
            }
        }
    }

    private async Task<bool> ApplyAsync(ProgressStep step, DecisionDraft? decision, CancellationToken cancellation)
    {
        var now = Migration;
        var phase = now.Phase;
        var ending = now.Ending;
        if (step.Happened is { } happened)
        {
            phase = MigrationLifecycle.Next(phase, happened) ?? throw new UnreachableException($"{happened} is not legal in {phase}.");
            ending = MigrationProgress.EndingAfter(happened, ending, step.Ending);
        }

        _track.SeeEngines(_sides.Source.LastReport?.EngineVersion, _sides.Target.LastReport?.EngineVersion);
        if (phase is MigrationPhase.Verifying or MigrationPhase.NeedsAttention or MigrationPhase.Completed)
        {
            _track.SeeDowntime(_sides.Source.LastReport, _sides.Target.LastReport);
        }
        else if (phase is MigrationPhase.PostCopy)
        {
            _track.SeePostCopy();
        }

        var listenUri = _record.Book.ListenUri;
        var to = _track.Save(now) with
        {
            Phase = phase,
            Ending = ending,
            Attention = step.Attention ?? now.Attention,
            ListenUri = listenUri,
        };
        var targetEndpoint = _edges.Agents.EndpointOf(to.TargetHostId) ?? "";
        return await WriteAsync(
            new RecordChange(to)
            {
                Reason = step.Reason,
                Decision = decision,
                Unattended = step.Commands.Contains(AgentCommandKind.StartSource) ? UnattendedIn(to with { PhaseSince = Clock.GetUtcNow() }, _policy) : null,
                GuestState = _sides.GuestStateAt(to),
                Commands =
                [
                    .. step.Commands.Select(kind =>
                        new WordedCommand(kind, AgentCommands.Word(kind, to, _track.Terms, listenUri, targetEndpoint))),
                ],
            },
            cancellation);
    }

    /// <returns>False when nothing was written: fenced out, or asked for before.</returns>
    private async Task<bool> WriteAsync(RecordChange change, CancellationToken cancellation)
    {
        var (from, last) = (Migration.Phase, Migration.LastCommand);
        switch (await _record.WriteAsync(change, Clock.GetUtcNow(), cancellation))
        {
            case WriteOutcome.Fenced:
                Fence();
                return false;
            case WriteOutcome.RequestedBefore:
                return false;
            case WriteOutcome.Written:
                break;
        }

        if (from != Migration.Phase)
        {
            _sides.PhaseChanged();
            _track.Follow(Migration, _policy.Document);
            SupervisionNotes.Moved(_logger, Migration, from, change.Reason);
        }

        foreach (var command in _record.Book.Pending.Where(command => command.CommandId > last))
        {
            _edges.Faults.AfterIntention(command.Kind);
            _sides.Line(command);
        }

        return true;
    }

    private UnattendedTerms UnattendedIn(Migration to, PolicyInForce policy) =>
        AgentDecisions.Terms(policy, _track.TermsIn(to, policy.Document), _edges.Beat.Options.UnattendedAfter);

    private void Fence()
    {
        _fenced = true;
        LogFenced(Migration.MigrationId, Migration.Epoch);
    }

    [LoggerMessage(1, LogLevel.Information, "Migration {MigrationId}: decided {Action} by {Rule}: {Reason}")]
    private partial void LogDecided(Guid migrationId, DecisionAction action, string rule, string reason);

    [LoggerMessage(2, LogLevel.Warning, "Migration {MigrationId}: {Kind} (command {CommandId}) was refused, {Outcome}: {Message}")]
    private partial void LogRefused(Guid migrationId, AgentCommandKind kind, long commandId, CommandOutcome outcome, string message);

    [LoggerMessage(3, LogLevel.Warning, "Migration {MigrationId}: somebody with a higher epoch than {Epoch} commands it; stopping.")]
    private partial void LogFenced(Guid migrationId, long epoch);
}
