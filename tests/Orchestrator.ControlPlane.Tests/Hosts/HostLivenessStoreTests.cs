using Dapper;
using Npgsql;
using Orchestrator.ControlPlane.Guests;
using Orchestrator.ControlPlane.Hosts;
using Orchestrator.TestPostgres;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Tests.Hosts;

/// <summary>Life and death in the ledger, by the database's clock, with several who write at once.</summary>
public sealed class HostLivenessStoreTests(PostgresFixture database) : IClassFixture<PostgresFixture>
{
    private static readonly DateTimeOffset s_now = new(2026, 3, 4, 5, 6, 7, TimeSpan.Zero);

    private static readonly HostLivenessOptions s_options = new();

    private readonly HostStore _hosts = new(Gate.To(database));
    private readonly HostLivenessStore _liveness = new(Gate.To(database));
    private readonly GuestStore _guests = new(Gate.To(database));

    [Theory]
    [InlineData(0, HostState.Connected)]
    [InlineData(9, HostState.Connected)]
    [InlineData(11, HostState.Suspect)]
    [InlineData(58, HostState.Suspect)]
    [InlineData(61, HostState.Lost)]
    public async Task State_FollowsFromTheSilence(int seconds, HostState state)
    {
        var hostId = await AddHostAsync(TimeSpan.FromSeconds(seconds));

        Assert.Equal(state, (await FindAsync(hostId)).Liveness.StateBy(s_options));
        var several = await _hosts.ListLivenessAsync([hostId, "no-such-host"], CancellationToken.None);
        Assert.Equal(state, Assert.Single(several).Value.StateBy(s_options));
    }

    [Fact]
    public async Task NoteHeard_SoonAfterAnother_WritesNothing_AndAfterASilenceBeginsANewStretch()
    {
        var (busy, silent) = (await AddHostAsync(TimeSpan.Zero), await AddHostAsync(TimeSpan.FromSeconds(30)));
        await NoteHeardAsync(TimeSpan.Zero, busy, silent);
        var (busyOnce, silentOnce) = (await FindAsync(busy), await FindAsync(silent));
        Assert.True(silentOnce.Liveness.Silence < TimeSpan.FromSeconds(20));
        Assert.Equal(silentOnce.LastSeenAt, silentOnce.Liveness.ConnectedSince);

        await NoteHeardAsync(TimeSpan.Zero, busy, silent);
        Assert.Equal((busyOnce.LastSeenAt, silentOnce.LastSeenAt), ((await FindAsync(busy)).LastSeenAt, (await FindAsync(silent)).LastSeenAt));

        await AgeAsync(busy, TimeSpan.FromSeconds(6));
        await AgeAsync(silent, TimeSpan.FromSeconds(11));
        await NoteHeardAsync(TimeSpan.Zero, busy, silent);
        var (busyTwice, silentTwice) = (await FindAsync(busy), await FindAsync(silent));
        Assert.True(busyTwice.LastSeenAt > busyOnce.LastSeenAt);
        Assert.Equal(busyOnce.Liveness.ConnectedSince, busyTwice.Liveness.ConnectedSince);
        Assert.True(silentTwice.Liveness.ConnectedSince > silentOnce.Liveness.ConnectedSince);
    }

    [Fact]
    public async Task NoteHeard_OfLongAgo_NeverGoesBack()
    {
        var hostId = await AddHostAsync(TimeSpan.FromSeconds(20));
        await NoteHeardAsync(TimeSpan.FromMinutes(3), hostId);

        Assert.InRange((await FindAsync(hostId)).Liveness.Silence, TimeSpan.FromSeconds(20), TimeSpan.FromMinutes(2));
    }

