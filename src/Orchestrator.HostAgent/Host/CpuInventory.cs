namespace Orchestrator.HostAgent.Host;

/// <summary>What all CPUs of this machine can do.</summary>
internal static class CpuInventory
{
    /// <summary>From /proc/cpuinfo: the flags that every CPU has, since a guest may run on any of them. In ordinal order.</summary>
    public static IReadOnlyList<string> ReadFlags(KernelTree tree) =>
        ParseFlags((KernelTree.Text(tree.Proc, "cpuinfo") ?? "").Split('\n'));

    internal static IReadOnlyList<string> ParseFlags(IEnumerable<string> cpuinfo)
    {
        HashSet<string>? common = null;
        var last = "";
        foreach (var line in cpuinfo)
        {
            // "flags : ..." on x86, "Features : ..." on arm64. Hundreds of CPUs mostly say the same.
            if (line != last && line.Split(':', 2) is [var name, var flags] && name.Trim() is "flags" or "Features" && flags is not null)
            {
                last = line;
                var here = flags.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
                common ??= [.. here];
                common.IntersectWith(here);
            }
        }

        return [.. (common ?? []).Order(StringComparer.Ordinal)];
    }
}
