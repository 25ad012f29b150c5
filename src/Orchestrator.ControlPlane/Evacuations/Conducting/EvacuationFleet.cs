using Dapper;
using Npgsql;
using Orchestrator.ControlPlane.Guests;
using Orchestrator.ControlPlane.Placement;
using Orchestrator.Policy;
using Orchestrator.Policy.Admission;
using Orchestrator.Policy.Evacuation;
using Orchestrator.Policy.Placement;
using GuestFacts = Orchestrator.Policy.Evacuation.GuestFacts;

namespace Orchestrator.ControlPlane.Evacuations.Conducting;

/// <summary>
/// The one place that makes the planner's facts: from placement's reading of the fleet, and from what the guests that are to move have done
/// lately.
/// </summary>
internal sealed class EvacuationFleet(FleetStore fleet)
{
    /// <param name="connection">In a transaction that sees one moment.</param>
    public async Task<FleetFacts> ReadAsync(
        NpgsqlConnection connection, EvacuationScope scope, AdmissionLimits limits, CancellationToken cancellation)
    {
        var reading = await fleet.ReadAsync(connection, limits.FailureMemory, scope.Standings.Keys.ToList(), cancellation);
        var whereabouts = await WhereaboutsAsync(connection, scope, cancellation);
        var removed = scope.Hosts.ExceptBy(reading.Snapshot.Hosts.Select(host => host.HostId), host => host.HostId).Select(Removed);
        return new FleetFacts
        {
            Fleet = reading.Snapshot with { Hosts = [.. reading.Snapshot.Hosts, .. removed] },
            Guests = [.. whereabouts.Select(row => Mover(row, scope, reading)).OfType<GuestFacts>()],
            LastResort = await WaitingElsewhereAsync(connection, scope.EvacuationId, cancellation),
            Foreign = await ForeignAsync(connection, scope.EvacuationId, limits, cancellation),
            Limits = new TransferLimits
            {
                Transferring = limits.Transferring,
                Preparing = limits.Preparing,
                TransferringPerSource = limits.TransferringPerSource,
                TransferringPerTarget = limits.TransferringPerTarget,
                PreparingPerTarget = limits.PreparingPerTarget,
                LinkShare = limits.LinkShare,
                Weight = limits.ClassOf(scope.PriorityClass).Weight,
            },
        };
    }

    // Whoever removed it, has it: nothing is on it, and nothing keeps the next host from its turn.
    private static FleetHost Removed(HostStanding standing) => new()
    {
        HostId = standing.HostId,
        Condition = HostCondition.Dead,
        Cordoned = standing.Phase is not HostPhase.Empty,
        CordonReason = "it does not exist any more",
        MemoryAllocatable = DataSize.Zero,
        VcpusAllocatable = 0,
    };

    private static GuestFacts? Mover(Whereabouts row, EvacuationScope scope, FleetReading reading)
    {
        var standing = scope.Standings.GetValueOrDefault(row.GuestId);
        if (reading.RequestFor(row.GuestId) is not { } request)
        {
            return null;
        }

        // Shut down, and not yet started elsewhere: it counts as being where it was.
        if (request.Guest.HostId is null && reading.Snapshot.Hosts.Any(host => host.HostId == standing?.SourceHostId))
        {
            request = request with { Guest = request.Guest with { HostId = standing?.SourceHostId } };
        }

        var policy = scope.Charter.PolicyOf(row.GuestId);
        return new GuestFacts
        {
            Placement = request,
            Activity = Activity(row, scope.Charter.Terms.Of(row.GuestId), standing),
            Held = Held(row, scope.EvacuationId),
            DirtyRate = row.DirtyBytesPerSecond is { } dirtying ? new DataRate(dirtying) : null,
            MaxRate = policy?.Bandwidth.Max ?? DataRate.Zero,
            MaxDowntime = policy?.MaxDowntime ?? TimeSpan.FromMilliseconds(300),
        };
    }

    private static GuestActivity Activity(Whereabouts row, GuestTerms terms, GuestStanding? standing) => row.State switch
    {
        nameof(StoredGuestState.ShutOff) or nameof(StoredGuestState.Crashed) => GuestActivity.Stopped,
        nameof(StoredGuestState.Paused) => GuestActivity.Paused,

        // Being started where it was to be restarted: not there yet.
        nameof(StoredGuestState.Starting) when terms.Treatment is GuestTreatment.Restart && row.HostId == standing?.TargetHostId
            => GuestActivity.Stopped,
        _ => GuestActivity.Running,
    };

    private static string? Held(Whereabouts row, Guid? evacuationId) =>
        row.ActiveEvacuationId is { } other && other != evacuationId ? $"The guest is being moved by evacuation {other}."
        : row is { ActiveMigrationId: { } migration, ActiveEvacuationId: null } ? $"The guest is being moved by migration {migration}, which somebody else started."
        : row is { State: nameof(StoredGuestState.Starting) } ? "The guest is being started."
        : row.Stopping ? "The guest is being stopped."
        : null;

