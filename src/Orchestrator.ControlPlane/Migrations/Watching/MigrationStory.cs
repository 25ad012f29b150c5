using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Migrations.Watching;

/// <summary>One migration as the ledger has it: its row, and at least what is new since the watchers were told.</summary>
internal sealed record MigrationStory(Migration Migration, IReadOnlyList<Transition> Transitions, IReadOnlyList<Decision> Decisions)
{
    /// <summary>As it happened; a decision before the transition that was written with it.</summary>
    public IEnumerable<MigrationHappening> InOrder()
    {
        var id = Migration.MigrationId.ToString();
        return Decisions.Select(decision => (decision.At, Order: 0, Happening: new MigrationHappening { MigrationId = id, Decision = decision }))
            .Concat(Transitions.Select(
                transition => (transition.At, Order: 1, Happening: new MigrationHappening { MigrationId = id, Transition = transition })))
            .OrderBy(told => told.At.ToDateTimeOffset()).ThenBy(told => told.Order)
            .Select(told => told.Happening);
    }
}

/// <summary>How far the ledger is with one migration.</summary>
internal sealed record LedgerPosition(Guid MigrationId, int LastTransition, int LastDecision, bool Ended);
