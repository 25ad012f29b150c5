using Orchestrator.V1;

namespace Orchestrator.Cli.Migrations.Following;

/// <summary>The decisions of one migration so far, since the list and the stream overlap after a reconnect.</summary>
internal sealed class DecisionsSeen
{
    private readonly Dictionary<uint, DecisionOutcome> _bySequence = [];

    /// <summary>True for a decision, or an outcome of one, that has not been seen.</summary>
    public bool IsNew(Decision decision)
    {
        if (_bySequence.TryGetValue(decision.Sequence, out var before)
            && (before == decision.Outcome || decision.Outcome == DecisionOutcome.Intended))
        {
            return false;
        }

        _bySequence[decision.Sequence] = decision.Outcome;
        return true;
    }
}