    /// <summary>Of guests on the hosts that are emptied, and of those that the evacuation has to do with already.</summary>
    private static Task<IEnumerable<Whereabouts>> WhereaboutsAsync(
        NpgsqlConnection connection, EvacuationScope scope, CancellationToken cancellation)
    {
        const string Sql = """
            SELECT g.guest_id AS GuestId, g.host_id AS HostId, g.state, g.stopping, running.migration_id AS ActiveMigrationId,
                   running.evacuation_id AS ActiveEvacuationId, measured.dirtying AS DirtyBytesPerSecond
              FROM guests g
              LEFT JOIN migrations running
                ON running.guest_id = g.guest_id AND running.phase NOT IN ('Completed', 'Cancelled', 'Failed')
              LEFT JOIN LATERAL (
                   SELECT (m.latest_reading ->> 'dirtyBytesPerSecond')::bigint AS dirtying
                     FROM migrations m
                    WHERE m.guest_id = g.guest_id AND m.latest_reading ? 'dirtyBytesPerSecond'
                    ORDER BY m.created_at DESC
                    LIMIT 1) AS measured ON true
             WHERE g.host_id = ANY (@hostIds) OR g.guest_id = ANY (@guestIds)
            """;
        return connection.QueryAsync<Whereabouts>(new CommandDefinition(
            Sql,
            new { hostIds = scope.Hosts.Select(host => host.HostId).ToArray(), guestIds = scope.Standings.Keys.ToArray() },
            cancellationToken: cancellation));
    }

    /// <summary>Hosts whose turn in another evacuation is still to come.</summary>
    private static async Task<HashSet<string>> WaitingElsewhereAsync(
        NpgsqlConnection connection, Guid? evacuationId, CancellationToken cancellation)
    {
        const string Sql = """
            SELECT host_id FROM evacuation_hosts
             WHERE running AND phase = 'Waiting' AND evacuation_id IS DISTINCT FROM @evacuationId
            """;
        return (await connection.QueryAsync<string>(new CommandDefinition(Sql, new { evacuationId }, cancellationToken: cancellation)))
            .ToHashSet(StringComparer.Ordinal);
    }

    /// <summary>What others have on the links.</summary>
    private static async Task<IReadOnlyList<ForeignTransfer>> ForeignAsync(
        NpgsqlConnection connection, Guid? evacuationId, AdmissionLimits limits, CancellationToken cancellation)
    {
        const string Sql = """
            SELECT m.source_host_id, s.target_host_id, m.priority_class,
                   coalesce((m.latest_reading ->> 'remainingBytes')::bigint, s.memory_bytes) AS remaining
              FROM migration_slots s
              JOIN migrations m ON m.migration_id = s.migration_id
             WHERE m.evacuation_id IS DISTINCT FROM @evacuationId
               AND m.phase IN ('Queued', 'Preparing', 'Copying', 'SwitchingOver', 'PostCopy')
             ORDER BY m.created_at, m.migration_id
            """;
        return
        [
            .. (await connection.QueryAsync<(string Source, string Target, string Class, long Remaining)>(
                new CommandDefinition(Sql, new { evacuationId }, cancellationToken: cancellation)))
                .Select(row => new ForeignTransfer(row.Source, row.Target, new DataSize(row.Remaining), limits.ClassOf(row.Class).Weight)),
        ];
    }

    /// <summary>Positional on purpose: a column that does not fit throws instead of staying at its default.</summary>
    private sealed record Whereabouts(
        string GuestId, string? HostId, string State, bool Stopping, Guid? ActiveMigrationId, Guid? ActiveEvacuationId, long? DirtyBytesPerSecond);
}

/// <summary>Whose facts are wanted.</summary>
/// <param name="EvacuationId">Null: of one that is only thought of.</param>
/// <param name="Standings">By guest id.</param>
internal sealed record EvacuationScope(
    Guid? EvacuationId,
    EvacuationCharter Charter,
    IReadOnlyList<HostStanding> Hosts,
    IReadOnlyDictionary<string, GuestStanding> Standings,
    string PriorityClass)
{
    private const string UsualClass = "evacuation";

    public static EvacuationScope Of(Evacuation evacuation, EvacuationCharter charter) => new(
        evacuation.EvacuationId,
        charter,
        evacuation.State.Hosts,
        evacuation.State.Guests.ToDictionary(guest => guest.GuestId, StringComparer.Ordinal),
        ClassOf(evacuation.Spec));

    public static string ClassOf(V1.EvacuationSpec spec) => spec.PriorityClass.Length > 0 ? spec.PriorityClass : UsualClass;
}
