using Orchestrator.Policy.Lifecycle;

namespace Orchestrator.Policy.Tests.Lifecycle;

/// <summary>
/// Two engines and two agents in a world of dice: engines fail, agents fall silent, answers are refused, callers cancel. One tick is a
/// second. Knows what is true; tells it to the supervisor's side only when an agent can be asked.
/// </summary>
internal sealed class SimulatedMove(int seed)
{
    private readonly Random _dice = new(seed);
    private readonly Dictionary<AgentCommandKind, CommandStanding> _commands = [];
    private readonly Dictionary<AgentCommandKind, int> _changedAt = [];
    private readonly Dictionary<MigrationSide, int> _awayUntil = new() { [MigrationSide.Source] = 0, [MigrationSide.Target] = 0 };
    private readonly Dictionary<MigrationSide, int> _heardAt = new() { [MigrationSide.Source] = 0, [MigrationSide.Target] = 0 };
    private readonly Queue<AgentCommandKind> _unanswered = new();
    private SideView? _source;
    private SideView? _target;
    private SideView? _seenSource;
    private SideView? _seenTarget;
    private IntendedEnding? _ending;
    private int _now;
    private int _changed;
    private int _commandId;

    public const int Silence = 60;

    public MigrationPhase Phase { get; private set; } = MigrationPhase.Requested;

    public List<string> Story { get; } = [];

    public bool GuestWasRunning { get; } = seed % 5 != 0;

    public bool SourceRuns => _source is null ? GuestWasRunning : _source.RunState is GuestRunState.Running;

    public bool TargetRuns => _target is { RunState: GuestRunState.Running };

    /// <summary>Nothing the product could do: a process died that held memory nobody else has.</summary>
    public bool GuestIsLost { get; private set; }

    public bool SourceReleased { get; private set; }

    /// <summary>Before this tick things go wrong.</summary>
    private bool Rough => _now < 150;

    public void Tick()
    {
        _now++;
        Engines();
        Agents();
        foreach (var side in new[] { MigrationSide.Source, MigrationSide.Target })
        {
            if (Rough && _dice.Next(60) == 0)
            {
                _awayUntil[side] = _now + _dice.Next(5, 120);
            }
        }

        if (Rough && _dice.Next(120) == 0 && MigrationProgress.Cancel(Standing(), "a caller") is { Acts: true } cancel)
        {
            Apply(cancel);
        }

        for (var steps = 0; MigrationProgress.Next(Standing()) is { Acts: true } step; steps++)
        {
            Assert.True(steps < 10, $"seed {seed}: it does not come to rest: {string.Join(" | ", Story.TakeLast(12))}");
            Apply(step);
        }
    }

    private MigrationStanding Standing() => new()
    {
        Phase = Phase,
        Ending = _ending,
        GuestWasRunning = GuestWasRunning,
        Source = _seenSource,
        Target = _seenTarget,
        SourceSilent = _now - _heardAt[MigrationSide.Source] > Silence,
        TargetSilent = _now - _heardAt[MigrationSide.Target] > Silence,
        Overdue = _now - _changed > Silence,
        Commands = _commands.ToDictionary(entry => entry.Key, entry => entry.Value with { Since = TimeSpan.FromSeconds(_now - _changedAt[entry.Key]) }),
    };

    private void Apply(ProgressStep step)
    {
        if (step.Happened is { } happened)
        {
            _ending = MigrationProgress.EndingAfter(happened, _ending, step.Ending);
            Phase = MigrationLifecycle.Next(Phase, happened)!.Value;
            _changed = _now;
            foreach (var kind in _commands.Keys.ToList())
            {
                _commands[kind] = _commands[kind] with { TimesInPhase = 0 };
            }

            Story.Add($"{_now}: {happened} -> {Phase} ({step.Reason})");
        }

        foreach (var kind in step.Commands)
        {
            var times = _commands.GetValueOrDefault(kind, CommandStanding.NeverGiven).TimesInPhase + 1;
            _commands[kind] = new CommandStanding(CommandStatus.Pending, ++_commandId, times, TimeSpan.Zero);
            _changedAt[kind] = _now;
            _unanswered.Enqueue(kind);
            Story.Add($"{_now}: {kind}");
        }
    }

