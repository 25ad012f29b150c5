using Dapper;
using Google.Protobuf.Collections;
using Orchestrator.ControlPlane.Guests;
using Orchestrator.ControlPlane.Hosts;
using Orchestrator.TestPostgres;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Tests.Guests;

public sealed class GuestStoreTests(PostgresFixture database) : IClassFixture<PostgresFixture>
{
    private static readonly DateTimeOffset s_now = new(2026, 3, 4, 5, 6, 7, TimeSpan.Zero);
    private readonly GuestStore _guests = new(Gate.To(database));
    private readonly HostStore _hosts = new(Gate.To(database));

    [Fact]
    public async Task DefineClaimWriteFind_GivesEveryColumnBack()
    {
        var defined = await DefineAsync();
        Assert.Equal(
            new StoredGuest
            {
                GuestId = defined.GuestId,
                DefinedSpec = Sample.Spec(),
                Spec = Sample.Spec(),
                State = StoredGuestState.ShutOff,
                StateSince = s_now,
                HostId = null,
                StartsPaused = false,
                Stopping = false,
                ActiveMigrationId = null,
                MigrationTargetHostId = null,
                MigrationKeepsStopped = false,
                DefinedAt = s_now,
                SerialSocket = "",
                Labels = new MapField<string, string> { ["app"] = "web" },
                Placement = Terms.Placement(),
                Notice = Terms.Notice(),
                Revision = 1,
            },
            defined);

        var hostId = await AddHostAsync();
        var claimed = await _guests.ClaimAsync(defined, hostId, paused: true, s_now.AddSeconds(1), CancellationToken.None);
        Assert.Equal(claimed, await _guests.FindAsync(defined.GuestId, CancellationToken.None));
        Assert.Equal(
            defined with
            {
                State = StoredGuestState.Starting,
                StateSince = s_now.AddSeconds(1),
                HostId = hostId,
                StartsPaused = true,
                Revision = 2,
            },
            claimed);

        var pinned = Sample.Spec();
        pinned.MachineType = "pc-q35-7.2";
        var written = await _guests.WriteAsync(
            claimed!,
            claimed! with { State = StoredGuestState.Paused, StateSince = s_now.AddSeconds(2), Stopping = true, Spec = pinned, SerialSocket = "/run/s" },
            CancellationToken.None);
        Assert.Equal(written, await _guests.FindAsync(defined.GuestId, CancellationToken.None));
        Assert.Equal((3, Sample.Spec(), pinned), (written!.Revision, written.DefinedSpec, written.Spec));

        await using var connection = await database.DataSource.OpenConnectionAsync();
        var columns = await connection.QueryAsync<string>(
            new CommandDefinition("SELECT column_name FROM information_schema.columns WHERE table_name = 'guests'"));
        Assert.Equal(typeof(StoredGuest).GetProperties().Length, columns.Count());
    }

    [Fact]
    public async Task Define_Again_IsTheSameGuest_AsDefinedOrAsAnswered()
    {
        var guest = await DefineAsync();
        var pinned = Sample.Spec();
        pinned.MachineType = "pc-q35-7.2";
        await _guests.WriteAsync(guest, guest with { Spec = pinned }, CancellationToken.None);
        var other = Sample.Spec();
        other.Vcpus = 3;

        Assert.Equal(DefineGuestOutcome.DefinedBefore, await _guests.DefineAsync(Definition(guest.GuestId), s_now, CancellationToken.None));
        Assert.Equal(DefineGuestOutcome.DefinedBefore, await _guests.DefineAsync(Definition(guest.GuestId) with { Spec = pinned }, s_now, CancellationToken.None));
        Assert.Equal(DefineGuestOutcome.Exists, await _guests.DefineAsync(Definition(guest.GuestId) with { Spec = other }, s_now, CancellationToken.None));
    }

    [Fact]
    public async Task Define_Again_WithOtherTerms_IsAnotherGuest()
    {
        var guest = await DefineAsync();
        var same = Definition(guest.GuestId);
        var elsewhere = Terms.Placement();
        elsewhere.HostSelector[0].Values[0] = "r9";

        foreach (var other in new[]
        {
            same with { Labels = new MapField<string, string> { ["app"] = "db" } }, same with { Placement = elsewhere },
            same with { Placement = new PlacementTerms() }, same with { Notice = null }, same with { Notice = new NoticeTerms() },
        })
        {
            Assert.Equal(DefineGuestOutcome.Exists, await _guests.DefineAsync(other, s_now, CancellationToken.None));
        }

        Assert.Equal(DefineGuestOutcome.DefinedBefore, await _guests.DefineAsync(same, s_now, CancellationToken.None));
    }

    [Fact]
    public async Task GuestOfAnEarlierRelease_HasNoTerms()
    {
        var guestId = ControlPlaneFixture.NewId("guest");
        await using var connection = await database.DataSource.OpenConnectionAsync();
        await connection.ExecuteAsync(new CommandDefinition(
            """
            INSERT INTO guests (guest_id, defined_spec, spec, state, state_since, starts_paused, stopping, defined_at, serial_socket, revision)
            VALUES (@guestId, '{}', '{}', 'ShutOff', @now, false, false, @now, '', 1)
            """,
            new { guestId, now = s_now }));

        var guest = await _guests.FindAsync(guestId, CancellationToken.None);

        Assert.Equal((0, new PlacementTerms(), null), (guest!.Labels.Count, guest.Placement, guest.Notice));
        Assert.Equal(
            DefineGuestOutcome.DefinedBefore,
            await _guests.DefineAsync(new GuestDefinition(guestId, new MachineSpec()), s_now, CancellationToken.None));
    }

