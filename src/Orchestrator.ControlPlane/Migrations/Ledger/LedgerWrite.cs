using Orchestrator.ControlPlane.Guests;
using Orchestrator.ControlPlane.Migrations.Calibration;

namespace Orchestrator.ControlPlane.Migrations.Ledger;

/// <summary>Everything that one step writes.</summary>
/// <param name="Read">The row as it stands.</param>
/// <param name="Now">The row as it is to stand: the next revision under the same epoch.</param>
internal sealed record LedgerWrite(Migration Read, Migration Now, DateTimeOffset At)
{
    /// <summary>Of the transition, when the phase changes.</summary>
    public string Reason { get; init; } = "";

    public StoredDecision? Decision { get; init; }

    /// <summary>Intentions, to be sent once they are written.</summary>
    public IReadOnlyList<StoredCommand> Commands { get; init; } = [];

    /// <summary>What it teaches when this ends it; null for nothing.</summary>
    public TaughtDowntime? Taught { get; init; }

    /// <summary>What the guest is when the migration ends; null leaves what was known before.</summary>
    public StoredGuestState? GuestState { get; init; }
}

internal enum WriteOutcome
{
    Written,

    /// <summary>Somebody with a higher epoch has taken over: stop.</summary>
    Fenced,

    /// <summary>The caller's change has been written before.</summary>
    RequestedBefore,
}
