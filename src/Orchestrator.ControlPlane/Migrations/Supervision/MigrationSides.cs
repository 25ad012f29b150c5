using Orchestrator.Agent.V1;
using Orchestrator.ControlPlane.Guests;
using Orchestrator.ControlPlane.Migrations.Ledger;
using Orchestrator.Policy.Lifecycle;
using MigrationPhase = Orchestrator.Policy.Lifecycle.MigrationPhase;

namespace Orchestrator.ControlPlane.Migrations.Supervision;

/// <summary>Both sides of one migration: what is seen of them, for how long nothing was, and what they are told and asked.</summary>
internal sealed class MigrationSides : IAsyncDisposable
{
    private readonly SupervisionBeat _beat;
    private readonly CommandBook _book;
    private long _changedAt;
    private long _phaseAt;
    private long? _wordsBeforeDeath;
    private bool _news = true;

    public MigrationSides(Migration migration, CommandBook book, MigrationMailbox mailbox, IAgentCalls agents, SupervisionBeat beat)
    {
        _beat = beat;
        _book = book;
        Source = new AgentSide(MigrationSide.Source, migration.SourceHostId, mailbox, agents, beat);
        Target = new AgentSide(MigrationSide.Target, migration.TargetHostId, mailbox, agents, beat);
        foreach (var command in book.Pending)
        {
            Line(command);
        }

        _changedAt = _phaseAt = beat.Clock.GetTimestamp();
    }

    public AgentSide Source { get; }

    public AgentSide Target { get; }

    /// <summary>Whoever may have a session is to know who commands, before anything else.</summary>
    public void Attend()
    {
        foreach (var side in new[] { MigrationSide.Source, MigrationSide.Target }.Where(_book.HasCommanded))
        {
            Of(side).Attend();
        }
    }

    /// <summary>What progress is decided on has changed, or may have, since this was last asked.</summary>
    public bool TakeNews()
    {
        var news = _news;
        _news = false;
        return news;
    }

    public AgentSide Of(MigrationSide side) => side is MigrationSide.Source ? Source : Target;

    /// <returns>True when the source's agent is another one than before.</returns>
    public bool See(HostSighting? source, HostSighting? target)
    {
        _news |= source is not null || target is not null;
        var restarted = source is not null && Source.Sight(source);
        if (target is not null)
        {
            Target.Sight(target);
        }

        NoteDeath();
        return restarted;
    }

    public void Hear(MigrationSide side, MigrationReport report)
    {
        if (Of(side).Hear(report))
        {
            Changed();
        }

        // That it says the same still is what is waited for then.
        _news |= _wordsBeforeDeath is not null;
    }

    public void End(CallEnded.Poll poll)
    {
        if (Of(poll.Side).End(poll))
        {
            Changed();
        }
    }

    public void Settle(MigrationSide side, StoredCommand answered)
    {
        Of(side).Settle(answered);
        Changed();
    }

    public void Line(StoredCommand command)
    {
        Of(AgentCommand.SideOf(command.Kind)).Line(command);
        _news = true;
    }

    /// <summary>A state has changed: what should come by itself is waited for anew.</summary>
    public void Changed()
    {
        _changedAt = _beat.Clock.GetTimestamp();
        _news = true;
    }

    public void PhaseChanged()
    {
        _phaseAt = _beat.Clock.GetTimestamp();
        Changed();
    }

    public MigrationStanding Standing(Migration migration) => new()
    {
        Phase = migration.Phase,
        Ending = migration.Ending,
        GuestWasRunning = migration.GuestWasRunning,
        Slot = migration switch
        {
            { Slot: { } slot } => slot.MayTransfer ? SlotStanding.Transferring : SlotStanding.Preparing,
            { Phase: MigrationPhase.Requested or MigrationPhase.Queued } => SlotStanding.None,
            _ => SlotStanding.Transferring,
        },
        Source = Source.View,
        Target = Target.View,
        SourceSilent = IsSilent(Source),
        TargetSilent = IsSilent(Target),
        SourceDead = Source.IsDead,
        TargetDead = Target.IsDead,
        TargetSpokeSinceSourceDied = Target.Words > _wordsBeforeDeath,
        Overdue = _beat.Clock.GetElapsedTime(_changedAt) >= _beat.Options.AnswerWithin,
        Commands = _book.Standings(migration.PhaseSince, _beat.Clock.GetUtcNow()),
    };

    /// <returns>What the guest is when this ends the migration; null leaves what was known before.</returns>
    public StoredGuestState? GuestStateAt(Migration to) => to switch
    {
        { Phase: MigrationPhase.Completed } => Target.View?.RunState switch
        {
            GuestRunState.Running => StoredGuestState.Running,
            GuestRunState.Paused => StoredGuestState.Paused,
            _ => to.GuestWasRunning ? StoredGuestState.Running : StoredGuestState.Paused,
        },
        { Phase: MigrationPhase.Failed, Ending.Reason: FailureReason.GuestLost } => StoredGuestState.Crashed,
        _ => null,
    };

    /// <summary>Sends what is to be sent and asks whoever is waited for and says nothing.</summary>
    /// <returns>How long until it is to look again even if nothing happens; null = for ever.</returns>
    public TimeSpan? Look(Migration migration, ProgressStep last)
    {
        TimeSpan? next = last.AskAgainAfter;
        foreach (var side in new[] { MigrationSide.Source, MigrationSide.Target })
        {
            var agent = Of(side);
            Sooner(agent.Send(migration.MigrationId, migration.Epoch));
            if (migration.Phase is MigrationPhase.NeedsAttention)
            {
                Sooner(agent.Ask(migration.MigrationId, _beat.Options.ProbeEvery));
            }
            else if (last.WaitsFor == side || (agent.View is null && _book.HasCommanded(side)))
            {
                Sooner(agent.Ask(migration.MigrationId, _beat.Options.AskAfter));
                Sooner(Left(Math.Max(agent.HeardAt, _phaseAt)));
            }
        }

        Sooner(Left(_changedAt));
        return next;

        void Sooner(TimeSpan? wait)
        {
            if (wait is { } sooner && !(next <= sooner))
            {
                next = sooner;
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Source.DisposeAsync();
        await Target.DisposeAsync();
    }

    /// <summary>Once the source is dead the target's word is all there is, and it is to be a new one.</summary>
    private void NoteDeath()
    {
        if (!Source.IsDead)
        {
            _wordsBeforeDeath = null;
        }
        else if (_wordsBeforeDeath is null)
        {
            _wordsBeforeDeath = Target.Words;
            Target.Forget();
        }
    }

    // A side need not have spoken before its word was needed.
    private bool IsSilent(AgentSide side) =>
        _beat.Clock.GetElapsedTime(Math.Max(side.HeardAt, _phaseAt)) >= _beat.Options.AnswerWithin;

    /// <returns>Null when the time to answer has run out: what that means was decided on already.</returns>
    private TimeSpan? Left(long since) =>
        _beat.Options.AnswerWithin - _beat.Clock.GetElapsedTime(since) is { } left && left > TimeSpan.Zero
            ? left + TimeSpan.FromMilliseconds(1)
            : null;
}