    [Fact]
    public async Task Claim_TwoHostsAtOnce_OneGetsIt()
    {
        var hosts = await Task.WhenAll(AddHostAsync(), AddHostAsync());
        for (var round = 0; round < 20; round++)
        {
            var guest = await DefineAsync();

            var claims = await Task.WhenAll(hosts.Select(
                hostId => Task.Run(() => _guests.ClaimAsync(guest, hostId, paused: false, s_now, CancellationToken.None))));

            Assert.Single(claims, claim => claim is not null);
        }
    }

    [Fact]
    public async Task Claim_OfACordonedOrMissingHost_OrOfAMigratingGuest_IsRefused()
    {
        var hostId = await AddHostAsync();
        var guest = await DefineAsync();
        await _hosts.SetCordonAsync(hostId, true, "", "test", CancellationToken.None);
        Assert.Null(await _guests.ClaimAsync(guest, hostId, false, s_now, CancellationToken.None));
        Assert.Null(await _guests.ClaimAsync(guest, "nowhere", false, s_now, CancellationToken.None));

        await _hosts.SetCordonAsync(hostId, false, "", "test", CancellationToken.None);
        await MigrateAsync(guest.GuestId, hostId);
        Assert.Null(await _guests.ClaimAsync(guest, hostId, false, s_now, CancellationToken.None));
        Assert.Null(await _guests.WriteAsync(guest, guest with { SerialSocket = "x" }, CancellationToken.None));
        Assert.False(await _guests.RemoveAsync(guest, CancellationToken.None));
    }

    [Fact]
    public async Task Write_OfAnOlderReading_IsRefused()
    {
        var guest = await DefineAsync();
        Assert.NotNull(await _guests.WriteAsync(guest, guest with { SerialSocket = "1" }, CancellationToken.None));
        Assert.Null(await _guests.WriteAsync(guest, guest with { SerialSocket = "2" }, CancellationToken.None));
        Assert.Equal("1", (await _guests.FindAsync(guest.GuestId, CancellationToken.None))?.SerialSocket);
    }

    [Fact]
    public async Task Lists_ByHost_ByName_AndByUnfinishedStart()
    {
        var hostId = await AddHostAsync();
        var (on, off) = (await DefineAsync(), await DefineAsync());
        await _guests.ClaimAsync(on, hostId, false, s_now.AddHours(-1), CancellationToken.None);

        Assert.Equal([on.GuestId], (await _guests.ListAsync(hostId, "", 10, CancellationToken.None)).Select(guest => guest.GuestId));
        Assert.Equal(
            new[] { on.GuestId, off.GuestId }.Order(StringComparer.Ordinal),
            (await _guests.ListOnHostAsync(hostId, [on.GuestId, off.GuestId, "stranger"], CancellationToken.None))
                .Select(guest => guest.GuestId).Order(StringComparer.Ordinal));
        Assert.Contains(await _guests.ListStartingSinceAsync(s_now, CancellationToken.None), guest => guest.GuestId == on.GuestId);
        Assert.DoesNotContain(await _guests.ListStartingSinceAsync(s_now.AddHours(-2), CancellationToken.None), guest => guest.GuestId == on.GuestId);

        Assert.True(await _guests.RemoveAsync(off, CancellationToken.None));
        Assert.Null(await _guests.FindAsync(off.GuestId, CancellationToken.None));
    }

    [Fact]
    public void EveryState_IsOneTheScriptKnows()
    {
        using var connection = database.DataSource.OpenConnection();
        var check = connection.ExecuteScalar<string>(new CommandDefinition(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'guests_state_known'"));
        Assert.All(Enum.GetNames<StoredGuestState>(), name => Assert.Contains($"'{name}'", check, StringComparison.Ordinal));
    }

    private static GuestDefinition Definition(string guestId) => new(guestId, Sample.Spec())
    {
        Labels = new MapField<string, string> { ["app"] = "web" },
        Placement = Terms.Placement(),
        Notice = Terms.Notice(),
    };

    private async Task<StoredGuest> DefineAsync()
    {
        var guestId = ControlPlaneFixture.NewId("guest");
        Assert.Equal(DefineGuestOutcome.Defined, await _guests.DefineAsync(Definition(guestId), s_now, CancellationToken.None));
        return await _guests.FindAsync(guestId, CancellationToken.None) ?? throw new InvalidOperationException();
    }

    private async Task<string> AddHostAsync()
    {
        var hostId = ControlPlaneFixture.NewId("host");
        await _hosts.RegisterAsync(
            new RegisteredHost(
                new AgentAddress(hostId, "http://127.0.0.1:1"), new Dictionary<string, string>(), false, "", s_now, s_now, new HostDescription()),
            CancellationToken.None);
        return hostId;
    }

    private async Task MigrateAsync(string guestId, string targetHostId)
    {
        await using var connection = await database.DataSource.OpenConnectionAsync();
        await connection.ExecuteAsync(new CommandDefinition(
            "UPDATE guests SET active_migration_id = @id, migration_target_host_id = @targetHostId WHERE guest_id = @guestId",
            new { id = Guid.NewGuid(), targetHostId, guestId }));
    }
}
