using System.Globalization;

namespace Orchestrator.HostAgent.Host;

/// <summary>What the kernel says about this machine now.</summary>
/// <param name="MemoryAvailable">MemAvailable: what could be had without swapping, in bytes.</param>
/// <param name="Uptime">Since boot.</param>
internal sealed record MachineFacts(
    ulong MemoryTotal, ulong MemoryAvailable, int Cpus, string CpuModel, string KernelRelease, TimeSpan Uptime)
{
    public static MachineFacts Read()
    {
        var memory = File.ReadAllText("/proc/meminfo");
        return new MachineFacts(
            ParseMemory(memory, "MemTotal"),
            ParseMemory(memory, "MemAvailable"),
            Environment.ProcessorCount,
            ParseCpuModel(File.ReadLines("/proc/cpuinfo")),
            File.ReadAllText("/proc/sys/kernel/osrelease").Trim(),
            ParseUptime(File.ReadAllText("/proc/uptime")));
    }

    /// <returns>Bytes; 0 when the line is not there.</returns>
    internal static ulong ParseMemory(string meminfo, string name)
    {
        foreach (var line in meminfo.AsSpan().EnumerateLines())
        {
            if (line.StartsWith(name, StringComparison.Ordinal) && line.Length > name.Length && line[name.Length] == ':')
            {
                var value = line[(name.Length + 1)..].Trim();
                var digits = value.IndexOf(' ') is var end and > 0 ? value[..end] : value;

                // The kernel says kB and means 1024 bytes.
                return ulong.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var kibibytes) ? kibibytes * 1024 : 0;
            }
        }

        return 0;
    }

    /// <returns>The first "model name"; empty where the kernel gives none, as on arm64.</returns>
    internal static string ParseCpuModel(IEnumerable<string> cpuinfo) =>
        cpuinfo.FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':', 2) is [_, var model]
            ? model.Trim()
            : "";

    internal static TimeSpan ParseUptime(string uptime) =>
        double.TryParse(uptime.Split(' ')[0], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var seconds)
            ? TimeSpan.FromSeconds(seconds)
            : TimeSpan.Zero;
}
