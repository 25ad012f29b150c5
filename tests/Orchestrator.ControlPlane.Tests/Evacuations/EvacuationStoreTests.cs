using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Orchestrator.ControlPlane.Database;
using Orchestrator.ControlPlane.Evacuations.Ledger;
using Orchestrator.Policy.Evacuation;
using Orchestrator.TestPostgres;
using Orchestrator.V1;
using EvacuationCancelMode = Orchestrator.Policy.Evacuation.EvacuationCancelMode;
using LedgerEvacuation = Orchestrator.ControlPlane.Evacuations.Evacuation;

namespace Orchestrator.ControlPlane.Tests.Evacuations;

/// <summary>Who may write what, on a real database.</summary>
public sealed class EvacuationStoreTests(PostgresFixture postgres) : IClassFixture<PostgresFixture>
{
    private static readonly DateTimeOffset s_at = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    private readonly EvacuationStore _store = new(Gate(postgres));
    private readonly EvacuationClaims _claims = new(Gate(postgres));

    [Fact]
    public async Task Start_TheSameAgain_IsOneEvacuation_AndReadsBackAsItWas()
    {
        var evacuation = Sample(NewId(), NewId());
        Assert.Equal(EvacuationStart.Started, await _store.StartAsync(evacuation, CancellationToken.None));
        Assert.Equal(EvacuationStart.StartedBefore, await _store.StartAsync(evacuation, CancellationToken.None));

        var read = await FindAsync(evacuation);
        Assert.Equal(evacuation.HostIds, read.HostIds);
        Assert.Equal(evacuation.Request, read.Request);
        Assert.Equal((1L, 0L, null), (read.Revision, read.Epoch, read.ReplicaId));
        Assert.Equal(
            EvacuationStart.AlreadyEvacuating,
            await _store.StartAsync(Sample(NewId(), evacuation.HostIds[1]), CancellationToken.None));
        Assert.Equal(
            [(evacuation.HostIds[1], evacuation.EvacuationId)],
            await _store.ListRunningOfAsync([evacuation.HostIds[1], "no-such-host"], CancellationToken.None));
    }

    [Fact]
    public async Task Starts_OfTheSameHosts_FromManySidesAtOnce_OneComesAbout()
    {
        for (var round = 0; round < 20; round++)
        {
            // Each names them in another order, and one host besides.
            string[] hosts = [NewId(), NewId(), NewId()];
            var starts = Enumerable.Range(0, 6).Select(side => Sample(
                [.. side % 2 == 0 ? hosts : hosts.Reverse(), NewId()])).ToList();
            var outcomes = await Task.WhenAll(starts.Select(start => Task.Run(() => _store.StartAsync(start, CancellationToken.None))));

            Assert.Equal(1, outcomes.Count(outcome => outcome is EvacuationStart.Started));
            Assert.Equal(5, outcomes.Count(outcome => outcome is EvacuationStart.AlreadyEvacuating));
            var winner = starts[Array.IndexOf(outcomes, EvacuationStart.Started)];
            Assert.All(await _store.ListRunningOfAsync(hosts, CancellationToken.None), running => Assert.Equal(winner.EvacuationId, running.EvacuationId));
        }
    }

    [Fact]
    public async Task Write_KeepsEveryValueOfTheState_AndTheEndFreesTheHosts()
    {
        var replica = await RegisterAsync();
        var read = await ConductedAsync(replica, NewId());
        var guest = new GuestStanding
        {
            GuestId = "guest-b",
            HomeHostId = read.HostIds[0],
            SourceHostId = "host-x",
            Phase = GuestPhase.BackingOff,
            TargetHostId = "host-y",
            Attempts = 3,
            Failures = 2,
            FailedTarget = "host-y",
            Policy = "post-copy",
            Recalled = true,
            NextAttemptAt = s_at.AddMilliseconds(1.5),
            Message = "it's \"quoted\"\nand more",
            Since = s_at.AddTicks(10),
        };
        var now = read with
        {
            State = read.State with
            {
                Guests = [guest with { GuestId = "guest-a", Phase = GuestPhase.Waiting, TargetHostId = null, NextAttemptAt = null }, guest],
                Hosts = [new HostStanding(read.HostIds[0], HostPhase.Emptying, WasCordoned: true, Cordoned: true)],
                QuietSince = s_at,
            },
            Plan = new V1.EvacuationPlan { Waves = 3 },
            PlannedAt = s_at.AddSeconds(4),
        };
        Assert.True(await _store.WriteAsync(read, now, CancellationToken.None));

        var again = await FindAsync(read);
        Assert.Equal(now.State.Guests, again.State.Guests);
        Assert.Equal(now.State.Hosts, again.State.Hosts);
        Assert.Equal((s_at, 3U, s_at.AddSeconds(4)), (again.State.QuietSince, again.Plan.Waves, again.PlannedAt));

        var end = again with { State = again.State with { Phase = EvacuationPhase.Completed, QuietSince = null }, EndedAt = s_at.AddMinutes(1) };
        Assert.True(await _store.WriteAsync(again, end, CancellationToken.None));
        Assert.Equal((EvacuationPhase.Completed, null), ((await FindAsync(read)).State.Phase, (await FindAsync(read)).ReplicaId));
        Assert.Equal(EvacuationStart.Started, await _store.StartAsync(Sample(read.HostIds[0]), CancellationToken.None));
        Assert.False(await _store.WriteAsync(await FindAsync(read), end, CancellationToken.None));
    }

