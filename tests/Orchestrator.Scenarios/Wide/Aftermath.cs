using Npgsql;
using Orchestrator.Agent.V1;
using Orchestrator.V1;
using GuestState = Orchestrator.V1.GuestState;

namespace Orchestrator.Scenarios.Wide;

/// <summary>
/// What must be so after every scenario: one running copy of every guest, its heartbeat unbroken, nothing held for anybody, nothing in the
/// queue, and a record that tells the whole story.
/// </summary>
internal static class Aftermath
{
    public static async Task AssertAsync(WideFleet fleet, params Resident[] guests)
    {
        foreach (var guest in guests)
        {
            await AssertOneCopyAsync(fleet, guest);
        }

        var queue = await fleet.AwaitAsync(
            (replica, options) => replica.Admission.ListQueueAsync(new ListQueueRequest(), options), answer => answer.Total == 0);
        Assert.Empty(queue.Queue);
        foreach (var agent in fleet.Fleet.Agents)
        {
            var use = (await fleet.AwaitHostAsync(agent.HostId, _ => true)).Use;
            Assert.Equal((0UL, 0U, 0U, 0U), (use.MemoryReservedBytes, use.VcpusReserved, use.MigrationsIn, use.MigrationsOut));
        }

        await Assert.AllAsync(guests, guest => AssertRecordAsync(fleet, guest.Id));
        await AssertLedgerAsync(fleet, guests);
    }

    /// <summary>Where the ledger says, in the state it says, and nowhere else.</summary>
    public static async Task AssertOneCopyAsync(WideFleet fleet, Resident guest)
    {
        var known = await fleet.AwaitGuestAsync(
            guest.Id, known => known.ActiveMigrationId.Length == 0 && known.State is GuestState.Running or GuestState.Paused);
        if (known.State == GuestState.Running)
        {
            await guest.BeatsOnAsync(known.HostId);
            Assert.Equal(known.HostId, guest.Journey.Stays[^1].HostId);
        }

        guest.Journey.AssertUnbroken();
        var process = Assert.Single(guest.Processes());
        foreach (var agent in fleet.Fleet.Agents)
        {
            var copies = (await agent.Agent.ListGuestsAsync(new Agent.V1.ListGuestsRequest())).Guests.Where(copy => copy.GuestId == guest.Id).ToList();
            if (agent.HostId == known.HostId)
            {
                var copy = Assert.Single(copies);
                Assert.Equal((process, false), ((int)copy.Pid, copy.Incoming));
                Assert.Equal(known.State == GuestState.Running ? RunState.Running : RunState.Paused, copy.RunState);
            }
            else
            {
                Assert.Empty(copies);
                Assert.False(Directory.Exists(Path.Combine(agent.RuntimeFolder, "guests", guest.Id)), $"its folder is left on {agent.HostId}");
            }

            Assert.DoesNotContain(
                (await agent.Agent.PollAsync(new PollRequest())).Reports,
                report => report.GuestId == guest.Id && report.SessionState != SessionState.Closed);
        }
    }

