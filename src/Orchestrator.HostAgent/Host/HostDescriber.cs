using System.Reflection;
using Google.Protobuf.WellKnownTypes;
using Orchestrator.V1;

namespace Orchestrator.HostAgent.Host;

/// <summary>One life of this host's agent.</summary>
/// <param name="InstanceId">New at every start, by which observers see a restart.</param>
internal sealed record AgentInstance(string HostId, string InstanceId);

/// <summary>Describes this host as it is now.</summary>
internal sealed class HostDescriber(AgentSettings settings, EngineCatalog engines, AgentInstance instance)
{
    private static readonly string s_version =
        typeof(HostDescriber).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "";

    public HostDescription Describe()
    {
        var facts = MachineFacts.Read();
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
        };
    }
}