    [Fact]
    public async Task Write_AfterAWishOrATakeOver_WritesNothing()
    {
        var (first, second) = (await RegisterAsync(), await RegisterAsync());
        var read = await ConductedAsync(first, NewId());
        var paused = EvacuationConductor.Pause(read.State);
        Assert.True(await _store.WishAsync(read, paused, "a reason", CancellationToken.None));
        Assert.False(await _store.WriteAsync(read, read, CancellationToken.None));
        Assert.False(await _store.WishAsync(read, EvacuationConductor.Cancel(read.State, EvacuationCancelMode.BringBack), "", CancellationToken.None));
        var known = await FindAsync(read);
        Assert.Equal((EvacuationPhase.Paused, "a reason"), (known.State.Phase, known.Message));

        // The first one is dead; whatever revision it names, its epoch is past.
        await ExecuteAsync($"UPDATE replicas SET lease_until = '2000-01-01Z' WHERE replica_id = '{first}'");
        await _claims.ClaimAsync(second, false, CancellationToken.None);
        Assert.Equal(first, (await FindAsync(read)).ReplicaId);
        Assert.True(await _claims.ClaimAsync(second, true, CancellationToken.None) >= 1);
        var taken = await FindAsync(read);
        Assert.Equal((second, known.Epoch + 1), (taken.ReplicaId, taken.Epoch));
        Assert.False(await _store.WriteAsync(taken with { Epoch = known.Epoch }, taken, CancellationToken.None));
        Assert.True(await _store.WriteAsync(taken, taken, CancellationToken.None));
        await ExecuteAsync($"DELETE FROM replicas WHERE replica_id IN ('{first}', '{second}')");
    }

    [Fact]
    public async Task Claim_ManyAtOnce_EachEvacuationHasOneConductor_AndAllHaveTheirShare()
    {
        await ExecuteAsync("UPDATE evacuations SET phase = 'Completed', cancel_mode = NULL, ended_at = created_at");
        var replicas = new List<Guid>();
        for (var replica = 0; replica < 4; replica++)
        {
            replicas.Add(await RegisterAsync());
        }

        var ids = new List<Guid>();
        for (var evacuation = 0; evacuation < 12; evacuation++)
        {
            var sample = Sample(NewId());
            await _store.StartAsync(sample, CancellationToken.None);
            ids.Add(sample.EvacuationId);
        }

        for (var round = 0; round < 3; round++)
        {
            await Task.WhenAll(replicas.Select(replica => Task.Run(() => _claims.ClaimAsync(replica, true, CancellationToken.None))));
        }

        var own = new List<Guid>();
        foreach (var replica in replicas)
        {
            var conducted = await _claims.ListOwnAsync(replica, CancellationToken.None);
            Assert.InRange(conducted.Count, 1, 6);
            Assert.All(conducted, evacuation => Assert.Equal(1L, evacuation.Epoch));
            own.AddRange(conducted.Select(evacuation => evacuation.EvacuationId));
        }

        Assert.Equal(ids.Order(), own.Order());
        Assert.Equal((long)(await _claims.ListOwnAsync(replicas[0], CancellationToken.None)).Count, await _claims.ReleaseAsync(replicas[0], CancellationToken.None));
        Assert.Empty(await _claims.ListOwnAsync(replicas[0], CancellationToken.None));
        await ExecuteAsync($"DELETE FROM replicas WHERE replica_id IN ({string.Join(',', replicas.Select(replica => $"'{replica}'"))})");
    }

    private static DatabaseGate Gate(PostgresFixture postgres) => new(
        postgres.DataSource, Options.Create(new DatabaseOptions()), TimeProvider.System, NullLogger<DatabaseGate>.Instance);

    private static string NewId() => ControlPlaneFixture.NewId("host");

    private static LedgerEvacuation Sample(params string[] hostIds)
    {
        var id = Guid.NewGuid();
        return new LedgerEvacuation
        {
            EvacuationId = id,
            Request = new StartEvacuationRequest { EvacuationId = id.ToString(), Spec = new EvacuationSpec { HostIds = { hostIds } } },
            State = EvacuationConductor.Start(new EvacuationTerms { HostIds = hostIds, Policy = "any" }),
            Plan = new V1.EvacuationPlan(),
            PlannedAt = s_at,
            CreatedAt = s_at,
        };
    }

    private async Task<LedgerEvacuation> ConductedAsync(Guid replica, params string[] hostIds)
    {
        var sample = Sample(hostIds);
        await _store.StartAsync(sample, CancellationToken.None);
        await ExecuteAsync($"UPDATE evacuations SET replica_id = '{replica}', epoch = 1 WHERE evacuation_id = '{sample.EvacuationId}'");
        return await FindAsync(sample);
    }

    private async Task<LedgerEvacuation> FindAsync(LedgerEvacuation evacuation) =>
        await _store.FindAsync(evacuation.EvacuationId, CancellationToken.None) ?? throw new InvalidOperationException("It is not there.");

    private async Task<Guid> RegisterAsync()
    {
        var replica = Guid.NewGuid();
        await ExecuteAsync(
            $"""
            INSERT INTO replicas (replica_id, endpoint, version, started_at, lease_until, leaving)
            VALUES ('{replica}', '', '', '2026-01-01Z', '2100-01-01Z', false)
            """);
        return replica;
    }

    private async Task ExecuteAsync(string sql)
    {
        await using var command = postgres.DataSource.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }
}
