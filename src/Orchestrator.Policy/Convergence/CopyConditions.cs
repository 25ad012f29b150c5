namespace Orchestrator.Policy.Convergence;

/// <summary>What is known of a copy's hosts and link before it begins.</summary>
/// <param name="LineRate">Of the slower end, when the copy is not capped; null = not known.</param>
public sealed record CopyConditions(SwitchOverCost Overhead, DataRate? LineRate)
{
    /// <summary>Where nothing is.</summary>
    public static CopyConditions Usual { get; } = new(SwitchOverCost.Usual, null);
}
