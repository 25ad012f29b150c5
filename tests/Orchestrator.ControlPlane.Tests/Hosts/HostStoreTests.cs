using Dapper;
using Orchestrator.ControlPlane.Hosts;
using Orchestrator.TestPostgres;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Tests.Hosts;

public sealed class HostStoreTests(PostgresFixture database) : IClassFixture<PostgresFixture>
{
    private static readonly DateTimeOffset s_now = new(2026, 3, 4, 5, 6, 7, TimeSpan.Zero);
    private readonly HostStore _hosts = new(Gate.To(database));

    [Fact]
    public async Task RegisterThenFind_GivesEveryColumnBack()
    {
        var host = Host() with { Cordoned = true, CordonReason = "fan", LastSeenAt = s_now.AddSeconds(1) };
        Assert.Equal(RegisterHostOutcome.Registered, await _hosts.RegisterAsync(host, CancellationToken.None));

        var found = await _hosts.FindAsync(host.HostId, CancellationToken.None);

        Assert.Equal(host with { Labels = found!.Labels, Liveness = found.Liveness }, found);
        Assert.True(found.Liveness is { Silence.TotalSeconds: > 0, ConnectedSince: null, DeadAt: null, DeadReason: "" });
        Assert.Equal(host.Labels, found.Labels);
        await using var connection = await database.DataSource.OpenConnectionAsync();
        var columns = await connection.QueryAsync<string>(
            new CommandDefinition("SELECT column_name FROM information_schema.columns WHERE table_name = 'hosts' ORDER BY 1"));
        Assert.Equal(
            [
                "agent_endpoint", "connected_since", "cordon_reason", "cordoned", "dead_at", "dead_reason", "described_at", "description",
                "host_id", "labels", "last_seen_at", "lost_noted_at", "registered_at",
            ],
            columns);
    }

    [Fact]
    public async Task Register_Again_TakesNewLabels_AndAnotherEndpointIsAClash()
    {
        var host = Host();
        await _hosts.RegisterAsync(host, CancellationToken.None);

        var relabelled = host with { Labels = new Dictionary<string, string> { ["rack"] = "r9" } };
        Assert.Equal(RegisterHostOutcome.RegisteredBefore, await _hosts.RegisterAsync(relabelled, CancellationToken.None));
        Assert.Equal("r9", (await _hosts.FindAsync(host.HostId, CancellationToken.None))!.Labels["rack"]);

        var moved = host with { Address = host.Address with { Endpoint = "http://127.0.0.9:1" } };
        Assert.Equal(RegisterHostOutcome.Exists, await _hosts.RegisterAsync(moved, CancellationToken.None));
    }

    [Fact]
    public async Task Register_TenAtOnce_OneIsFirst()
    {
        var host = Host();

        var outcomes = await Task.WhenAll(
            Enumerable.Range(0, 10).Select(_ => Task.Run(() => _hosts.RegisterAsync(host, CancellationToken.None))));

        Assert.Single(outcomes, RegisterHostOutcome.Registered);
        Assert.Equal(9, outcomes.Count(outcome => outcome == RegisterHostOutcome.RegisteredBefore));
    }

    [Fact]
    public async Task Describe_NewsAtOnce_AndTheSameFromManyReplicasSeldom()
    {
        var host = Host();
        await _hosts.RegisterAsync(host, CancellationToken.None);

        await DescribeAsync(3, news: false);
        await DescribeAsync(4, news: true);
        await DescribeAsync(5, news: false);

        var found = await _hosts.FindAsync(host.HostId, CancellationToken.None);
        Assert.Equal(4u, found!.Description.Cpus);
        Assert.Equal(host.LastSeenAt, found.LastSeenAt);

        Task DescribeAsync(uint cpus, bool news) => _hosts.DescribeAsync(
            host.HostId, new HostDescription { HostId = host.HostId, Cpus = cpus }, news, CancellationToken.None);
    }

    [Fact]
    public async Task Remove_WhileAMigrationGoesThere_IsInUse()
    {
        var (source, target) = (Host(), Host());
        await _hosts.RegisterAsync(source, CancellationToken.None);
        await _hosts.RegisterAsync(target, CancellationToken.None);
        await using var connection = await database.DataSource.OpenConnectionAsync();
        await connection.ExecuteAsync(new CommandDefinition(
            """
            INSERT INTO guests (guest_id, defined_spec, spec, state, state_since, host_id, starts_paused, stopping, active_migration_id,
                                migration_target_host_id, defined_at, serial_socket, revision)
            VALUES (@guest, '{}', '{}', 'Running', @now, @source, false, false, @migration, @target, @now, '', 1)
            """,
            new { guest = source.HostId, source = source.HostId, target = target.HostId, migration = Guid.NewGuid(), now = s_now }));

        Assert.Equal(RemoveHostOutcome.InUse, await _hosts.RemoveAsync(source.HostId, CancellationToken.None));
        Assert.Equal(RemoveHostOutcome.InUse, await _hosts.RemoveAsync(target.HostId, CancellationToken.None));

        await connection.ExecuteAsync(new CommandDefinition("DELETE FROM guests WHERE guest_id = @guest", new { guest = source.HostId }));
        Assert.Equal(RemoveHostOutcome.Removed, await _hosts.RemoveAsync(target.HostId, CancellationToken.None));
        Assert.Equal(RemoveHostOutcome.Unknown, await _hosts.RemoveAsync(target.HostId, CancellationToken.None));
    }

    private static RegisteredHost Host()
    {
        var id = ControlPlaneFixture.NewId("host");
        return new RegisteredHost(
            new AgentAddress(id, "http://127.0.0.2:7444"),
            new Dictionary<string, string> { ["rack"] = "r1", ["ключ"] = "\"'" },
            Cordoned: false,
            "",
            s_now,
            s_now,
            new HostDescription
            {
                HostId = id,
                MemoryTotalBytes = ulong.MaxValue,
                Cpus = 96,
                Engines = { new EngineDescription { Kind = "qemu", Version = "7.2.22 (Debian)", Accelerators = { "tcg", "kvm" } } },
            });
    }
}