    private void Engines()
    {
        var died = Rough && _source is { IsOver: false } && _dice.Next(400) == 0;
        switch (_source)
        {
            case { IsOver: false } when died:
                GuestIsLost = true;
                _source = Over(SessionEnding.EngineLost, GuestRunState.Gone);
                _target = _target is { IsOver: false } ? Over(SessionEnding.Failed, GuestRunState.Gone) with { HasRun = _target.HasRun } : _target;
                break;
            case { IsOver: false, Activity: TransferActivity.Copying } when Rough && _dice.Next(80) == 0:
                EndWithout(SessionEnding.Failed);
                break;
            case { IsOver: false, Activity: TransferActivity.Copying } when _dice.Next(60) == 0:
                _source = _source with { Activity = TransferActivity.SwitchingOver, Session = SessionStanding.SwitchingOver, RunState = GuestRunState.FinishMigrate };
                break;
            case { IsOver: false, Activity: TransferActivity.Copying } when _dice.Next(90) == 0:
                _source = _source with { Activity = TransferActivity.PostCopy, RunState = GuestRunState.FinishMigrate };
                HandOverDirectly();
                break;
            case { IsOver: false, Activity: TransferActivity.SwitchingOver } when Rough && _dice.Next(10) == 0:
                EndWithout(SessionEnding.Failed);
                break;
            case { IsOver: false, Activity: TransferActivity.SwitchingOver } when _dice.Next(2) == 0:
            case { IsOver: false, Activity: TransferActivity.PostCopy } when _dice.Next(40) == 0 && (_target!.HasRun || !GuestWasRunning):
                _source = Over(SessionEnding.Completed, GuestRunState.PostMigrate);
                _target = Over(SessionEnding.Completed, _target!.HasRun ? GuestRunState.Running : GuestRunState.Paused) with { HasRun = _target.HasRun };
                HandOverDirectly();
                break;
            case { IsOver: false, Activity: TransferActivity.PostCopy } when Rough && _dice.Next(30) == 0:
                _source = _source with { Activity = TransferActivity.PostCopyPaused };
                break;
        }
    }

    private void HandOverDirectly()
    {
        if (_dice.Next(2) == 0)
        {
            HandOver();
        }
    }

    private void HandOver()
    {
        Assert.True(
            _source is { Ending: SessionEnding.Completed } or { Activity: TransferActivity.PostCopy or TransferActivity.PostCopyPaused },
            $"seed {seed}: handed over while the source may run: {string.Join(" | ", Story.TakeLast(12))}");
        if (GuestWasRunning && _target is { HasRun: false })
        {
            _target = _target with { RunState = GuestRunState.Running, HasRun = true };
        }
    }

    private void EndWithout(SessionEnding ending)
    {
        _source = Over(ending, GuestWasRunning ? GuestRunState.Running : GuestRunState.Paused);
        _target = _target is null ? null : Over(SessionEnding.Failed, GuestRunState.Gone);
    }

    private SideView Over(SessionEnding ending, GuestRunState runState) =>
        new() { Session = SessionStanding.Ended, Ending = ending, RunState = runState, WasRunning = GuestWasRunning, Words = "dice" };

    private bool CanBeAsked(MigrationSide side) => _now >= _awayUntil[side];

