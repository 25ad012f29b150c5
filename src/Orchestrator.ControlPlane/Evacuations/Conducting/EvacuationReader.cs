using System.Data;
using Npgsql;
using Orchestrator.ControlPlane.Database;
using Orchestrator.ControlPlane.Evacuations.Ledger;
using Orchestrator.ControlPlane.Queue;
using Orchestrator.Policy.Evacuation;

namespace Orchestrator.ControlPlane.Evacuations.Conducting;

/// <summary>Reads everything that one step of an evacuation is decided on: state, fleet and migrations as of one moment.</summary>
internal sealed class EvacuationReader(
    DatabaseGate database, CharterReader charters, LimitsStore limits, EvacuationFleet fleet, MoveReports moves)
{
    /// <returns>Null when there is no such evacuation.</returns>
    public async Task<EvacuationView?> ReadAsync(Guid evacuationId, RefusedAttempts refused, CancellationToken cancellation)
    {
        var inForce = (await limits.ReadAsync(cancellation)).Limits;
        if (await database.RunAsync((connection, token) => EvacuationStore.FindAsync(connection, evacuationId, token), cancellation) is not { } asked)
        {
            return null;
        }

        // What was asked for never changes; where it stands is read with the rest.
        var charter = await charters.ReadAsync(asked.Spec, asked.HostIds, cancellation);
        var (evacuation, facts, rows) = await AtOneMomentAsync(
            async (connection, token) =>
            {
                var now = await EvacuationStore.FindAsync(connection, evacuationId, token) ?? asked;
                return (
                    now,
                    await fleet.ReadAsync(connection, EvacuationScope.Of(now, charter), inForce, token),
                    await MoveReports.ReadAsync(connection, evacuationId, now.State, token));
            },
            cancellation);
        var reports = await moves.WordAsync(charter, evacuation, rows, refused, cancellation);
        return new EvacuationView(evacuation, charter.Terms, new ConductorFacts(facts, reports));
    }

    /// <summary>The fleet as an evacuation would find it that begins now.</summary>
    public async Task<FleetFacts> ReadFleetAsync(V1.EvacuationSpec spec, EvacuationCharter charter, CancellationToken cancellation)
    {
        var inForce = (await limits.ReadAsync(cancellation)).Limits;
        var scope = new EvacuationScope(
            null,
            charter,
            EvacuationConductor.Start(charter.Terms).Hosts,
            new Dictionary<string, GuestStanding>(StringComparer.Ordinal),
            EvacuationScope.ClassOf(spec));
        return await AtOneMomentAsync((connection, token) => fleet.ReadAsync(connection, scope, inForce, token), cancellation);
    }

    private Task<T> AtOneMomentAsync<T>(Func<NpgsqlConnection, CancellationToken, Task<T>> read, CancellationToken cancellation) => database.RunAsync(
        async (connection, token) =>
        {
            await using var transaction = await connection.BeginTransactionAsync(IsolationLevel.RepeatableRead, token);
            return await read(connection, token);
        },
        cancellation);
}

/// <summary>What a conductor decides on.</summary>
internal sealed record EvacuationView(Evacuation Evacuation, EvacuationTerms Terms, ConductorFacts Facts);
