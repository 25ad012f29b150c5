using Orchestrator.ControlPlane.Migrations.Calibration;
using Orchestrator.ControlPlane.Migrations.Replaying;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Migrations;

/// <summary>What the record says beyond what happened: what would have, and what was learnt.</summary>
internal sealed class MigrationHindsight(MigrationReplay replay, CalibrationStore calibrations)
{
    public Task<ReplayResult> ReplayAsync(ReplayMigrationCommand command, CancellationToken cancellation) => replay.RunAsync(command, cancellation);

    public async Task<ListCalibrationsResponse> ListCalibrationsAsync(CancellationToken cancellation) =>
        new() { Calibrations = { (await calibrations.ListAsync(cancellation)).Select(CalibrationMessage.Of).OfType<V1.Calibration>() } };
}
