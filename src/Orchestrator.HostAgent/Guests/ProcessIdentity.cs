using System.Globalization;

namespace Orchestrator.HostAgent.Guests;

/// <summary>
/// A process that cannot be mistaken for a later one with the same pid: pid, start time and boot together.
/// </summary>
/// <param name="StartTicks">Field 22 of /proc/PID/stat: clock ticks after boot (proc(5)).</param>
/// <param name="BootId">/proc/sys/kernel/random/boot_id, since pid and start time may well recur after a reboot.</param>
internal sealed record ProcessIdentity(int Pid, ulong StartTicks, string BootId)
{
    /// <summary>False too for a zombie: it runs nothing any more.</summary>
    public bool IsAlive => this == Of(Pid);

    /// <returns>Null when there is no such process.</returns>
    public static ProcessIdentity? Of(int pid)
    {
        try
        {
            return TryParseStat(File.ReadAllText($"/proc/{pid}/stat"), out var state, out var startTicks) && state is not ('Z' or 'X' or 'x')
                ? new ProcessIdentity(pid, startTicks, CurrentBoot())
                : null;
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            // The file vanishes with the process, also between opening and reading (ESRCH).
            return null;
        }
    }

    /// <summary>Its command line, to tell whether an unrecorded process is one of ours. Empty when it is gone.</summary>
    public static IReadOnlyList<string> CommandLineOf(int pid)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/cmdline").Split('\0', StringSplitOptions.RemoveEmptyEntries);
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>Kills exactly this process; nothing when it is gone already.</summary>
    public void Kill()
    {
        var pidfd = Interop.PidfdOpen(Pid);
        if (pidfd < 0)
        {
            return;
        }

        try
        {
            // The descriptor pins whoever has the pid now; whether that is the one meant is checked after.
            if (IsAlive)
            {
                _ = Interop.PidfdSendSignal(pidfd, Interop.SIGKILL);
            }
        }
        finally
        {
            _ = Interop.Close(pidfd);
        }
    }

    /// <returns>False when it was still there after <paramref name="bound"/>.</returns>
    public async Task<bool> WaitForExitAsync(TimeSpan bound, TimeProvider clock, CancellationToken cancellation)
    {
        var began = clock.GetTimestamp();
        while (IsAlive)
        {
            if (clock.GetElapsedTime(began) > bound)
            {
                return false;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(20), clock, cancellation);
        }

        return true;
    }

    internal static bool TryParseStat(string stat, out char state, out ulong startTicks)
    {
        // The second field is the name in parentheses and may itself hold spaces and parentheses.
        var afterName = stat.LastIndexOf(')') + 2;
        var fields = afterName >= 2 && afterName < stat.Length ? stat[afterName..].Split(' ') : [];
        state = fields.Length > 0 && fields[0].Length == 1 ? fields[0][0] : '?';
        startTicks = 0;
        return fields.Length > 19 && ulong.TryParse(fields[19], NumberStyles.None, CultureInfo.InvariantCulture, out startTicks);
    }

    private static string CurrentBoot() => File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim();
}
