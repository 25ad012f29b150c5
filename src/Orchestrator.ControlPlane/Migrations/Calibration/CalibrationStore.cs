using Dapper;
using Orchestrator.ControlPlane.Database;
using Orchestrator.Policy.Convergence;

namespace Orchestrator.ControlPlane.Migrations.Calibration;

/// <summary>Owns the table downtime_observations; its rows are written by the statement that ends a migration.</summary>
internal sealed class CalibrationStore(DatabaseGate database)
{
    private const string Columns = "predicted, predicted_overhead AS PredictedOverhead, reported, observed, budget";

    // The latest first; which of two of one moment counts must not change from one look to the next.
    private const string Latest = "at DESC, migration_id";

    /// <param name="anyVersion">Of all engine versions.</param>
    public Task<IReadOnlyList<DowntimeObservation>> ListLatestAsync(ObservationKind kind, bool anyVersion, CancellationToken cancellation)
    {
        const string Sql = $"""
            SELECT {Columns}
              FROM downtime_observations
             WHERE engine = @Engine AND device_kind = @DeviceKind
               AND (@anyVersion OR (source_engine_version = @SourceEngineVersion AND target_engine_version = @TargetEngineVersion))
             ORDER BY {Latest}
             LIMIT @most
            """;
        var parameters = new
        {
            kind.Engine,
            kind.SourceEngineVersion,
            kind.TargetEngineVersion,
            kind.DeviceKind,
            anyVersion,
            most = SwitchOverCalibration.Most,
        };
        return database.RunAsync<IReadOnlyList<DowntimeObservation>>(
            async (connection, token) =>
                [.. await connection.QueryAsync<DowntimeObservation>(new CommandDefinition(Sql, parameters, cancellationToken: token))],
            cancellation);
    }

    /// <summary>What counts of every kind there is, in the order of the kinds.</summary>
    public Task<IReadOnlyList<CalibratedKind>> ListAsync(CancellationToken cancellation)
    {
        const string Sql = $"""
            SELECT engine, source_engine_version AS SourceEngineVersion, target_engine_version AS TargetEngineVersion,
                   device_kind AS DeviceKind, at, {Columns}
              FROM (SELECT *, row_number() OVER (
                               PARTITION BY engine, source_engine_version, target_engine_version, device_kind ORDER BY {Latest}) AS place
                      FROM downtime_observations) AS placed
             WHERE place <= @most
             ORDER BY engine, source_engine_version, target_engine_version, device_kind, place
            """;
        return database.RunAsync<IReadOnlyList<CalibratedKind>>(
            async (connection, token) =>
            [
                .. (await connection.QueryAsync<Row>(new CommandDefinition(
                        Sql, new { most = SwitchOverCalibration.Most }, cancellationToken: token)))
                    .GroupBy(row => row.Kind)
                    .Select(rows => new CalibratedKind(
                        rows.Key, new DateTimeOffset(rows.First().At, TimeSpan.Zero), [.. rows.Select(row => row.Observation)])),
            ],
            cancellation);
    }

    /// <summary>Those that do not count any more.</summary>
    public Task RemoveOldAsync(CancellationToken cancellation)
    {
        const string Sql = $"""
            DELETE FROM downtime_observations o
             USING (SELECT migration_id, row_number() OVER (
                               PARTITION BY engine, source_engine_version, target_engine_version, device_kind ORDER BY {Latest}) AS place
                      FROM downtime_observations) AS placed
             WHERE o.migration_id = placed.migration_id AND place > @most
            """;
        return database.RunAsync(
            (connection, token) => connection.ExecuteAsync(
                new CommandDefinition(Sql, new { most = SwitchOverCalibration.Most }, cancellationToken: token)),
            cancellation);
    }

    /// <summary>Positional on purpose: a column that does not fit throws instead of staying at its default.</summary>
    private sealed record Row(
        string Engine,
        string SourceEngineVersion,
        string TargetEngineVersion,
        string DeviceKind,
        DateTime At,
        TimeSpan Predicted,
        TimeSpan PredictedOverhead,
        TimeSpan Reported,
        TimeSpan? Observed,
        TimeSpan Budget)
    {
        public ObservationKind Kind => new(Engine, SourceEngineVersion, TargetEngineVersion, DeviceKind);

        public DowntimeObservation Observation => new(Predicted, PredictedOverhead, Reported, Observed, Budget);
    }
}

/// <summary>Of one kind, the latest first.</summary>
internal sealed record CalibratedKind(ObservationKind Kind, DateTimeOffset LastAt, IReadOnlyList<DowntimeObservation> Observations);
