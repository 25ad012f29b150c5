using Google.Protobuf.WellKnownTypes;
using Orchestrator.Agent.V1;
using Orchestrator.ControlPlane.Guests;
using Orchestrator.ControlPlane.Migrations.Calibration;
using Orchestrator.ControlPlane.Migrations.Ledger;
using Orchestrator.Policy.Lifecycle;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Migrations.Supervision;

/// <summary>
/// One running migration's row, as its supervisor holds it: every change is one write that carries the intentions it causes, and is told to
/// watchers once it is in.
/// </summary>
internal sealed class MigrationRecord(MigrationCharge charge, CommandBook book, SupervisionEdges edges)
{
    // Decisions whose commands have no answer yet, with the moment they were made.
    private readonly Dictionary<long, (Decision Decision, long MadeAt)> _undecided = [];
    private readonly long _lastCommandBefore = charge.Migration.LastCommand;

    public Migration Current { get; private set; } = charge.Migration;

    public CommandBook Book => book;

    /// <summary>What admission has given it. Admission writes that, not whoever commands.</summary>
    /// <returns>True when that is news.</returns>
    public bool See(MigrationSlot slot)
    {
        var news = slot != Current.Slot;
        Current = Current with { Slot = slot };
        return news;
    }

    /// <param name="change">What the row is to become; revision, numbers and times of the phase are seen to here.</param>
    public async Task<WriteOutcome> WriteAsync(RecordChange change, DateTimeOffset at, CancellationToken cancellation)
    {
        Brief(change);
        var now = Number(change, at);
        var firstCommand = Current.LastCommand + 1;
        var commands = change.Commands
            .Select((command, index) => new StoredCommand(
                firstCommand + index, HostOf(command.Kind), command.Kind, Numbered(command.Request, firstCommand + index), at))
            .ToList();
        var decision = change.Decision is { } made
            ? new StoredDecision(
                Complete(made.Decision, now, at, commands), IsDone(made.Decision) ? null : commands.FirstOrDefault()?.CommandId, made.RequestId)
            : null;
        now = now with { LastCommand = Current.LastCommand + commands.Count, LastDecision = Current.LastDecision + (decision is null ? 0 : 1) };
        var outcome = await edges.Store.WriteAsync(
            new LedgerWrite(Current, now, at)
            {
                Reason = change.Reason,
                Decision = decision,
                Commands = commands,
                GuestState = change.GuestState,
                Taught = TaughtDowntime.Of(now, charge.Known.DeviceKind),
            },
            cancellation);
        if (outcome is not WriteOutcome.Written)
        {
            return outcome;
        }

        var from = Current.Phase;
        Current = now;
        foreach (var command in commands)
        {
            book.Put(command);
        }

        if (decision is not null)
        {
            if (decision.CommandId is { } commandId && change.Decision is { } draft)
            {
                // A copy: watchers read theirs while the answer is written into this one.
                _undecided[commandId] = (decision.Decision.Clone(), draft.MadeAt);
            }

            edges.Feed.Publish(now, decision.Decision);
        }

        if (from != now.Phase)
        {
            edges.Feed.Publish(now, from, new Transition
            {
                Sequence = (uint)now.LastTransition,
                From = MigrationMessages.Phase(from),
                To = MigrationMessages.Phase(now.Phase),
                At = at.ToTimestamp(),
                Reason = change.Reason,
            });
        }

        return outcome;
    }

