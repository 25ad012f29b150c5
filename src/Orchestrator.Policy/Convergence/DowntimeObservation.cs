namespace Orchestrator.Policy.Convergence;

/// <summary>What one migration that completed by pre-copy alone was expected to cost, and cost.</summary>
/// <param name="Predicted">In the last good reading before the switch-over.</param>
/// <param name="PredictedOverhead">What of it stands for the switch-over itself, however little is left.</param>
/// <param name="Reported">By the engine.</param>
/// <param name="Observed">From stop to start by the agents' clocks; null = not known.</param>
public sealed record DowntimeObservation(
    TimeSpan Predicted, TimeSpan PredictedOverhead, TimeSpan Reported, TimeSpan? Observed, TimeSpan Budget)
{
    // Two hosts' clocks differ: beyond these it is the clocks that were observed.
    private static readonly TimeSpan s_least = TimeSpan.FromMilliseconds(-5);
    private static readonly TimeSpan s_most = TimeSpan.FromSeconds(2);

    /// <summary>The guest's: with our hand-over, which the engine does not see, where that can be believed.</summary>
    public TimeSpan True => Observed is { } seen && seen - Reported >= s_least && seen - Reported <= s_most ? seen : Reported;

    /// <summary>What was not sending. Never below zero.</summary>
    public TimeSpan Overhead => True - (Predicted - PredictedOverhead) is { Ticks: > 0 } rest ? rest : TimeSpan.Zero;
}
