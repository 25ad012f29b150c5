using Orchestrator.ControlPlane.Migrations.Ledger;
using Orchestrator.ControlPlane.Tests.Migrations;
using Orchestrator.TestPostgres;
using Kind = Orchestrator.Policy.Lifecycle.AgentCommandKind;
using LifecyclePhase = Orchestrator.Policy.Lifecycle.MigrationPhase;

namespace Orchestrator.ControlPlane.Tests.Replicas;

/// <summary>Two control planes on one database, with the same agents.</summary>
public sealed class TakeOverTests(PostgresFixture postgres) : IClassFixture<PostgresFixture>
{
    private static readonly TimeSpan s_term = TimeSpan.FromSeconds(2);

    [Fact]
    public async Task Claim_ManyAtOnce_EachMigrationHasOneCommander_AndAllHaveTheirShare()
    {
        await using var seed = new Fleet(postgres.DataSource);
        var replicas = Enumerable.Range(0, 4).Select(_ => Guid.NewGuid()).ToArray();
        foreach (var replica in replicas)
        {
            await RegisterAsync(seed, replica, TimeSpan.FromMinutes(5));
        }

        for (var round = 0; round < 10; round++)
        {
            var ids = await UncommandedAsync(seed, 20);
            var claimed = await Task.WhenAll(replicas.Select(replica => Task.Run(async () =>
                (Replica: replica, Migrations: await seed.Claims.ClaimAsync(replica, true, CancellationToken.None)))));
            var more = await Task.WhenAll(replicas.Select(replica => Task.Run(async () =>
                (Replica: replica, Migrations: await seed.Claims.ClaimAsync(replica, true, CancellationToken.None)))));

            var all = claimed.Concat(more).SelectMany(taken => taken.Migrations.Select(migration => (taken.Replica, migration))).ToList();
            Assert.Equal(ids.Order(), all.Select(taken => taken.migration.MigrationId).Order());
            Assert.All(all, taken => Assert.Equal((taken.Replica, 1L), (taken.migration.ReplicaId, taken.migration.Epoch)));
            foreach (var (replica, migration) in all)
            {
                var row = await seed.Migrations.FindAsync(migration.MigrationId, CancellationToken.None);
                Assert.Equal((replica, 1L), (row!.ReplicaId, row.Epoch));
            }

            Assert.All(
                replicas,
                replica => Assert.InRange(all.Count(taken => taken.Replica == replica), 1, 10));
            await EndAsync(seed, ids);
        }

        await seed.ExecuteAsync("DELETE FROM replicas WHERE replica_id = ANY (@replicas)", new { replicas });
    }

    [Fact]
    public async Task Claim_OfAReplicaThatLives_TakesNothing_AndOfOneThatDiedOnlyWhoMay()
    {
        await using var seed = new Fleet(postgres.DataSource);
        var (living, dead, taker) = (Guid.NewGuid(), Guid.NewGuid(), Guid.NewGuid());
        await RegisterAsync(seed, living, TimeSpan.FromMinutes(5));
        await RegisterAsync(seed, dead, TimeSpan.FromSeconds(-1));
        var ids = await UncommandedAsync(seed, 2);
        await CommandAsync(seed, ids[0], living);
        await CommandAsync(seed, ids[1], dead);

        // Whoever has no lease takes nothing.
        Assert.Empty(await seed.Claims.ClaimAsync(taker, true, CancellationToken.None));
        await RegisterAsync(seed, taker, TimeSpan.FromMinutes(5));
        Assert.Empty(await seed.Claims.ClaimAsync(taker, false, CancellationToken.None));
        Assert.Equal(ids[1], Assert.Single(await seed.Claims.ClaimAsync(taker, true, CancellationToken.None)).MigrationId);
        Assert.Empty(await seed.Claims.ClaimAsync(taker, true, CancellationToken.None));
        await EndAsync(seed, ids);
        await seed.ExecuteAsync("DELETE FROM replicas WHERE replica_id = ANY (@all)", new { all = new[] { living, dead, taker } });
    }

    [Fact]
    public async Task PlannedShutdown_TheOtherGoesOnAtOnce_WithoutWaitingForTheLease()
    {
        var first = await new Fleet(postgres.DataSource).StartAsync(beginHere: true);
        await using var second = await new Fleet(postgres.DataSource, first.Agents, first.Clock).StartAsync(beginHere: true);
        var move = await first.AddGuestAsync();
        await move.CopyAsync();
        await move.ReadAsync(move.Copying(0.5));
        var before = await move.FindAsync();
        Assert.Equal(first.Lease.ReplicaId, before.ReplicaId);

        // A lease of a minute: whoever waited for it would not be done in time.
        var began = TimeProvider.System.GetTimestamp();
        await first.DisposeAsync();
        move.Fleet = second;
        await Eventually.HoldsAsync(() => second.Supervisors.Supervises(move.Id));
        Assert.True(TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromSeconds(30));

        var taken = await move.FindAsync();
        Assert.Equal((second.Lease.ReplicaId, before.Epoch + 1), (taken.ReplicaId, taken.Epoch));
        await Eventually.HoldsAsync(() => !move.Source.Attended.IsEmpty && !move.Target.Attended.IsEmpty);
        var attend = Assert.Single(move.Source.Attended);
        Assert.Equal(((ulong)taken.Epoch, 0UL, second.Lease.ReplicaId.ToString()), (attend.Epoch, attend.CommandId, attend.ReplicaId));
        await FinishAsync(move);
    }

