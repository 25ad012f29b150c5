namespace Orchestrator.HostAgent.Host;

/// <summary>Whether a guest's memory fits.</summary>
/// <param name="Needed">The guest's memory and what its engine takes besides, in bytes.</param>
/// <param name="Available">What is left for it, in bytes.</param>
internal sealed record MemoryVerdict(ulong Needed, ulong Available)
{
    public bool Fits => Needed <= Available;
}

/// <summary>
/// The kernel calls memory available that guests were promised but have not touched yet, so what they were promised is taken off first.
/// </summary>
internal static class MemoryAdmission
{
    /// <summary>What a QEMU takes besides guest memory: its own heap, device and translation buffers. Seen: 40 to 110 MiB under TCG.</summary>
    public const ulong EngineOverhead = 128UL * 1024 * 1024;

    /// <param name="available">MemAvailable, in bytes.</param>
    /// <param name="promised">Per guest on this host: its memory less what it already has resident, in bytes.</param>
    /// <param name="overcommit">1 promises what is there; 1.5 half as much again.</param>
    public static MemoryVerdict Judge(ulong guestMemory, ulong available, IEnumerable<ulong> promised, double overcommit)
    {
        var offered = (ulong)(available * overcommit);
        var taken = promised.Aggregate(0UL, (sum, one) => sum > ulong.MaxValue - one ? ulong.MaxValue : sum + one);
        return new MemoryVerdict(guestMemory + EngineOverhead, offered > taken ? offered - taken : 0);
    }

    /// <returns>Resident bytes of a process by /proc/PID/statm; 0 when it is gone.</returns>
    public static ulong ResidentBytes(int pid)
    {
        try
        {
            return ParseResidentPages(File.ReadAllText($"/proc/{pid}/statm")) * (ulong)Environment.SystemPageSize;
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }

    internal static ulong ParseResidentPages(string statm) =>
        statm.Split(' ') is [_, var resident, ..] && ulong.TryParse(resident, out var pages) ? pages : 0;
}