    /// <summary>Writes an agent's answer, and what it means for the decision behind the command.</summary>
    /// <param name="leftAt">When the command was sent; <see cref="TimeProvider.GetTimestamp"/>.</param>
    /// <returns>False when somebody with a higher epoch has taken over.</returns>
    public async Task<bool> AnswerAsync(StoredCommand answered, long leftAt, TimeProvider clock, CancellationToken cancellation)
    {
        var behind = _undecided.TryGetValue(answered.CommandId, out var made);
        TimeSpan? toCommand = behind ? clock.GetElapsedTime(made.MadeAt, leftAt) : null;
        if (!await edges.Store.AnswerAsync(Current, answered, toCommand, cancellation))
        {
            return false;
        }

        book.Put(answered);
        if (behind && answered.Answer is { } answer)
        {
            _undecided.Remove(answered.CommandId);
            made.Decision.Outcome = ProgressStore.DecisionOutcomeOf(answer.Outcome);
            made.Decision.OutcomeMessage = answer.Message;
            made.Decision.DecisionToCommand = toCommand?.ToDuration();
            edges.Feed.Publish(Current, made.Decision);
        }
        else if (answered.CommandId <= _lastCommandBefore
            && await edges.History.FindDecisionBehindAsync(Current.MigrationId, answered.CommandId, cancellation) is { } before)
        {
            // It was made under another supervisor, whose watchers were told that it was intended.
            edges.Feed.Publish(Current, before);
        }

        return true;
    }

    private Migration Number(RecordChange change, DateTimeOffset at)
    {
        var now = change.To with { Revision = Current.Revision + 1 };
        return now.Phase == Current.Phase ? now : now with
        {
            PhaseSince = at,
            LastTransition = Current.LastTransition + 1,
            EndedAt = MigrationLifecycle.IsEnd(now.Phase) ? at : null,
            ReplicaId = MigrationLifecycle.IsEnd(now.Phase) ? null : now.ReplicaId,
        };
    }

    private Decision Complete(Decision decision, Migration now, DateTimeOffset at, List<StoredCommand> commands)
    {
        decision.Sequence = (uint)(Current.LastDecision + 1);
        decision.Policy = now.Policy;
        decision.PolicyRevision = (uint)now.PolicyRevision;
        if (!IsDone(decision))
        {
            decision.At = at.ToTimestamp();
            decision.Outcome = commands.Count > 0 ? DecisionOutcome.Intended : DecisionOutcome.Applied;
        }

        return decision;
    }

    /// <summary>What the agent decided by itself it has carried out already, at its own time.</summary>
    private static bool IsDone(Decision decision) => decision.Origin is DecisionOrigin.Agent;

    private static void Brief(RecordChange change)
    {
        if (change.Unattended is not { } terms)
        {
            return;
        }

        foreach (var command in change.Commands)
        {
            switch (command.Request.CommandCase)
            {
                case ExecuteRequest.CommandOneofCase.StartSource:
                    command.Request.StartSource.Unattended = terms;
                    break;
                case ExecuteRequest.CommandOneofCase.AdjustSource:
                    command.Request.AdjustSource.Unattended = terms;
                    break;
            }
        }
    }

    private string HostOf(AgentCommandKind kind) => AgentCommand.SideOf(kind) switch
    {
        MigrationSide.Source => Current.SourceHostId,
        MigrationSide.Target => Current.TargetHostId,
    };

    private static ExecuteRequest Numbered(ExecuteRequest request, long commandId)
    {
        request.CommandId = (ulong)commandId;
        return request;
    }
}

/// <param name="To">The row as it is to become.</param>
internal sealed record RecordChange(Migration To)
{
    /// <summary>Of the transition.</summary>
    public string Reason { get; init; } = "";

    public IReadOnlyList<WordedCommand> Commands { get; init; } = [];

    public DecisionDraft? Decision { get; init; }

    /// <summary>What the source's agent is to go by without us, for the commands that begin the copy or change its terms.</summary>
    public UnattendedTerms? Unattended { get; init; }

    /// <summary>What the guest is when this ends the migration; null leaves what was known before.</summary>
    public StoredGuestState? GuestState { get; init; }
}

internal sealed record WordedCommand(AgentCommandKind Kind, ExecuteRequest Request);

/// <param name="Decision">Without number, time, policy and outcome; an agent's own has its time and outcome.</param>
/// <param name="MadeAt"><see cref="TimeProvider.GetTimestamp"/>.</param>
internal sealed record DecisionDraft(Decision Decision, Guid? RequestId, long MadeAt);
