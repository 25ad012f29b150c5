using Dapper;
using Google.Protobuf;
using Grpc.Core;
using Npgsql;
using Orchestrator.Bench.Agents;
using Orchestrator.LocalFleet.Processes;
using Orchestrator.V1;

namespace Orchestrator.Bench.Fleet;

/// <summary>
/// Fills the ledger: hosts through the API, which is quick and makes the links to their agents; guests and the queue by SQL, since ten
/// thousand of each through the API would take longer than everything that is measured. Each such row is copied from one that the API
/// wrote, so that it has what the product gives a row, whatever columns there are.
/// </summary>
internal sealed class FleetSeed(ControlPlaneServer controlPlane, ScriptedFleet agents, FleetPeople people, NpgsqlDataSource database, TimeProvider clock)
{
    private const int AtOnce = 16;
    private const string Template = "template";
    private static readonly string[] s_callers = ["alice", "bob", "carol", "dave", "erin"];

    public Task RegisterHostsAsync(CancellationToken cancellation) => Parallel.ForEachAsync(
        agents.Hosts.Index(),
        new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellation },
        async (entry, token) => await controlPlane.Hosts.RegisterHostAsync(
            new RegisterHostRequest
            {
                HostId = entry.Item.HostId,
                AgentEndpoint = agents.EndpointOf(entry.Item),
                Labels = { agents.Shape.LabelsOf(entry.Index).ToDictionary() },
            },
            cancellationToken: token));

    public async Task SettleGuestsAsync(CancellationToken cancellation)
    {
        await controlPlane.Guests.DefineGuestAsync(
            new DefineGuestRequest { GuestId = Template, Spec = people.Guests[0].Spec }, cancellationToken: cancellation);
        await controlPlane.Guests.StartGuestAsync(
            new StartGuestRequest { GuestId = Template, HostId = agents.Hosts[0].HostId }, cancellationToken: cancellation);

        // The agents first: what the ledger has running and its host does not is taken for crashed.
        foreach (var group in people.Guests.GroupBy(guest => guest.Host))
        {
            agents.Hosts[group.Key].Settle(group.Select(guest => (guest.GuestId, guest.Spec)));
        }

        const string Sql = """
            INSERT INTO guests
            SELECT r.*
              FROM unnest(@ids, @hosts, @specs::jsonb[], @labels::jsonb[], @terms::jsonb[]) AS w (guest_id, host_id, spec, labels, placement)
              JOIN guests g ON g.guest_id = 'template'
             CROSS JOIN LATERAL jsonb_populate_record(g, to_jsonb(w) || jsonb_build_object('defined_spec', w.spec)) AS r
            """;
        await ExecuteAsync(
            Sql,
            new
            {
                ids = people.Guests.Select(guest => guest.GuestId).ToArray(),
                hosts = people.Guests.Select(guest => agents.Hosts[guest.Host].HostId).ToArray(),
                specs = people.Guests.Select(guest => JsonFormatter.Default.Format(guest.Spec)).ToArray(),
                labels = people.Guests.Select(guest => $$"""{"service": "{{guest.Service}}"}""").ToArray(),
                terms = people.Guests.Select(guest => JsonFormatter.Default.Format(guest.Placement)).ToArray(),
            },
            cancellation);
    }

    /// <summary>Puts the guests that are to move into the queue, each in its caller's name, every fourth to a host of its caller's choice.</summary>
    public async Task FillQueueAsync(CancellationToken cancellation)
    {
        var template = Guid.NewGuid().ToString();
        await controlPlane.Migrations.StartMigrationAsync(
            new StartMigrationRequest
            {
                MigrationId = template,
                GuestId = Template,
                RequestedBy = s_callers[0],
                NotBefore = Google.Protobuf.WellKnownTypes.Timestamp.FromDateTimeOffset(clock.GetUtcNow().AddHours(1)),
            },
            cancellationToken: cancellation);
        var waiting = people.Waiting.ToList();
        const string Sql = """
            WITH written AS (
                INSERT INTO migrations
                SELECT r.*
                  FROM unnest(@ids::uuid[], @guests, @targets, @callers, @classes) AS w (migration_id, guest_id, target_host_id, requested_by, priority_class)
                  JOIN migrations m ON m.migration_id = @template::uuid
                  JOIN guests g ON g.guest_id = w.guest_id
                 CROSS JOIN LATERAL jsonb_populate_record(m, to_jsonb(w) || jsonb_build_object(
                       'source_host_id', g.host_id, 'spec', g.spec, 'not_before', NULL, 'created_at', clock_timestamp(), 'phase_since', clock_timestamp(),
                       'request', m.request || jsonb_build_object('migrationId', w.migration_id, 'guestId', w.guest_id))) AS r
             RETURNING migration_id, created_at),
            begun AS (
                INSERT INTO migration_transitions (migration_id, sequence, from_phase, to_phase, at, reason)
                SELECT w.migration_id, t.sequence, t.from_phase, t.to_phase, w.created_at, t.reason
                  FROM written w
                  JOIN migration_transitions t ON t.migration_id = @template::uuid)
            SELECT pg_notify('queue', '')
            """;
        await ExecuteAsync(
            Sql,
            new
            {
                template,
                ids = waiting.Select(_ => Guid.NewGuid().ToString()).ToArray(),
                guests = waiting.Select(guest => guest.GuestId).ToArray(),
                targets = waiting.Select((guest, index) => index % 4 == 0 && agents.Hosts.Count > 1
                    ? agents.Hosts[(guest.Host + 1 + Draw.Below(guest.Seed, 5, agents.Hosts.Count - 1)) % agents.Hosts.Count].HostId
                    : "").ToArray(),
                callers = waiting.Select((_, index) => s_callers[index % s_callers.Length]).ToArray(),
                classes = waiting.Select(guest => Draw.Below(guest.Seed, 6, 10) switch
                {
                    < 7 => "user",
                    < 9 => "evacuation",
                    _ => "rebalancing",
                }).ToArray(),
            },
            cancellation);
        await controlPlane.Migrations.CancelMigrationAsync(
            new CancelMigrationRequest { MigrationId = template, Reason = "it was a pattern" }, cancellationToken: cancellation);
    }

    /// <summary>What a start asks for while it is measured.</summary>
    public static StartMigrationRequest Start(BenchGuest guest) => new()
    {
        MigrationId = Guid.NewGuid().ToString(),
        GuestId = guest.GuestId,
        RequestedBy = s_callers[guest.Host % s_callers.Length],
    };

    /// <exception cref="RpcException">Never; the database throws its own.</exception>
    private async Task ExecuteAsync(string sql, object parameters, CancellationToken cancellation)
    {
        await using var connection = await database.OpenConnectionAsync(cancellation);
        await connection.ExecuteAsync(new CommandDefinition(sql, parameters, commandTimeout: 120, cancellationToken: cancellation));

        // A table that has just been filled is planned for as if it were empty until autovacuum comes by, within the minute; a fleet that
        // has run for a day has that behind it.
        await connection.ExecuteAsync(new CommandDefinition("ANALYZE guests, migrations", commandTimeout: 120, cancellationToken: cancellation));
    }
}
