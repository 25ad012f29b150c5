using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Migrations.Watching;

/// <summary>How far one watcher has been told of one migration, so that nothing is told twice, left out or out of order, whoever tells it.</summary>
internal sealed class WatchPosition
{
    private readonly Dictionary<uint, DecisionOutcome> _outcomes = [];
    private bool _sure;

    /// <summary>Sequence of the last transition told, or passed over since the watcher does not want it.</summary>
    public uint Transition { get; private set; }

    /// <summary>The same of decisions.</summary>
    public uint Decision { get; private set; }

    /// <summary>As it was when last looked at: the watcher wants it, and readings of it.</summary>
    public bool Wanted { get; set; }

    public bool Ended { get; set; }

    /// <summary>Decisions up to here need not be read again: all have their outcome.</summary>
    public uint SettledDecisions
    {
        get
        {
            var open = _outcomes.Where(told => told.Value is DecisionOutcome.Intended).Select(told => told.Key).ToList();
            return open.Count == 0 ? Decision : open.Min() - 1;
        }
    }

    /// <summary>All up to here was seen, in a snapshot.</summary>
    public void Catch(Migration migration)
    {
        _sure = true;
        Transition = Math.Max(Transition, (uint)migration.LastTransition);
        if ((uint)migration.LastDecision > Decision)
        {
            // Whether its outcome was known at that moment is found out with the next one.
            Decision = (uint)migration.LastDecision;
            _outcomes[Decision] = DecisionOutcome.Intended;
        }
    }

    /// <summary>Nothing of it was told yet, from the first on.</summary>
    public void BeginAtTheFirst() => _sure = true;

    public Step See(Transition transition)
    {
        if (transition.Sequence <= Transition)
        {
            return Step.Known;
        }

        if (_sure && transition.Sequence > Transition + 1)
        {
            return Step.Gap;
        }

        _sure = true;
        Transition = transition.Sequence;
        return Step.Next;
    }

    public Step See(Decision decision)
    {
        if (_outcomes.TryGetValue(decision.Sequence, out var told))
        {
            if (told == decision.Outcome || decision.Outcome is DecisionOutcome.Intended)
            {
                return Step.Known;
            }
        }
        else if (decision.Sequence <= Decision && decision.Outcome is DecisionOutcome.Intended)
        {
            return Step.Known;
        }
        else if (_sure && decision.Sequence > Decision + 1)
        {
            return Step.Gap;
        }

        _outcomes[decision.Sequence] = decision.Outcome;
        Decision = Math.Max(Decision, decision.Sequence);
        return Step.Next;
    }
}

/// <summary>What something new is to a watcher.</summary>
internal enum Step
{
    Next,

    /// <summary>Told before.</summary>
    Known,

    /// <summary>Something before it was not told: the ledger has it.</summary>
    Gap,
}
