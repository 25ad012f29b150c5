using Orchestrator.ControlPlane.Hosts;
using Orchestrator.Policy;
using Orchestrator.Policy.Convergence;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Migrations.Calibration;

/// <summary>What the fleet knows of a copy before it begins.</summary>
internal sealed class ConditionsReader(CalibrationStore calibrations, HostStore hosts)
{
    /// <param name="begun">The copy has: only what its end needs is read.</param>
    public async Task<KnownConditions> ReadAsync(Migration migration, bool begun, CancellationToken cancellation)
    {
        if (begun && migration.Spec.VfioDevices.Count == 0)
        {
            return KnownConditions.Usual;
        }

        var source = (await hosts.FindAsync(migration.SourceHostId, cancellation))?.Description;
        var target = (await hosts.FindAsync(migration.TargetHostId, cancellation))?.Description;
        var kind = ObservationKind.Of(
            VersionOf(migration.Tally.SourceEngineVersion, source),
            VersionOf(migration.Tally.TargetEngineVersion, target),
            ObservationKind.DeviceKindOf(migration.Spec, source));
        var overhead = SwitchOverCalibration.Learn(
            await calibrations.ListLatestAsync(kind, anyVersion: false, cancellation),
            await calibrations.ListLatestAsync(kind, anyVersion: true, cancellation));
        return new KnownConditions(new CopyConditions(overhead, Slower(LineRateOf(source), LineRateOf(target))), kind.DeviceKind);
    }

    /// <summary>A guest that was started before its host got a newer engine runs on an older one than the host says.</summary>
    private static string VersionOf(string reported, HostDescription? host) =>
        reported.Length > 0 ? reported : host is { Engines: [var engine, ..] } ? engine.Version : "";

    private static DataRate? LineRateOf(HostDescription? host) =>
        host?.Links.Where(link => link is { CarriesMigrations: true, BytesPerSecond: > 0 })
            .Select(link => (DataRate?)new DataRate((long)Math.Min(link.BytesPerSecond, long.MaxValue)))
            .Max();

    private static DataRate? Slower(DataRate? one, DataRate? other) => one is { } a && other is { } b ? (a < b ? a : b) : one ?? other;
}

/// <param name="DeviceKind">As in <see cref="ObservationKind"/>.</param>
internal sealed record KnownConditions(CopyConditions Conditions, string DeviceKind)
{
    public static KnownConditions Usual { get; } = new(CopyConditions.Usual, "");
}
