namespace Orchestrator.Policy.Convergence.Replay;

/// <summary>What was decided beside what would have been.</summary>
/// <param name="Steps">Every reading at which one of the two decided something, oldest first.</param>
/// <param name="Readings">How many the policy was asked about.</param>
/// <param name="Missing">Reports between the first reading and the last that were never recorded.</param>
public sealed record ReplayOutcome(IReadOnlyList<ReplayStep> Steps, int Readings, int Missing)
{
    /// <summary>Index of the first step at which they differ; null when they never do.</summary>
    public int? PartsAt { get; } = Steps.Select((step, index) => step.Same ? (int?)null : index).FirstOrDefault(index => index is not null);
}

/// <param name="On">The reading that both decided on; null for a recorded decision whose reading is not there.</param>
/// <param name="Recorded">Null: nothing was decided.</param>
/// <param name="Replayed">Null: nothing would have been decided.</param>
/// <param name="Same">True also of what was decided by others than the policy: it holds in both.</param>
public sealed record ReplayStep(RecordedReading? On, RecordedDecision? Recorded, ConvergenceStep? Replayed, bool Same);
