using System.Text.Json;
using Orchestrator.Policy;
using Orchestrator.Policy.Placement;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Placement;

/// <summary>
/// A host's description as placement sees it. What was made of a description is kept for as long as the text stays the same: an inventory
/// is long and changes seldom. Nothing that says what is free is in it.
/// </summary>
internal sealed class HostFacts
{
    private readonly Dictionary<string, (string Labels, string Description, FleetHost Facts)> _known = new(StringComparer.Ordinal);

    /// <returns>Connected and not cordoned: whoever reads it knows better.</returns>
    public FleetHost Of(string hostId, string labels, string description)
    {
        lock (_known)
        {
            if (_known.TryGetValue(hostId, out var known) && known.Labels == labels && known.Description == description)
            {
                return known.Facts;
            }
        }

        var facts = Of(hostId, JsonSerializer.Deserialize<Dictionary<string, string>>(labels) ?? [], ProtoJson.Read<HostDescription>(description));
        lock (_known)
        {
            _known[hostId] = (labels, description, facts);
        }

        return facts;
    }

    /// <summary>Forgets hosts that are not named.</summary>
    public void Keep(IReadOnlySet<string> hostIds)
    {
        lock (_known)
        {
            foreach (var gone in _known.Keys.Where(hostId => !hostIds.Contains(hostId)).ToList())
            {
                _known.Remove(gone);
            }
        }
    }

    // An agent of the release before reports no capacity of its own making; the machine's then.
    private static FleetHost Of(string hostId, Dictionary<string, string> labels, HostDescription description) => new()
    {
        HostId = hostId,
        Condition = HostCondition.Connected,
        Labels = labels,
        MemoryAllocatable = Bytes(description.MemoryAllocatableBytes > 0 ? description.MemoryAllocatableBytes : description.MemoryTotalBytes),
        VcpusAllocatable = Count(description.VcpusAllocatable > 0 ? description.VcpusAllocatable : description.Cpus),
        LinkSpeed = new DataRate(Bytes(
            description.Links.Where(link => link.CarriesMigrations).Select(link => link.BytesPerSecond).DefaultIfEmpty().Max()).Bytes),
        CpuFlags = [.. description.CpuFlags],
        Engines =
        [
            .. description.Engines.Select(engine => new FleetEngine(engine.Version, [.. engine.Accelerators], [.. engine.MachineTypes])),
        ],
        Devices =
        [
            .. description.Devices.Select(device => new FleetDevice(
                device.SysfsPath, device.Kind, device.Driver, device.DriverVersion, device.MigrationFlags, device.GuestId)),
        ],
    };

    private static DataSize Bytes(ulong bytes) => new((long)Math.Min(bytes, long.MaxValue));

    private static int Count(uint count) => (int)Math.Min(count, int.MaxValue);
}
