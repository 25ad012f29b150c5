using System.Collections.Concurrent;
using System.Text.Json;
using Dapper;
using Npgsql;
using Orchestrator.ControlPlane.Migrations.Supervision;
using Orchestrator.Policy;
using Orchestrator.Policy.Placement;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Queue;

/// <summary>
/// Reads the fleet as placement sees it. What a host's machine is changes seldom and is long, so descriptions are kept and read anew every
/// few seconds; everything that is given and taken is read every time.
/// </summary>
internal sealed class FleetReader(IAgentCalls agents, TimeProvider clock)
{
    private static readonly TimeSpan s_describedFor = TimeSpan.FromSeconds(5);

    private readonly ConcurrentDictionary<string, HostDescription> _descriptions = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Policy.Placement.PlacementTerms> _terms = new(StringComparer.Ordinal);
    private long _describedAt = long.MinValue;

    public async Task<FleetSnapshot> ReadAsync(NpgsqlConnection connection, DateTimeOffset at, CancellationToken cancellation)
    {
        const string Hosts = "SELECT host_id AS HostId, labels::text AS Labels, cordoned, cordon_reason AS CordonReason FROM hosts ORDER BY host_id";
        const string Guests = """
            SELECT guest_id AS GuestId, host_id AS HostId, migration_target_host_id AS TargetHostId, (spec ->> 'memoryBytes')::bigint AS Memory,
                   coalesce((spec ->> 'vcpus')::integer, 1) AS Vcpus, nullif(labels, '{}')::text AS Labels,
                   nullif(placement, '{}')::text AS Placement, (spec -> 'vfioDevices')::text AS Devices
              FROM guests
             WHERE host_id IS NOT NULL OR migration_target_host_id IS NOT NULL
             ORDER BY guest_id
            """;
        var hosts = (await connection.QueryAsync<HostRow>(new CommandDefinition(Hosts, cancellationToken: cancellation))).AsList();
        await DescribeAsync(connection, hosts, cancellation);
        var guests = await connection.QueryAsync<GuestRow>(new CommandDefinition(Guests, cancellationToken: cancellation));
        return new FleetSnapshot(at, [.. hosts.Select(ToHost)], [.. guests.Select(ToGuest)]);
    }

    private async Task DescribeAsync(NpgsqlConnection connection, List<HostRow> hosts, CancellationToken cancellation)
    {
        const string Sql = "SELECT host_id, description::text FROM hosts";
        var now = clock.GetTimestamp();
        if (_describedAt != long.MinValue && clock.GetElapsedTime(_describedAt, now) < s_describedFor
            && hosts.TrueForAll(host => _descriptions.ContainsKey(host.HostId)))
        {
            return;
        }

        foreach (var (hostId, description) in await connection.QueryAsync<(string, string)>(new CommandDefinition(Sql, cancellationToken: cancellation)))
        {
            _descriptions[hostId] = ProtoJson.Read<HostDescription>(description);
        }

        _describedAt = now;
    }

    private FleetHost ToHost(HostRow host)
    {
        var machine = _descriptions.GetValueOrDefault(host.HostId) ?? new HostDescription();
        return new FleetHost
        {
            HostId = host.HostId,
            Condition = agents.IsConnected(host.HostId) ? HostCondition.Connected : HostCondition.Suspect,
            Cordoned = host.Cordoned,
            CordonReason = host.CordonReason,
            Labels = JsonSerializer.Deserialize<Dictionary<string, string>>(host.Labels) ?? [],

            // An agent of the release before says only what its machine has.
            MemoryAllocatable = new DataSize((long)Math.Min(
                machine.MemoryAllocatableBytes > 0 ? machine.MemoryAllocatableBytes : machine.MemoryTotalBytes, long.MaxValue)),
            VcpusAllocatable = machine.VcpusAllocatable > 0 ? (int)Math.Min(machine.VcpusAllocatable, int.MaxValue) : int.MaxValue,
            LinkSpeed = new DataRate((long)Math.Min(
                machine.Links.FirstOrDefault(link => link.CarriesMigrations)?.BytesPerSecond ?? 0, long.MaxValue)),
            CpuFlags = machine.CpuFlags,
            Engines = [.. machine.Engines.Select(engine => new FleetEngine(engine.Version, engine.Accelerators, engine.MachineTypes))],
            Devices =
            [
                .. machine.Devices.Select(device => new FleetDevice(
                    device.SysfsPath, device.Kind, device.Driver, device.DriverVersion, device.MigrationFlags, device.GuestId)),
            ],
        };
    }

    private FleetGuest ToGuest(GuestRow guest) => new()
    {
        GuestId = guest.GuestId,
        Memory = new DataSize(guest.Memory),
        Vcpus = guest.Vcpus,
        HostId = guest.HostId,
        TargetHostId = guest.TargetHostId,
        Labels = guest.Labels is null ? Nothing : JsonSerializer.Deserialize<Dictionary<string, string>>(guest.Labels) ?? Nothing,
        Placement = guest.Placement is null ? Policy.Placement.PlacementTerms.None
            : _terms.GetOrAdd(guest.Placement, text => Terms(ProtoJson.Read<V1.PlacementTerms>(text))),
        Devices = guest.Devices is null or "[]" ? [] : Needs(guest),
    };

    private DeviceNeed[] Needs(GuestRow guest)
    {
        var given = guest.HostId is { } host ? _descriptions.GetValueOrDefault(host)?.Devices ?? [] : [];
        var spec = ProtoJson.Read<MachineSpec>($$"""{"vfioDevices": {{guest.Devices}}}""");
        return
        [
            .. spec.VfioDevices.Select(need => given.FirstOrDefault(device => device.SysfsPath == need.SysfsPath) is { } device
                ? new DeviceNeed(need.DeviceId, need.SysfsPath, device.Kind, device.Driver, device.DriverVersion)
                : new DeviceNeed(need.DeviceId, need.SysfsPath, "")),
        ];
    }

    private static Dictionary<string, string> Nothing { get; } = [];

    private static Policy.Placement.PlacementTerms Terms(V1.PlacementTerms terms) => new(
        [
            .. terms.HostSelector.Select(requirement => new Policy.Placement.LabelRequirement(
                requirement.Key,
                requirement.Operator switch
                {
                    V1.LabelOperator.NotIn => Policy.Placement.LabelOperator.NotIn,
                    V1.LabelOperator.Exists => Policy.Placement.LabelOperator.Exists,
                    V1.LabelOperator.DoesNotExist => Policy.Placement.LabelOperator.DoesNotExist,
                    _ => Policy.Placement.LabelOperator.In,
                },
                requirement.Values)),
        ],
        [
            .. terms.Affinity.Select(term => new Policy.Placement.AffinityTerm(
                term.GuestLabels.ToDictionary(), term.TopologyKey, term.Anti, term.Required, (int)term.Weight)),
        ]);

    /// <summary>Positional on purpose: a column that does not fit throws instead of staying at its default.</summary>
    private sealed record HostRow(string HostId, string Labels, bool Cordoned, string CordonReason);

    /// <summary>The same.</summary>
    private sealed record GuestRow(
        string GuestId, string? HostId, string? TargetHostId, long Memory, int Vcpus, string? Labels, string? Placement, string? Devices);
}
