using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Orchestrator.Bench.Measuring;

/// <summary>What the figures were measured on.</summary>
/// <param name="Commit">Of the sources, with "-dirty" when they were changed; empty when it cannot be told.</param>
internal sealed record Machine(
    int Cores, string CpuModel, ulong MemoryBytes, string OperatingSystem, string Kernel, string Dotnet, string Postgres, string Commit)
{
    public static async Task<Machine> DescribeAsync(string postgres, CancellationToken cancellation) => new(
        Environment.ProcessorCount,
        Value("/proc/cpuinfo", "model name") ?? "unknown",
        ulong.Parse((Value("/proc/meminfo", "MemTotal") ?? "0 kB").Split(' ')[0], CultureInfo.InvariantCulture) * 1024,
        Value("/etc/os-release", "PRETTY_NAME")?.Trim('"') ?? RuntimeInformation.OSDescription,
        File.ReadAllText("/proc/sys/kernel/osrelease").Trim(),
        RuntimeInformation.FrameworkDescription,
        postgres,
        await CommitAsync(cancellation));

    /// <summary>Processes that ran or waited for a CPU or a disk, on average of the last minute.</summary>
    public static double LoadAverage() => double.Parse(File.ReadAllText("/proc/loadavg").Split(' ')[0], CultureInfo.InvariantCulture);

    private static string? Value(string file, string name) => File.Exists(file)
        ? File.ReadLines(file).Select(line => line.Split([':', '='], 2))
            .FirstOrDefault(parts => parts.Length == 2 && parts[0].Trim() == name)?[1].Trim()
        : null;

    private static async Task<string> CommitAsync(CancellationToken cancellation)
    {
        try
        {
            var start = new ProcessStartInfo("git", ["-C", AppContext.BaseDirectory, "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            };
            using var git = Process.Start(start);
            var said = git is null ? "" : await git.StandardOutput.ReadToEndAsync(cancellation);
            return said.Trim();
        }
        catch (System.ComponentModel.Win32Exception)
        {
            // No git at hand.
            return "";
        }
    }
}
