using Google.Protobuf.WellKnownTypes;
using Orchestrator.Agent.V1;
using Orchestrator.HostAgent.Guests;
using Orchestrator.HostAgent.Service;
using Orchestrator.Policy;
using Orchestrator.Policy.Convergence;
using Orchestrator.Policy.Plausibility;
using Orchestrator.PolicyMessages;
using Orchestrator.Qmp;
using Orchestrator.V1;

namespace Orchestrator.HostAgent.Migrations;

/// <summary>
/// Sees to a copy that nobody commands, as its terms say and no further than to its switch-over. What it decides it writes down first, and
/// only while nobody is there: that is looked at with the session's log held, so whoever comes back is told of it in the first report, or it
/// is not decided. It is carried out in the session's turn: a command that comes meanwhile waits for it.
/// </summary>
internal sealed partial class Caretaker(SourceSession session, SessionLog log, Attendance attendance, SessionPace pace, ILogger logger)
    : IAsyncDisposable
{
    private static readonly TimeSpan s_usualSilence = TimeSpan.FromSeconds(10);

    // What an engine refused is wanted again after this long.
    private static readonly TimeSpan s_afterRefusal = TimeSpan.FromSeconds(5);

    private PlausibilityMemory _memory = PlausibilityMemory.Empty;
    private ConvergenceState? _state;
    private int _attempt;
    private (UnattendedTerms Message, ConvergenceTerms? Terms)? _read;
    private long _refusedAt;
    private Task _acting = Task.CompletedTask;

    /// <summary>A new report of the session, from whoever follows its engine. Does not wait for what comes of it, and does not throw.</summary>
    public void See(MigrationReport report)
    {
        if (_acting.IsCompleted)
        {
            _acting = ConsiderAsync(report);
        }
    }

    /// <summary>After the session's turns have ended: waits for the last of it.</summary>
    public async ValueTask DisposeAsync() => await _acting;

    private async Task ConsiderAsync(MigrationReport report)
    {
        try
        {
            var record = log.Record;
            if (record.Attempt != _attempt)
            {
                (_attempt, _memory, _state) = (record.Attempt, PlausibilityMemory.Empty, null);
            }

            if (record.LoneDecisionUnderWay is { } cutShort)
            {
                _state = null;
                await session.InTurnAsync(() => CarryOutAsync(cutShort));
            }
            else if (TermsOf(record) is { } terms && ReportNumbers.Of(report) is { } numbers)
            {
                (var reading, _memory) = PlausibilityCheck.Check(numbers, _memory);
                await JudgeAsync(record, terms, reading);
            }
        }
        catch (Exception ending) when (ending is OperationCanceledException or ObjectDisposedException)
        {
            // The agent ends; its successor looks again.
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            SessionNotes.Unplanned(logger, log.Record.MigrationId, failure);
        }
    }

    private async Task JudgeAsync(SessionRecord record, ConvergenceTerms terms, ConvergenceReading reading)
    {
        if (!IsAlone(record))
        {
            _state = null;
            return;
        }

        if (record.InDoubt is { } command)
        {
            // What was commanded comes first, and nobody else is there to send it again.
            await session.ResolveAsync(command.Request);
            return;
        }

        if (_state is null)
        {
            LogAlone(record.MigrationId, terms.Document.OnControlPlaneLoss);
        }

        _state ??= KnownDecisions.Of(record, terms);
        var step = UnattendedPolicy.Step(terms, _state, reading);
        if (step.Decision is ConvergenceDecision.Wait)
        {
            _state = step.State;
        }
        else if (_refusedAt == 0 || pace.Clock.GetElapsedTime(_refusedAt) >= s_afterRefusal)
        {
            await session.InTurnAsync(() => DecideAsync(terms, step, reading));
        }
    }

    private async Task DecideAsync(ConvergenceTerms terms, ConvergenceStep step, ConvergenceReading reading)
    {
        LoneDecision? decided = null;
        log.TryWrite((record, at) =>
        {
            var lone = Word(record, at, terms, step, reading);
            if (!IsAlone(record) || record.InDoubt is not null || !session.Allows(record, lone.Request))
            {
                return null;
            }

            decided = lone;
            return new JournalEntry.DecidedAlone(at, lone.Decision, lone.Request);
        });
        if (decided is null)
        {
            return;
        }

        LogDecided(log.Record.MigrationId, decided.Decision.Action, decided.Decision.Rule, decided.Decision.Reason);
        session.Publish(urgent: true, []);
        switch (await CarryOutAsync(decided))
        {
            case DecisionOutcome.Applied:
                (_state, _refusedAt) = (step.State, 0);
                break;
            case DecisionOutcome.Intended:
                break;
            default:
                _refusedAt = pace.Clock.GetTimestamp();
                break;
        }
    }

    private static LoneDecision Word(
        SessionRecord record, DateTimeOffset at, ConvergenceTerms terms, ConvergenceStep step, ConvergenceReading reading)
    {
        var request = DecisionCommand.Of(step.Decision, terms.Budget) ?? new ExecuteRequest { CancelSource = new CancelSource() };
        request.MigrationId = record.MigrationId.ToString();
        request.Epoch = record.Epoch;
        var decision = DecisionMessage.Of(step, reading);
        decision.Sequence = (uint)record.LoneDecisions.Count + 1;
        decision.At = at.ToTimestamp();
        decision.Origin = DecisionOrigin.Agent;
        decision.Outcome = DecisionOutcome.Intended;
        return new LoneDecision(decision, request);
    }

    /// <summary>Every step finds out whether it is done already, so one that was cut short is carried out again.</summary>
    /// <returns>Intended while it is not known.</returns>
    private async Task<DecisionOutcome> CarryOutAsync(LoneDecision decided)
    {
        var (outcome, words) = (DecisionOutcome.Applied, "");
        try
        {
            await session.CarryOutAsync(decided.Request);
        }
        catch (AgentRefusedException refused) when (refused.Refusal.Error != AgentError.EngineUnreachable)
        {
            outcome = refused.Refusal.Error == AgentError.WrongState ? DecisionOutcome.Overtaken : DecisionOutcome.Refused;
            words = refused.Message;
        }
        catch (QmpException refused)
        {
            (outcome, words) = (DecisionOutcome.Refused, refused.Description);
        }
        catch (GuestUnreachableException gone) when (gone.Gone)
        {
            (outcome, words) = (DecisionOutcome.Refused, gone.Message);
        }
        catch (Exception lost) when (lost is QmpDisconnectedException or GuestUnreachableException or AgentRefusedException)
        {
            LogNotKnown(log.Record.MigrationId, decided.Decision.Action, lost.Message);
            return DecisionOutcome.Intended;
        }

        log.TryWrite((record, at) => record.LoneDecisionUnderWay is { } now && now.Decision.Sequence == decided.Decision.Sequence
            ? new JournalEntry.AloneDone(at, decided.Decision.Sequence, outcome, words)
            : null);
        if (outcome != DecisionOutcome.Applied)
        {
            LogNotDone(log.Record.MigrationId, decided.Decision.Action, outcome, words);
        }

        session.Publish(urgent: true, []);
        return outcome;
    }

    /// <summary>Nobody has commanded or listened for as long as the terms say, and there is something to decide.</summary>
    private bool IsAlone(SessionRecord record) =>
        record is { State: SessionState.Running, SwitchOverBegun: false, CancelRequested: false, PostCopyRequested: false }
        && record.Unattended is { } terms
        && attendance.AbsenceOf(record.ReplicaId, session.HeardAt) >= (terms.Silence?.ToTimeSpan() ?? s_usualSilence);

    /// <returns>Null when there is nothing to see to.</returns>
    private ConvergenceTerms? TermsOf(SessionRecord record)
    {
        if (record.Unattended is not { OnLoss: OnControlPlaneLoss.AgentDecides or OnControlPlaneLoss.AbortAtDeadline } message
            || record.Start is not { } start)
        {
            return null;
        }

        if (!ReferenceEquals(_read?.Message, message))
        {
            _state = null;
            _read = (message, Read(message, start, session.SourceGuest?.Record.Spec.MemoryBytes ?? 0));
        }

        return _read?.Terms;
    }

    /// <returns>Null for a document that an earlier agent took and this one does not.</returns>
    private static ConvergenceTerms? Read(UnattendedTerms message, StartSource start, ulong memory) =>
        PolicyDocumentParser.Parse(message.Document, out _) is not { } document ? null : new ConvergenceTerms
        {
            Document = document with
            {
                OnControlPlaneLoss = message.OnLoss == OnControlPlaneLoss.AgentDecides ? ControlPlaneLoss.AgentDecides : ControlPlaneLoss.AbortAtDeadline,
            },
            Budget = message.MaxDowntime.ToTimeSpan(),
            Deadline = message.Deadline?.ToTimeSpan(),
            GuestMemory = new DataSize((long)Math.Min(memory, long.MaxValue)),
            PostCopyPossible = start.Terms.PostCopyPossible,
            ThrottlePossible = start.Terms.ThrottlePossible,
            Overhead = ConditionsMessage.Read(message).Overhead,
            LineRate = ConditionsMessage.Read(message).LineRate,
        };

    [LoggerMessage(1, LogLevel.Warning, "Migration {MigrationId}: nobody commands it; by its terms: {OnLoss}.")]
    private partial void LogAlone(Guid migrationId, ControlPlaneLoss onLoss);

    [LoggerMessage(2, LogLevel.Information, "Migration {MigrationId}: decided {Action} alone by {Rule}: {Reason}")]
    private partial void LogDecided(Guid migrationId, DecisionAction action, string rule, string reason);

    [LoggerMessage(3, LogLevel.Warning, "Migration {MigrationId}: {Action}, decided alone, was {Outcome}: {Reason}")]
    private partial void LogNotDone(Guid migrationId, DecisionAction action, DecisionOutcome outcome, string reason);

    [LoggerMessage(4, LogLevel.Warning, "Migration {MigrationId}: whether {Action}, decided alone, was carried out is not known yet: {Reason}")]
    private partial void LogNotKnown(Guid migrationId, DecisionAction action, string reason);
}
