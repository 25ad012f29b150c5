using System.Globalization;
using Orchestrator.V1;

namespace Orchestrator.HostAgent.Host;

/// <summary>Huge pages and NUMA nodes.</summary>
internal static class MemoryInventory
{
    private const string HugePagePrefix = "hugepages-";

    // Far above CONFIG_NR_CPUS of any kernel; keeps a damaged file from becoming a huge list.
    private const int MostCpus = 65536;

    /// <summary>From /sys/kernel/mm/hugepages, in the order of their sizes.</summary>
    public static IReadOnlyList<HugePages> ReadHugePages(KernelTree tree)
    {
        var root = Path.Combine(tree.Sys, "kernel/mm/hugepages");
        List<HugePages> sizes = [];
        foreach (var name in KernelTree.Names(root))
        {
            if (name.StartsWith(HugePagePrefix, StringComparison.Ordinal) && name.EndsWith("kB", StringComparison.Ordinal)
                && Number(name[HugePagePrefix.Length..^2]) is { } kibibytes)
            {
                sizes.Add(new HugePages
                {
                    PageBytes = kibibytes * 1024,
                    Total = Number(KernelTree.Text(root, name, "nr_hugepages")) ?? 0,
                    Free = Number(KernelTree.Text(root, name, "free_hugepages")) ?? 0,
                });
            }
        }

        return [.. sizes.OrderBy(size => size.PageBytes)];
    }

    /// <summary>From /sys/devices/system/node, in the order of their numbers.</summary>
    public static IReadOnlyList<NumaNode> ReadNodes(KernelTree tree)
    {
        var root = Path.Combine(tree.Sys, "devices/system/node");
        List<NumaNode> nodes = [];
        foreach (var name in KernelTree.Names(root))
        {
            if (name.StartsWith("node", StringComparison.Ordinal) && Number(name[4..]) is { } number)
            {
                // "Node 0 MemTotal:       16325412 kB"
                var memory = string.Join('\n', (KernelTree.Text(root, name, "meminfo") ?? "").Split('\n').Select(AfterNode));
                nodes.Add(new NumaNode
                {
                    Node = (uint)number,
                    MemoryTotalBytes = MachineFacts.ParseMemory(memory, "MemTotal"),
                    MemoryFreeBytes = MachineFacts.ParseMemory(memory, "MemFree"),
                    Cpus = { ParseCpuList(KernelTree.Text(root, name, "cpulist") ?? "") },
                });
            }
        }

        return [.. nodes.OrderBy(node => node.Node)];
    }

    /// <param name="text">As the kernel writes sets of CPUs: "0-3,8,10-11"; empty for a node that has only memory.</param>
    internal static IReadOnlyList<uint> ParseCpuList(string text)
    {
        List<uint> cpus = [];
        foreach (var range in text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var ends = range.Split('-', 2);
            if (Number(ends[0]) is { } first && Number(ends[^1]) is { } last && first <= last && last < MostCpus)
            {
                for (var cpu = first; cpu <= last; cpu++)
                {
                    cpus.Add((uint)cpu);
                }
            }
        }

        return cpus;
    }

    private static string AfterNode(string line) => line.Split(' ', 3, StringSplitOptions.RemoveEmptyEntries) is ["Node", _, var rest] ? rest : "";

    private static ulong? Number(string? text) =>
        ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
}