    [Fact]
    public async Task NoteLost_TellsOneOfTenOnce_AndFoundAgainToo()
    {
        var hostId = await AddHostAsync(TimeSpan.FromSeconds(61));

        Assert.DoesNotContain(hostId, await NoteLostAsync(hostId));
        var told = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => Task.Run(() => NoteLostAsync())));
        Assert.Single(told.SelectMany(ids => ids), id => id == hostId);
        var found = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => Task.Run(() => NoteHeardAsync(TimeSpan.Zero, hostId))));
        Assert.Single(found.SelectMany(ids => ids), hostId);

        Assert.Equal(["Lost", "Found"], await EventsAsync(hostId));
    }

    [Fact]
    public async Task Declare_OfAHostThatIsHeard_IsRefused_AndOfNoneToo()
    {
        var hostId = await AddHostAsync(TimeSpan.FromSeconds(9));

        Assert.Equal(DeclareDeadOutcome.Alive, await DeclareAsync(hostId));
        Assert.Equal(DeclareDeadOutcome.Unknown, await DeclareAsync("no-such-host"));
        Assert.False((await FindAsync(hostId)).Liveness.IsDead);
        Assert.Empty(await EventsAsync(hostId));
    }

    [Fact]
    public async Task Declare_TenAtOnce_OneIsFirst_AndItsReasonStays()
    {
        var hostId = await AddHostAsync(TimeSpan.FromSeconds(11));

        var outcomes = await Task.WhenAll(Enumerable.Range(0, 10).Select(n => Task.Run(() => DeclareAsync(hostId, $"reason {n}"))));

        Assert.Single(outcomes, DeclareDeadOutcome.Declared);
        Assert.Equal(9, outcomes.Count(outcome => outcome == DeclareDeadOutcome.DeclaredBefore));
        var host = await FindAsync(hostId);
        Assert.Equal(HostState.Dead, host.Liveness.StateBy(s_options));
        Assert.Matches(@"^reason \d \(declared by ipv4:10\.0\.0\.9:1\)$", host.Liveness.DeadReason);
        Assert.Equal(["DeclaredDead"], await EventsAsync(hostId));
        await NoteHeardAsync(TimeSpan.Zero, hostId);
        Assert.True((await FindAsync(hostId)).Liveness.IsDead);
    }

    [Fact]
    public async Task Claim_OfAGuestElsewhere_OnlyWhenThatHostIsDead_AndNeverOnADeadOne()
    {
        var (old, other) = (await AddHostAsync(TimeSpan.FromSeconds(11)), await AddHostAsync(TimeSpan.Zero));
        var guest = await StartAsync(await DefineAsync(), old);

        Assert.Null(await ClaimAsync(guest, other));
        Assert.Null(await _guests.ReleaseFromDeadAsync(guest, s_now, CancellationToken.None));
        await DeclareAsync(old);
        Assert.Null(await ClaimAsync(guest, old));
        Assert.Equal(other, (await ClaimAsync(guest, other))?.HostId);
        Assert.Null(await ClaimAsync(guest, other));
    }

    [Fact]
    public async Task Release_FromADeadHost_ShutsOff()
    {
        var hostId = await AddHostAsync(TimeSpan.FromSeconds(11));
        var guest = await StartAsync(await DefineAsync(), hostId);
        await DeclareAsync(hostId);

        var off = await _guests.ReleaseFromDeadAsync(guest, s_now, CancellationToken.None);

        Assert.Equal((StoredGuestState.ShutOff, null), (off!.State, off.HostId));
        Assert.Equal(off, await _guests.FindAsync(guest.GuestId, CancellationToken.None));
    }

    [Fact]
    public async Task Start_ThatRacesADeclaration_IsOnALivingHostOrOnOneThatDiedAfterwards()
    {
        for (var round = 0; round < 20; round++)
        {
            var hostId = await AddHostAsync(TimeSpan.FromSeconds(11));
            var guest = await DefineAsync();

            var claim = Task.Run(() => ClaimAsync(guest, hostId));
            var declared = Task.Run(() => DeclareAsync(hostId));
            await Task.WhenAll(claim, declared);

            // Either way the ledger says where it is, and that host is dead: it may go elsewhere.
            Assert.Equal(DeclareDeadOutcome.Declared, await declared);
            var now = await _guests.FindAsync(guest.GuestId, CancellationToken.None);
            Assert.Equal(await claim is null ? null : hostId, now?.HostId);
            Assert.NotNull(await ClaimAsync(now!, await AddHostAsync(TimeSpan.Zero)));
        }
    }

    [Fact]
    public async Task Readmit_ThatRacesAStartElsewhere_NeverLeavesTwoOwners()
    {
        var other = await AddHostAsync(TimeSpan.Zero);
        for (var round = 0; round < 20; round++)
        {
            var hostId = await AddHostAsync(TimeSpan.FromSeconds(11));
            var guest = await StartAsync(await DefineAsync(), hostId);
            await DeclareAsync(hostId);

            var claim = Task.Run(() => ClaimAsync(guest, other));
            var readmit = Task.Run(() => _liveness.ReadmitAsync(hostId, [guest.GuestId], "me", CancellationToken.None));
            await Task.WhenAll(claim, readmit);

            var moved = await claim is not null;
            Assert.Equal(moved ? [guest.GuestId] : [], (await readmit).StaleGuests);
            Assert.Equal(moved, (await FindAsync(hostId)).Liveness.IsDead);
        }
    }

    [Fact]
    public async Task Readmit_WhatIsNotDead_ChangesNothing()
    {
        var hostId = await AddHostAsync(TimeSpan.FromSeconds(11));

        Assert.False((await _liveness.ReadmitAsync(hostId, [], "me", CancellationToken.None)).WasDead);
        Assert.Null((await _liveness.ReadmitAsync("no-such-host", [], "me", CancellationToken.None)).WasDead);

        await DeclareAsync(hostId);
        Assert.True((await _liveness.ReadmitAsync(hostId, [], "me", CancellationToken.None)).WasDead);
        var host = await FindAsync(hostId);
        Assert.Equal((HostState.Connected, ""), (host.Liveness.StateBy(s_options), host.Liveness.DeadReason));
        Assert.Equal(["DeclaredDead", "Readmitted"], await EventsAsync(hostId));
    }

    [Fact]
    public async Task EveryKindOfEvent_IsOneTheScriptKnows()
    {
        var kinds = Enum.GetValues<HostEventKind>().Except([HostEventKind.Unspecified]).ToArray();
        foreach (var kind in kinds)
        {
            await _liveness.TellAsync("h-events", new HostDeed(kind, "", ""), CancellationToken.None);
        }

        Assert.Equal(kinds.Select(kind => kind.ToString()), await EventsAsync("h-events"));
        var newest = await _liveness.ListEventsAsync("h-events", null, 3, CancellationToken.None);
        var next = await _liveness.ListEventsAsync("h-events", newest[^1].EventId, 100, CancellationToken.None);
        Assert.Equal(kinds.Reverse(), newest.Concat(next).Select(entry => entry.Event.Kind));
    }

    [Fact]
    public async Task Use_CountsGuestsAndTheirMachines()
    {
        var (hostId, empty) = (await AddHostAsync(TimeSpan.Zero), await AddHostAsync(TimeSpan.Zero));
        await StartAsync(await DefineAsync(), hostId);
        await StartAsync(await DefineAsync(), hostId);

        var use = await new HostUseStore(Gate.To(database)).ListAsync([hostId, empty, "no-such-host"], CancellationToken.None);

        Assert.Equal(new HostUse { Guests = 2, MemoryGuestsBytes = 1UL << 30, VcpusGuests = 4 }, use[hostId]);
        Assert.Equal(new HostUse(), use[empty]);
    }

    private Task<IReadOnlyList<string>> NoteHeardAsync(TimeSpan age, params string[] hostIds) =>
        _liveness.NoteHeardAsync([.. hostIds.Select(hostId => new HeardHost(hostId, age))], s_options, CancellationToken.None);

    private Task<IReadOnlyList<string>> NoteLostAsync(params string[] heardHere) =>
        _liveness.NoteLostAsync(heardHere, s_options, CancellationToken.None);

    private Task<DeclareDeadOutcome> DeclareAsync(string hostId, string reason = "seen") => _liveness.DeclareDeadAsync(
        hostId, new HostDeed(HostEventKind.DeclaredDead, "ipv4:10.0.0.9:1", reason), s_options.SuspectSilence, CancellationToken.None);

    private Task<StoredGuest?> ClaimAsync(StoredGuest guest, string hostId) =>
        _guests.ClaimAsync(guest, hostId, false, s_now, CancellationToken.None);

    private async Task<StoredGuest> StartAsync(StoredGuest guest, string hostId) =>
        await ClaimAsync(guest, hostId) ?? throw new InvalidOperationException();

    private async Task<RegisteredHost> FindAsync(string hostId) =>
        await _hosts.FindAsync(hostId, CancellationToken.None) ?? throw new InvalidOperationException();

    private async Task<StoredGuest> DefineAsync()
    {
        var guestId = ControlPlaneFixture.NewId("guest");
        await _guests.DefineAsync(new GuestDefinition(guestId, Sample.Spec()), s_now, CancellationToken.None);
        return await _guests.FindAsync(guestId, CancellationToken.None) ?? throw new InvalidOperationException();
    }

    private async Task<string> AddHostAsync(TimeSpan silence)
    {
        var hostId = ControlPlaneFixture.NewId("host");
        await _hosts.RegisterAsync(
            new RegisteredHost(
                new AgentAddress(hostId, "http://127.0.0.1:1"), new Dictionary<string, string>(), false, "", s_now, s_now, new HostDescription()),
            CancellationToken.None);
        await RunAsync("UPDATE hosts SET last_seen_at = time - @silence, connected_since = time - @silence FROM database_clock WHERE host_id = @hostId", new { hostId, silence });
        return hostId;
    }

    private Task AgeAsync(string hostId, TimeSpan by) =>
        RunAsync("UPDATE hosts SET last_seen_at = last_seen_at - @by WHERE host_id = @hostId", new { hostId, by });

    private async Task<IReadOnlyList<string>> EventsAsync(string hostId)
    {
        await using var connection = await database.DataSource.OpenConnectionAsync();
        return [.. await connection.QueryAsync<string>(new CommandDefinition(
            "SELECT kind FROM host_events WHERE host_id = @hostId ORDER BY event_id", new { hostId }))];
    }

    private async Task RunAsync(string sql, object parameters)
    {
        await using NpgsqlConnection connection = await database.DataSource.OpenConnectionAsync();
        await connection.ExecuteAsync(new CommandDefinition(sql, parameters));
    }
}
