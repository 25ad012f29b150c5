using Orchestrator.Policy.Convergence;
using Orchestrator.Policy.Convergence.Replay;

namespace Orchestrator.Policy.Tests.Convergence.Replay;

/// <summary>
/// A copy as commanders command it: they crash and others go on from what was saved, commands take their time and may be refused, callers
/// interfere, agents restart, and decide by themselves. Everything is written down the way it is in earnest.
/// </summary>
internal sealed class CommandedCopy
{
    private static readonly DateTimeOffset s_start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly DrawnCopy _copy;
    private readonly Random _chance;
    private readonly List<RecordedReading> _readings = [];
    private readonly List<RecordedDecision> _decisions = [];
    private readonly List<RecordedCommand> _commands = [];
    private ConvergenceTerms _terms;
    private ConvergenceState _state;
    private ConvergenceState _saved;
    private TimeSpan _at;
    private int _pass = 1;
    private TimeSpan _engine = TimeSpan.FromMilliseconds(100);
    private long _epoch = 1;
    private long _sequence;

    public CommandedCopy(DrawnCopy copy, int seed)
    {
        (_copy, _terms, _chance) = (copy, copy.Terms, new Random(seed));
        _state = _saved = ConvergenceState.Start(copy.Terms);
        for (var index = 0; index < copy.Beats.Count; index++)
        {
            Beat(index);
        }
    }

    /// <summary>What a restart of a commander can make no difference to.</summary>
    public int Crashes { get; private set; }

    public IReadOnlyList<ConvergenceStep> Decided => _decided;

    private readonly List<ConvergenceStep> _decided = [];

    public Recording Recording => new(_readings, _decisions) { Commands = _commands };

    private DateTimeOffset Now => s_start + _at;

    private void Beat(int index)
    {
        _at += TimeSpan.FromMilliseconds(_copy.Beats[index].IntervalMilliseconds);
        _pass += _copy.Beats[index].NewPass ? 1 : 0;
        _sequence += OneIn(20) ? 3 : 1;
        if (OneIn(25))
        {
            (_state, _epoch, Crashes) = (_saved, _epoch + 1, Crashes + 1);
        }

        if (OneIn(40))
        {
            (_sequence, _state) = (1, _state with { LastSequence = null });
        }

        if (_sequence <= _state.LastSequence)
        {
            // One who has not heard that the agent counts anew reads none of it.
            return;
        }

        var alone = OneIn(30);
        if (alone)
        {
            DecideAlone();
        }

        // Paused as the engine is, whatever the policy took for done.
        var reading = Drawn.Reading(_copy, index, _at, _pass, _state.Pause is not null != OneIn(15)) with { Sequence = _sequence, DowntimeLimit = _engine };
        var use = !alone && OneIn(20) ? ReadingUse.Recorded : Judge(reading);
        _readings.Add(new RecordedReading(reading, use, Now, _epoch));
        if (OneIn(20))
        {
            Interfere();
        }
    }

    private ReadingUse Judge(ConvergenceReading reading)
    {
        var state = Refusals.Retract(_terms, _state, reading, RefusedSince);
        var step = ConvergencePolicy.Step(_terms, state, reading);
        if (step.Decision is not ConvergenceDecision.Wait)
        {
            if (OneIn(4))
            {
                return ReadingUse.Waited;
            }

            _decided.Add(step);
            Write(DecidedBy.Policy, step.Decision, _sequence);
            Command(step.Decision);
            _saved = step.State;
        }
        else if (step.State.Round != _saved.Round)
        {
            _saved = step.State;
        }

        _state = step.State;
        return ReadingUse.Judged;
    }

    private void DecideAlone()
    {
        var limit = TimeSpan.FromMilliseconds(_chance.Next(1, 400));
        var (done, at) = (new ConvergenceDecision.SetDowntimeLimit(limit), _at - TimeSpan.FromMilliseconds(1));
        var applied = !OneIn(3);
        _engine = applied ? limit : _engine;
        _decisions.Add(new RecordedDecision(_decisions.Count + 1, DecidedBy.Agent, done, at)
        {
            At = s_start + at,
            ReadingSequence = _sequence,
            Applied = applied,
        });
        _state = (applied ? UnattendedPolicy.After(_terms, _state, done, at) : _state).WithLimit(_engine);
        _saved = _state;
    }

    private void Interfere()
    {
        switch (_chance.Next(4))
        {
            case 0:
                Write(DecidedBy.Outsider, new ConvergenceDecision.Wait(), _sequence);
                break;
            case 1:
                var limit = _terms.Budget / 2;
                Write(DecidedBy.Outsider, new ConvergenceDecision.SetDowntimeLimit(limit), _sequence);
                _state = _state.WithLimit(limit);
                break;
            case 2:
                Write(DecidedBy.Outsider, new ConvergenceDecision.Pause(TimeSpan.FromSeconds(5)), _sequence);
                Command(new ConvergenceDecision.Pause(TimeSpan.FromSeconds(5)));
                _state = _state.WithPause(_at, TimeSpan.FromSeconds(5));
                break;
            default:
                _terms = _terms with { Budget = _terms.Budget / 2 };
                Write(DecidedBy.Outsider, new ConvergenceDecision.Wait(), _sequence, _terms);
                _state = ConvergencePolicy.SwitchDocument(_terms, _state, _at);
                break;
        }

        _saved = _state;
    }

    private void Write(DecidedBy by, ConvergenceDecision decision, long reading, ConvergenceTerms? switchTo = null) =>
        _decisions.Add(new RecordedDecision(_decisions.Count + 1, by, decision, _at)
        {
            At = Now.AddMilliseconds(1),
            ReadingSequence = reading,
            SwitchTo = switchTo,
        });

    private void Command(ConvergenceDecision decision)
    {
        RefusableAct? act = decision switch
        {
            ConvergenceDecision.Pause => RefusableAct.Pause,
            ConvergenceDecision.Resume => RefusableAct.Resume,
            ConvergenceDecision.StartPostCopy => RefusableAct.StartPostCopy,
            _ => null,
        };
        if (act is { } refusable)
        {
            _commands.Add(new RecordedCommand(refusable, Now, OneIn(2) ? Now.AddMilliseconds(2) : null));
        }
    }

    private TimeSpan? RefusedSince(RefusableAct act) =>
        _commands.LastOrDefault(command => command.Act == act)?.RefusedAt is { } refused ? Now - refused : null;

    private bool OneIn(int often) => _chance.Next(often) == 0;
}