    /// <summary>Every transition and decision with its cause, none missing and none twice.</summary>
    private static async Task AssertRecordAsync(WideFleet fleet, string guestId)
    {
        var filter = new MigrationFilter { GuestId = guestId };
        var listed = await fleet.AskAsync((replica, options) => replica.Migrations.ListMigrationsAsync(
            new ListMigrationsRequest { Filter = filter, PageSize = 1000 }, options));
        foreach (var migration in listed.Migrations)
        {
            var id = migration.MigrationId;
            Assert.True(migration.EndedAt is not null, $"{migration}");
            var transitions = (await fleet.AskAsync((replica, options) => replica.Migrations.GetMigrationAsync(
                new GetMigrationRequest { MigrationId = id }, options))).Transitions;
            Assert.Equal(Enumerable.Range(1, transitions.Count), transitions.Select(transition => (int)transition.Sequence));
            Assert.Equal(transitions.Select(transition => transition.To).SkipLast(1), transitions.Select(transition => transition.From).Skip(1));
            Assert.Equal(migration.Phase, transitions[^1].To);
            Assert.All(transitions, transition => Assert.NotEmpty(transition.Reason));
            if (migration.Phase == MigrationPhase.Failed)
            {
                Assert.NotEqual(FailureReason.Unspecified, migration.FailureReason);
                Assert.NotEmpty(migration.FailureMessage);
            }

            var decisions = (await fleet.AskAsync((replica, options) => replica.Migrations.ListDecisionsAsync(
                new ListDecisionsRequest { MigrationId = id, PageSize = 1000 }, options))).Decisions;
            Assert.Equal(Enumerable.Range(1, decisions.Count), decisions.Select(decision => (int)decision.Sequence));
            Assert.All(decisions, decision =>
            {
                Assert.NotEmpty(decision.Rule);
                Assert.NotEmpty(decision.Reason);
                Assert.True(decision.Outcome is not (DecisionOutcome.Unspecified or DecisionOutcome.Intended), $"{decision}");
            });
        }
    }

    /// <summary>What no API shows. Each statement counts what may not be.</summary>
    private static async Task AssertLedgerAsync(WideFleet fleet, IReadOnlyCollection<Resident> guests)
    {
        (string What, string Sql)[] nothingOf =
        [
            ("slots held", "SELECT m.* FROM migration_slots s JOIN mine m USING (migration_id)"),
            ("room or holds on guests", """
                SELECT guest_id FROM guests
                 WHERE guest_id = ANY (@guests)
                   AND (active_migration_id IS NOT NULL OR migration_target_host_id IS NOT NULL OR migration_keeps_stopped)
                """),
            ("migrations commanded after their end", "SELECT * FROM mine WHERE replica_id IS NOT NULL"),
            ("commands without an outcome", "SELECT c.* FROM migration_commands c JOIN mine m USING (migration_id) WHERE c.outcome IS NULL"),
            ("gaps in the commands", """
                SELECT m.migration_id FROM mine m LEFT JOIN migration_commands c USING (migration_id)
                 GROUP BY m.migration_id, m.last_command HAVING count(c.command_id) <> m.last_command
                """),
            ("readings that are there twice", """
                SELECT r.migration_id FROM migration_readings r JOIN mine m USING (migration_id)
                 GROUP BY r.migration_id, r.sequence HAVING count(*) > 1
                """),
            ("transitions before those they follow", """
                SELECT a.migration_id FROM migration_transitions a JOIN mine m USING (migration_id)
                  JOIN migration_transitions b ON b.migration_id = a.migration_id AND b.sequence = a.sequence + 1 WHERE b.at < a.at
                """),
            ("wishes without an answer", "SELECT w.* FROM migration_wishes w JOIN mine m USING (migration_id) WHERE w.outcome IS NULL"),
            ("notices that are open", "SELECT n.* FROM notices n JOIN mine m USING (migration_id) WHERE n.state = 'Open'"),
            ("firings without an outcome", "SELECT f.* FROM schedule_firings f WHERE f.outcome IS NULL"),
        ];
        await using var connection = new NpgsqlConnection(fleet.Fleet.Database!.ConnectionString + ";Pooling=false");
        await connection.OpenAsync();
        foreach (var (what, sql) in nothingOf)
        {
            await using var command = connection.CreateCommand();
            command.CommandText = $"WITH mine AS (SELECT * FROM migrations WHERE guest_id = ANY (@guests)) SELECT count(*) FROM ({sql}) AS found";
            command.Parameters.AddWithValue("guests", guests.Select(guest => guest.Id).ToArray());
            var found = (long)(await command.ExecuteScalarAsync())!;
            Assert.True(found == 0, $"{found} {what}");
        }
    }
}
