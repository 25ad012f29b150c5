namespace Orchestrator.Policy.Convergence;

/// <summary>What one migration is run under: the policy's document, the caller's promise, and what is possible for this guest.</summary>
public sealed record ConvergenceTerms
{
    public required ConvergenceDocument Document { get; init; }

    /// <summary>The budget that holds: the smaller of the caller's and the document's.</summary>
    public required TimeSpan Budget { get; init; }

    /// <summary>The caller's limit on the whole copy, from the engine's start; null = none.</summary>
    public TimeSpan? Deadline { get; init; }

    public required DataSize GuestMemory { get; init; }

    /// <summary>False for a guest with VFIO devices, a non-live migration, or sides that were not prepared for it.</summary>
    public required bool PostCopyPossible { get; init; }

    /// <summary>False where the engine's throttling was not prepared.</summary>
    public required bool ThrottlePossible { get; init; }

    /// <summary>What a switch-over costs however little is left to send.</summary>
    public SwitchOverCost Overhead { get; init; } = SwitchOverCost.Usual;

    /// <summary>What the link carries when the copy is not capped, as configured or measured on the hosts; null = not known.</summary>
    public DataRate? LineRate { get; init; }
}
