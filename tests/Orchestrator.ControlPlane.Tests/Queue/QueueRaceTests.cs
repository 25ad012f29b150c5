using Orchestrator.ControlPlane.Migrations.Admission;
using Orchestrator.ControlPlane.Queue;
using Orchestrator.ControlPlane.Tests.Migrations;
using Orchestrator.TestPostgres;
using Orchestrator.V1;
using LifecyclePhase = Orchestrator.Policy.Lifecycle.MigrationPhase;

namespace Orchestrator.ControlPlane.Tests.Queue;

/// <summary>Replicas, callers and rounds against each other on a real database.</summary>
public sealed class QueueRaceTests(PostgresFixture postgres) : IClassFixture<PostgresFixture>, IAsyncLifetime
{
    private Fleet _one = null!;
    private Fleet _other = null!;

    public Task InitializeAsync()
    {
        // No supervisor: what is let through stays as it is.
        _one = Fleet.Idle(postgres.DataSource);
        _other = Fleet.Idle(postgres.DataSource, _one.Agents, _one.Clock);
        return Task.CompletedTask;
    }

    public async Task DisposeAsync()
    {
        await _one.DisposeAsync();
        await _other.DisposeAsync();
    }

    [Fact]
    public async Task TwoRoundsAtOnce_OnTheLastMemoryOfAHost_NeverOverbook()
    {
        for (var round = 0; round < 25; round++)
        {
            // Room for two on the only host that has any; five want to go there.
            var target = await AddHostAsync(gibibytes: 2);
            var source = await AddHostAsync(gibibytes: 5);
            var ids = new List<Guid>();
            for (var guest = 0; guest < 5; guest++)
            {
                ids.Add(await QueueAsync(source, target));
            }

            await Task.WhenAll(_one.Round.RunAsync(CancellationToken.None), _other.Round.RunAsync(CancellationToken.None));
            await Task.WhenAll(_one.Round.RunAsync(CancellationToken.None), _other.Round.RunAsync(CancellationToken.None));

            var slots = await _one.Slots.ListAsync(ids, CancellationToken.None);
            Assert.Equal(2, slots.Count);
            Assert.Equal(
                2L << 30,
                await _one.ScalarAsync<long>("SELECT sum(memory_bytes)::bigint FROM migration_slots WHERE target_host_id = @target", new { target }));
            Assert.Equal(
                2L, await _one.ScalarAsync<long>("SELECT count(*) FROM guests WHERE migration_target_host_id = @target", new { target }));
            await ClearAsync();
        }
    }

    [Fact]
    public async Task ManyRoundsAtOnce_UnderOneFleetLimit_NeverExceedIt()
    {
        await SetLimitsAsync(limits => limits.Preparing = limits.PreparingPerTarget = 3);
        for (var round = 0; round < 10; round++)
        {
            for (var move = 0; move < 8; move++)
            {
                await QueueAsync(await AddHostAsync(8), await AddHostAsync(8));
            }

            await Task.WhenAll(Enumerable.Range(0, 6).Select(which =>
                Task.Run(() => (which % 2 == 0 ? _one : _other).Round.RunAsync(CancellationToken.None))));

            Assert.Equal(3L, await _one.ScalarAsync<long>("SELECT count(*) FROM migration_slots", new { }));
            await ClearAsync();
        }

        await SetLimitsAsync(limits => limits.Preparing = 500);
    }

    [Fact]
    public async Task StartCancelAndRoundsAtOnce_EveryMigrationIsInOneStateOnly()
    {
        var target = await AddHostAsync(gibibytes: 60);
        for (var round = 0; round < 30; round++)
        {
            var source = await AddHostAsync(8);
            var started = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => QueueAsync(source, target)));
            var cancels = started.Select(id => Task.Run(() => _other.Wishes.CancelAsync(id, "", CancellationToken.None)));
            var rounds = new[] { _one, _other }.Select(fleet => Task.Run(() => fleet.Round.RunAsync(CancellationToken.None)));
            await Task.WhenAll(cancels.Cast<Task>().Concat(rounds));

