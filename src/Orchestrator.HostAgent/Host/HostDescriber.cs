using System.Reflection;
using Google.Protobuf.WellKnownTypes;
using Orchestrator.HostAgent.Guests;
using Orchestrator.V1;

namespace Orchestrator.HostAgent.Host;

/// <summary>One life of this host's agent.</summary>
/// <param name="InstanceId">New at every start, by which observers see a restart.</param>
internal sealed record AgentInstance(string HostId, string InstanceId);

/// <summary>Describes this host as it is now.</summary>
internal sealed class HostDescriber(AgentSettings settings, EngineCatalog engines, GuestRegistry guests, AgentInstance instance)
{
    private static readonly string s_version =
        typeof(HostDescriber).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "";

    public HostDescription Describe()
    {
        var facts = MachineFacts.Read();
        var hugePages = MemoryInventory.ReadHugePages(KernelTree.Real);
        var owners = DeviceOwners();
        return new HostDescription
        {
            HostId = instance.HostId,
            AgentVersion = s_version,
            AgentInstanceId = instance.InstanceId,
            MemoryTotalBytes = facts.MemoryTotal,
            MemoryAvailableBytes = facts.MemoryAvailable,
            Cpus = (uint)facts.Cpus,
            CpuModel = facts.CpuModel,
            KernelRelease = facts.KernelRelease,
            MigrationAddress = settings.MigrationAddress.ToString(),
            Engines = { engines.Describe() },
            Uptime = facts.Uptime.ToDuration(),
            MemoryAllocatableBytes = settings.Capacity.AllocatableOf(
                facts.MemoryTotal, hugePages.Aggregate(0UL, (sum, size) => sum + (size.Total * size.PageBytes))),
            VcpusAllocatable = settings.Capacity.VcpusOf(facts.Cpus),
            HugePages = { hugePages },
            CpuFlags = { CpuInventory.ReadFlags(KernelTree.Real) },
            NumaNodes = { MemoryInventory.ReadNodes(KernelTree.Real) },
            Links = { LinkInventory.Read(KernelTree.Real, settings.Capacity.Links, LinkInventory.CarrierOf(settings.MigrationAddress)) },
            Devices = { DeviceInventory.Read(KernelTree.Real, device => owners.GetValueOrDefault(device, "")) },
        };
    }

    // A device has several paths below /sys, all of them ending in its name.
    private Dictionary<string, string> DeviceOwners()
    {
        Dictionary<string, string> owners = new(StringComparer.Ordinal);
        foreach (var guest in guests.All)
        {
            foreach (var device in guest.Record.Spec.VfioDevices)
            {
                owners[Path.GetFileName(device.SysfsPath.TrimEnd('/'))] = guest.Id;
            }
        }

        return owners;
    }
}
