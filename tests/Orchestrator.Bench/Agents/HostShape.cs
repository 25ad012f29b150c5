using Orchestrator.V1;

namespace Orchestrator.Bench.Agents;

/// <summary>What every scripted host says it has.</summary>
/// <param name="LinkBytesPerSecond">Of the link that carries migrations; 0 = not known, so admission shares nothing.</param>
/// <param name="RackSize">Hosts with the same label "rack".</param>
internal sealed record HostShape(ulong MemoryBytes, uint Vcpus, ulong LinkBytesPerSecond, int RackSize)
{
    /// <summary>More than any load asks for, on links whose speed nobody knows.</summary>
    public static HostShape Boundless { get; } = new(64UL << 40, 8192, 0, 20);

    /// <summary>512 GiB, 512 vCPUs, 25 Gbit/s.</summary>
    public static HostShape Usual { get; } = new(512UL << 30, 512, 3_125_000_000, 20);

    // The x86-64-v3 level, as /proc/cpuinfo words it.
    private static readonly string[] s_cpuFlags =
        [.. ("fpu cx8 cmov fxsr mmx syscall sse sse2 lm nx cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3 aes pclmulqdq rdtscp "
            + "abm avx avx2 bmi1 bmi2 f16c fma movbe xsave xsaveopt").Split(' ')];

    public HostDescription Describe(string hostId, string instanceId) => new()
    {
        HostId = hostId,
        AgentVersion = "scripted",
        AgentInstanceId = instanceId,
        MemoryTotalBytes = MemoryBytes,
        MemoryAvailableBytes = MemoryBytes,
        MemoryAllocatableBytes = MemoryBytes,
        Cpus = 128,
        VcpusAllocatable = Vcpus,
        CpuModel = "scripted",
        CpuFlags = { s_cpuFlags },
        KernelRelease = "scripted",
        MigrationAddress = "127.0.0.1",
        NumaNodes = { new NumaNode { Node = 0, MemoryTotalBytes = MemoryBytes, MemoryFreeBytes = MemoryBytes } },
        Links =
        {
            new NetworkLink
            {
                Name = "eth0", BytesPerSecond = LinkBytesPerSecond, Source = LinkSpeedSource.Configured, CarriesMigrations = true,
            },
        },
        Engines =
        {
            new EngineDescription
            {
                Kind = "qemu",
                Version = ScriptedHost.EngineVersion,
                Program = "qemu-system-x86_64",
                Accelerators = { "tcg" },
                MachineTypes = { ScriptedHost.MachineType, "pc-q35-9.2", "pc-q35-9.1", "pc-q35-9.0" },
            },
        },
    };

    /// <summary>Labels that the host of this number, from 0, is registered with.</summary>
    public IReadOnlyDictionary<string, string> LabelsOf(int number) => new Dictionary<string, string>
    {
        ["rack"] = $"r{number / RackSize:00}",
        ["zone"] = $"z{number / RackSize % 3}",
    };
}
