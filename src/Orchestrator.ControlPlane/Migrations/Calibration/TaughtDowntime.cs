using Orchestrator.Policy.Convergence;
using Orchestrator.V1;
using MigrationPhase = Orchestrator.Policy.Lifecycle.MigrationPhase;

namespace Orchestrator.ControlPlane.Migrations.Calibration;

/// <summary>What a migration teaches at its end.</summary>
internal sealed record TaughtDowntime(ObservationKind Kind, DowntimeObservation Observation)
{
    /// <returns>
    /// Null for one that teaches nothing: it did not move by pre-copy alone, its guest stood still already, or one of the numbers is missing.
    /// </returns>
    public static TaughtDowntime? Of(Migration ended, string deviceKind) =>
        ended is
        {
            Phase: MigrationPhase.Completed,
            Mode: MigrationMode.Live,
            GuestWasRunning: true,
            Tally: { PostCopyUsed: false, PredictedDowntime: { } predicted, PredictedOverhead: { } overhead, ReportedDowntime: { } reported } tally,
        }
        && tally.PausedToConverge == TimeSpan.Zero
            ? new TaughtDowntime(
                ObservationKind.Of(tally.SourceEngineVersion, tally.TargetEngineVersion, deviceKind),
                new DowntimeObservation(predicted, overhead, reported, tally.ObservedDowntime, ended.MaxDowntime))
            : null;
}
