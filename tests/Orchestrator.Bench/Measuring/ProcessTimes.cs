using System.Globalization;

namespace Orchestrator.Bench.Measuring;

/// <summary>CPU time as the kernel counts it, from /proc (proc(5)).</summary>
internal static class ProcessTimes
{
    // USER_HZ, which the kernel has promised to user space as 100 on every architecture that .NET runs on.
    private const double TicksPerSecond = 100;

    /// <returns>User and system time; zero when the process is gone.</returns>
    public static TimeSpan Of(int pid) => Read(pid) is { } stat ? Ticks(stat.Own) : TimeSpan.Zero;

    /// <summary>
    /// Of a process and all its children, those that have ended and been waited for included: the sum never falls while the parent lives.
    /// </summary>
    public static TimeSpan OfFamily(int parent)
    {
        if (Read(parent) is not { } stat)
        {
            return TimeSpan.Zero;
        }

        return Ticks(stat.Own + stat.Children + ChildrenOf(parent).Sum(child => Read(child) is { } own ? own.Own + own.Children : 0));
    }

    public static IReadOnlyList<int> ChildrenOf(int parent) =>
    [
        .. Directory.EnumerateDirectories("/proc")
            .Select(folder => int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out var pid) ? pid : 0)
            .Where(pid => pid != 0 && Read(pid)?.Parent == parent),
    ];

    /// <summary>Time that all CPUs together were not idle, whoever used it.</summary>
    public static TimeSpan OfMachine()
    {
        // cpu user nice system idle iowait irq softirq steal ...: what a guest of this machine used is in user already.
        var fields = File.ReadLines("/proc/stat").First().Split(' ', StringSplitOptions.RemoveEmptyEntries)[1..9]
            .Select(field => long.Parse(field, CultureInfo.InvariantCulture)).ToArray();
        return Ticks(fields.Sum() - fields[3] - fields[4]);
    }

    /// <summary>
    /// How long the threads that live now were ready to run and had no CPU. In nanoseconds in the second field of schedstat
    /// (Documentation/scheduler/sched-stats.rst); zero where the kernel does not keep it.
    /// </summary>
    public static TimeSpan WaitedBy(int pid)
    {
        var threads = $"/proc/{pid}/task";
        return Directory.Exists(threads)
            ? TimeSpan.FromMicroseconds(Directory.EnumerateDirectories(threads).Sum(Nanoseconds) / 1000.0)
            : TimeSpan.Zero;

        static long Nanoseconds(string thread)
        {
            try
            {
                return long.Parse(File.ReadAllText(Path.Combine(thread, "schedstat")).Split(' ')[1], CultureInfo.InvariantCulture);
            }
            catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
            {
                return 0;
            }
        }
    }

    private static Stat? Read(int pid)
    {
        string stat;
        try
        {
            stat = File.ReadAllText($"/proc/{pid}/stat");
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return null;
        }

        // pid (comm) state ppid ...; the name may hold blanks and brackets. utime is field 14, stime 15, cutime 16, cstime 17.
        var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return new Stat(
            int.Parse(fields[1], CultureInfo.InvariantCulture), Number(11) + Number(12), Number(13) + Number(14));

        long Number(int index) => long.Parse(fields[index], CultureInfo.InvariantCulture);
    }

    private static TimeSpan Ticks(long ticks) => TimeSpan.FromSeconds(ticks / TicksPerSecond);

    private readonly record struct Stat(int Parent, long Own, long Children);
}
