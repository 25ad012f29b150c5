using System.Globalization;

namespace Orchestrator.Bench.Measuring;

/// <summary>Resident memory, from /proc (proc(5)).</summary>
internal static class ProcessMemory
{
    private const ulong Kibibyte = 1024;

    public static ulong ResidentBytes(int pid) => Field($"/proc/{pid}/status", "VmRSS:");

    /// <summary>The most it ever was.</summary>
    public static ulong PeakResidentBytes(int pid) => Field($"/proc/{pid}/status", "VmHWM:");

    /// <summary>Pages that are shared count by their share, so that a sum over processes counts them once.</summary>
    public static ulong ProportionalBytes(int pid) => Field($"/proc/{pid}/smaps_rollup", "Pss:");

    /// <returns>0 when the process is gone or closed to us.</returns>
    private static ulong Field(string file, string name)
    {
        try
        {
            return File.ReadLines(file).FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal)) is { } line
                ? ulong.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * Kibibyte
                : 0;
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }
}