    private void Agents()
    {
        for (var count = _unanswered.Count; count > 0; count--)
        {
            var kind = _unanswered.Dequeue();
            if (!CanBeAsked(AgentCommand.SideOf(kind)) || _dice.Next(3) == 0)
            {
                _unanswered.Enqueue(kind);
                continue;
            }

            var refusal = Rough && _dice.Next(15) == 0 ? new CommandRefusal(RefusalKind.Refused, "dice") : Obey(kind);
            _commands[kind] = _commands[kind] with { Status = refusal is null ? CommandStatus.Done : CommandStatus.Refused, Refusal = refusal };
            _changedAt[kind] = _now;
            _changed = _now;
            Story.Add($"{_now}: {kind} {(refusal is null ? "done" : "refused " + refusal.Kind)}");
        }

        if (CanBeAsked(MigrationSide.Source))
        {
            _changed = _seenSource == (_source ?? SideView.Absent) ? _changed : _now;
            (_seenSource, _heardAt[MigrationSide.Source]) = (_source ?? SideView.Absent, _now);
        }

        if (CanBeAsked(MigrationSide.Target))
        {
            _changed = _seenTarget == (_target ?? SideView.Absent) ? _changed : _now;
            (_seenTarget, _heardAt[MigrationSide.Target]) = (_target ?? SideView.Absent, _now);
        }
    }

    private CommandRefusal? Obey(AgentCommandKind kind)
    {
        var wrongState = new CommandRefusal(RefusalKind.WrongState, $"{_source?.Session} {_target?.Session}");
        var unknown = new CommandRefusal(RefusalKind.SessionUnknown, "");
        switch (kind)
        {
            case AgentCommandKind.PrepareTarget:
                _target = new SideView { Session = SessionStanding.Listening, RunState = GuestRunState.InMigrate };
                return null;
            case AgentCommandKind.StartSource:
                _source = new SideView
                {
                    Session = SessionStanding.Running,
                    Activity = TransferActivity.Copying,
                    WasRunning = GuestWasRunning,
                    RunState = GuestWasRunning ? GuestRunState.Running : GuestRunState.Paused,
                };
                if (_target is not { IsOver: false })
                {
                    EndWithout(SessionEnding.Failed);
                }

                return null;
            case AgentCommandKind.CancelSource when _source is { IsOver: false, Activity: TransferActivity.Copying or TransferActivity.SwitchingOver }:
                EndWithout(SessionEnding.Cancelled);
                return null;
            case AgentCommandKind.HandOverTarget when _target is { IsOver: true, Ending: not SessionEnding.Completed } or null:
                return wrongState;
            case AgentCommandKind.HandOverTarget:
                HandOver();
                return null;
            case AgentCommandKind.RecoverTarget when _source is { Activity: TransferActivity.PostCopyPaused }:
                return null;
            case AgentCommandKind.RecoverSource when _source is { Activity: TransferActivity.PostCopyPaused }:
                _source = _source with { Activity = TransferActivity.PostCopy };
                return null;
            case AgentCommandKind.FinishSource when _source is { IsOver: true }:
                Assert.True(_target is { Ending: SessionEnding.Completed }, $"seed {seed}: the source was released before the target had all");
                SourceReleased = true;
                _source = _source with { Session = SessionStanding.Closed, RunState = GuestRunState.Gone };
                return null;
            case AgentCommandKind.FinishTarget:
                _target = _target! with { Session = SessionStanding.Closed };
                return null;
            case AgentCommandKind.AbandonTarget when _target is null:
                return unknown;
            case AgentCommandKind.AbandonTarget when _target.HasRun:
                return wrongState;
            case AgentCommandKind.AbandonTarget:
                Assert.False(_source is { Ending: SessionEnding.Completed }, $"seed {seed}: the only copy was thrown away");
                _target = _target with { Session = SessionStanding.Closed, Ending = _target.Ending ?? SessionEnding.Cancelled, RunState = GuestRunState.Gone };
                return null;
            case AgentCommandKind.AbandonSource when _source is null:
                return unknown;
            case AgentCommandKind.AbandonSource when _source.IsOver:
                _source = _source with { Session = SessionStanding.Closed };
                return null;
            default:
                return wrongState;
        }
    }
}