    [Fact]
    public async Task FrozenReplica_ItsMigrationsGoOnElsewhere_AndItCommandsAndWritesNothingWhenItWakes()
    {
        var frozen = new Fleet(postgres.DataSource, lease: s_term);
        await frozen.StartAsync(beginHere: true);
        var move = await frozen.AddGuestAsync();
        await move.CopyAsync();
        await move.ReadAsync(move.Copying(0.5));
        var before = await move.FindAsync();
        await using var other = await new Fleet(postgres.DataSource, frozen.Agents, frozen.Clock, lease: s_term).StartAsync(beginHere: true);

        // Its renewals stop and its supervisors go on as if nothing were, as far as they can know.
        await frozen.Lease.EndAsync();
        await Eventually.HoldsAsync(() => other.Supervisors.Supervises(move.Id));
        move.Fleet = other;
        Assert.Equal((other.Lease.ReplicaId, before.Epoch + 1), ((await move.FindAsync()).ReplicaId, (await move.FindAsync()).Epoch));

        var write = new LedgerWrite(
            before,
            before with { Revision = before.Revision + 1, Phase = LifecyclePhase.Cancelling, LastTransition = before.LastTransition + 1 },
            Readings.At);
        Assert.Equal(WriteOutcome.Fenced, await frozen.Progress.WriteAsync(write, CancellationToken.None));
        var refused = await Assert.ThrowsAsync<Grpc.Core.RpcException>(() => frozen.Edges.Agents.ExecuteAsync(
            move.SourceHost, new Agent.V1.ExecuteRequest { MigrationId = move.Id.ToString() }, CancellationToken.None));
        Assert.Equal(Grpc.Core.StatusCode.Unavailable, refused.StatusCode);
        await Eventually.HoldsAsync(() => !frozen.Supervisors.Supervises(move.Id));

        await FinishAsync(move);
        Assert.All(move.Source.Seen.Concat(move.Target.Seen).Where(request => request.Epoch <= (ulong)before.Epoch), request => Assert.Equal(
            frozen.Lease.ReplicaId.ToString(), request.ReplicaId));
        await frozen.DisposeAsync();
    }

    [Fact]
    public async Task LeaseLostAndHeldAgain_WithNobodyElse_TheReplicaTakesUpItsOwn()
    {
        await using var fleet = await new Fleet(postgres.DataSource, lease: s_term).StartAsync(beginHere: true);
        var move = await fleet.AddGuestAsync();
        await move.CopyAsync();
        await move.ReadAsync(move.Copying(0.5));

        // As after an outage of the database.
        (await fleet.Lease.HeldAsync(CancellationToken.None)).End();

        await Eventually.HoldsAsync(async () => (await move.FindAsync()).Epoch == 2 && fleet.Supervisors.Supervises(move.Id));
        Assert.Equal(fleet.Lease.ReplicaId, (await move.FindAsync()).ReplicaId);
        await FinishAsync(move);
    }

    private static async Task FinishAsync(Move move)
    {
        await Eventually.HoldsAsync(() =>
        {
            move.SourceSays(move.Completed());
            return move.Target.HasNext;
        });
        (await move.Target.NextAsync(Kind.HandOverTarget)).Done(move.Arrived());
        (await move.Source.NextAsync(Kind.FinishSource)).Done();
        (await move.Target.NextAsync(Kind.FinishTarget)).Done();
        var migration = await move.ReachAsync(LifecyclePhase.Completed);
        Assert.Null(migration.ReplicaId);
    }

    private static async Task<IReadOnlyList<Guid>> UncommandedAsync(Fleet fleet, int count)
    {
        var ids = new List<Guid>();
        for (var index = 0; index < count; index++)
        {
            var move = await fleet.AddGuestAsync();
            await fleet.LetThroughAsync((await move.StartAsync()).Migration!);
            ids.Add(move.Id);
        }

        return ids;
    }

    private static Task RegisterAsync(Fleet fleet, Guid replicaId, TimeSpan lease) => fleet.ExecuteAsync(
        """
        INSERT INTO replicas (replica_id, endpoint, version, started_at, lease_until, leaving)
        VALUES (@replicaId, '', '', now(), now() + @lease, false)
        """,
        new { replicaId, lease });

    private static Task CommandAsync(Fleet fleet, Guid migrationId, Guid replicaId) => fleet.ExecuteAsync(
        "UPDATE migrations SET replica_id = @replicaId WHERE migration_id = @migrationId", new { migrationId, replicaId });

    private static Task EndAsync(Fleet fleet, IReadOnlyList<Guid> ids) => fleet.ExecuteAsync(
        "UPDATE migrations SET phase = 'Cancelled', ended_at = created_at, replica_id = NULL WHERE migration_id = ANY (@ids)",
        new { ids = ids.ToArray() });
}