            // Whichever came first: cancelled at once, and with it every trace of a slot and of a hold.
            foreach (var id in started)
            {
                var migration = await _one.Migrations.FindAsync(id, CancellationToken.None);
                Assert.Equal((LifecyclePhase.Cancelled, null, null), (migration?.Phase, migration?.Slot, migration?.ReplicaId));
                Assert.Equal(3, (await _one.History.ListTransitionsAsync(id, CancellationToken.None)).Count);
            }

            Assert.Equal(0L, await _one.ScalarAsync<long>("SELECT count(*) FROM migration_slots WHERE target_host_id = @target", new { target }));
            Assert.Equal(
                0L, await _one.ScalarAsync<long>("SELECT count(*) FROM guests WHERE host_id = @source AND active_migration_id IS NOT NULL", new { source }));
        }
    }

    [Fact]
    public async Task GuestStoppedWhileItWaits_TheMigrationFailsAndSaysWhy()
    {
        var (source, target) = (await AddHostAsync(8), await AddHostAsync(8));
        var shutOff = await QueueAsync(source, target);
        var crashed = await QueueAsync(source, target);
        await SetGuestAsync(shutOff, "host_id = NULL, state = 'ShutOff'");
        await SetGuestAsync(crashed, "state = 'Crashed'");

        var result = await _one.Round.RunAsync(CancellationToken.None);

        Assert.Equal(new[] { shutOff, crashed }.Order(), result.Stranded.Order());
        var migration = await _one.Migrations.FindAsync(shutOff, CancellationToken.None);
        Assert.Equal((LifecyclePhase.Failed, "its guest was shut off while it waited"), (migration!.Phase, migration.Ending?.Message));
        Assert.NotNull(migration.EndedAt);
        Assert.Equal("its guest was neither running nor paused while it waited (Crashed)", (await _one.Migrations.FindAsync(crashed, CancellationToken.None))?.Ending?.Message);
    }

    [Fact]
    public async Task HostDeclaredDeadWhileItWaits_TheMigrationFailsAndSaysWhy()
    {
        var (source, target) = (await AddHostAsync(8), await AddHostAsync(8));
        var id = await QueueAsync(source, target);
        await _one.ExecuteAsync("UPDATE hosts SET dead_at = last_seen_at, dead_reason = 'fire' WHERE host_id = @source", new { source });

        var result = await _one.Round.RunAsync(CancellationToken.None);

        Assert.Equal([id], result.Stranded);
        Assert.Equal(
            $"its guest's host {source} is dead", (await _one.Migrations.FindAsync(id, CancellationToken.None))?.Ending?.Message);
    }

    [Fact]
    public async Task GuestPausedWhileItWaits_IsMovedPaused()
    {
        var id = await QueueAsync(await AddHostAsync(8), await AddHostAsync(8));
        await SetGuestAsync(id, "state = 'Paused'");
        await _one.Round.RunAsync(CancellationToken.None);

        Assert.False((await _one.Migrations.FindAsync(id, CancellationToken.None))!.GuestWasRunning);
    }

    [Fact]
    public async Task WhatItsOwnColumnsHold_WaitsUntilTheyLetGo()
    {
        var (source, target) = (await AddHostAsync(8), await AddHostAsync(8));
        var paused = await QueueAsync(source, target);
        var told = await QueueAsync(source, target);
        var later = await QueueAsync(source, target, request => request.NotBefore = Google.Protobuf.WellKnownTypes.Timestamp.FromDateTimeOffset(_one.Clock.GetUtcNow().AddHours(1)));
        await _one.ExecuteAsync("UPDATE migrations SET paused = true WHERE migration_id = @paused", new { paused });
        await _one.ExecuteAsync(
            "UPDATE migrations SET notice_until = @until WHERE migration_id = @told", new { told, until = _one.Clock.GetUtcNow().AddMinutes(5).UtcDateTime });
        await _one.Round.RunAsync(CancellationToken.None);
        Assert.Empty(await _one.Slots.ListAsync([paused, told, later], CancellationToken.None));
        var view = await _one.Standings.ReadAsync(null, CancellationToken.None);
        Assert.Equal(
            [Policy.Admission.WaitCause.Paused, Policy.Admission.WaitCause.Notice, Policy.Admission.WaitCause.NotBefore],
            new[] { paused, told, later }.Select(id => view.Standings[id].Reasons[0].Cause));

        await _one.ExecuteAsync("UPDATE migrations SET paused = false, notice_until = NULL WHERE migration_id = ANY (@ids)", new { ids = new[] { paused, told } });
        _one.Clock.Advance(TimeSpan.FromMinutes(61));
        await _one.Round.RunAsync(CancellationToken.None);
        Assert.Equal(3, (await _one.Slots.ListAsync([paused, told, later], CancellationToken.None)).Count);
    }

    [Fact]
    public async Task NoTargetAsked_OneIsChosenAndTheOtherFailedThereLately()
    {
        await ClearAsync();
        await _one.ExecuteAsync("UPDATE hosts SET cordoned = true", new { });
        var (source, bad, good) = (await AddHostAsync(8), await AddHostAsync(60), await AddHostAsync(8));
        var failed = await QueueAsync(source, bad);
        await _one.ExecuteAsync(
            """
            UPDATE migrations SET phase = 'Failed', ended_at = @at, failure_reason = 'TargetRefused', undoing = true WHERE migration_id = @failed
            """,
            new { failed, at = _one.Clock.GetUtcNow().UtcDateTime });
        var guest = (await _one.Migrations.FindAsync(failed, CancellationToken.None))!.GuestId;
        var id = await StartAsync(guest, "");

        Assert.Equal("", (await _one.Migrations.FindAsync(id, CancellationToken.None))!.TargetHostId);
        await _one.Round.RunAsync(CancellationToken.None);
        Assert.Equal(good, (await _one.Migrations.FindAsync(id, CancellationToken.None))!.TargetHostId);
    }

    private async Task<string> AddHostAsync(int gibibytes)
    {
        var host = $"host-{Guid.NewGuid():N}"[..20];
        var description = Fleet.Description(host);
        description.MemoryAllocatableBytes = (ulong)gibibytes << 30;
        await _one.Hosts.RegisterAsync(
            new ControlPlane.Hosts.RegisteredHost(
                new ControlPlane.Hosts.AgentAddress(host, $"http://{host}:7444"), new Dictionary<string, string>(), false, "", _one.Clock.GetUtcNow(),
                _one.Clock.GetUtcNow(), description),
            CancellationToken.None);
        return host;
    }

    private async Task<Guid> QueueAsync(string source, string target, Action<StartMigrationRequest>? change = null) =>
        await StartAsync(await _one.AddGuestOnAsync(source), target, change);

    private async Task<Guid> StartAsync(string guestId, string target, Action<StartMigrationRequest>? change = null)
    {
        var request = new StartMigrationRequest { MigrationId = Guid.NewGuid().ToString(), GuestId = guestId, TargetHostId = target };
        change?.Invoke(request);
        Assert.True(StartMigrationCommand.TryParse(request, _one.Clock.GetUtcNow(), out var command, out var violations), string.Join("; ", violations.Found));
        Assert.Equal(AdmissionOutcome.Admitted, (await _one.Admission.AdmitAsync(command, CancellationToken.None)).Outcome);
        return command.MigrationId;
    }

    private Task SetGuestAsync(Guid migrationId, string what) => _one.ExecuteAsync(
        $"UPDATE guests SET {what}, revision = revision + 1 WHERE guest_id = (SELECT guest_id FROM migrations WHERE migration_id = @migrationId)", new { migrationId });

    private async Task SetLimitsAsync(Action<AdmissionLimits> change)
    {
        var limits = (await _one.Limits.ReadAsync(CancellationToken.None)).Message.Clone();
        change(limits);
        Assert.NotEqual(
            UpdateLimitsOutcome.Unsound, (await _one.Limits.UpdateAsync(limits, 0, "a test", _one.Clock.GetUtcNow(), CancellationToken.None)).Outcome);
    }

    /// <summary>An empty queue and nothing that runs.</summary>
    private async Task ClearAsync()
    {
        await _one.ExecuteAsync("DELETE FROM migration_slots", new { });
        await _one.ExecuteAsync("UPDATE guests SET active_migration_id = NULL, migration_target_host_id = NULL", new { });
        await _one.ExecuteAsync(
            "UPDATE migrations SET phase = 'Cancelled', ended_at = @at WHERE ended_at IS NULL", new { at = _one.Clock.GetUtcNow().UtcDateTime });
    }
}
