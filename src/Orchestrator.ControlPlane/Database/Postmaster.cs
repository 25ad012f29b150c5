using System.Globalization;

namespace Orchestrator.ControlPlane.Database;

/// <summary>The first process of a Postgres server.</summary>
/// <param name="StartTicks">Field starttime of /proc/PID/stat: tells it from a later process with the same number.</param>
internal sealed record Postmaster(int Pid, long StartTicks)
{
    /// <summary>What postmaster.pid names, when it is alive and runs this cluster.</summary>
    /// <remarks>The file outlives a killed server, and its number may be another process's by now.</remarks>
    public static Postmaster? Find(EmbeddedPostgresFolders folders) =>
        ReadPid(folders) is { } pid && StatOf(pid) is { } stat && Runs(pid, folders.Cluster) ? new Postmaster(pid, stat.StartTicks) : null;

    /// <summary>Folder that the running server has its socket in; null when it has not said so yet.</summary>
    public static string? SocketOf(EmbeddedPostgresFolders folders) =>
        Lines(folders) is { Length: > 4 } lines && lines[4].Length > 0 ? lines[4] : null;

    /// <summary>A zombie counts as gone: where nobody reaps it, its number stays taken.</summary>
    public bool IsAlive() => StatOf(Pid) is { } stat && stat.StartTicks == StartTicks;

    /// <summary>
    /// Puts a number that no process has into a postmaster.pid whose server is gone. Postgres itself would refuse to start for as long as
    /// any process of its user has the old number. The file is not removed, since its other lines let Postgres see whether
    /// server processes of that cluster are left over.
    /// </summary>
    /// <returns>True when there was something to do.</returns>
    public static bool DisownStalePid(EmbeddedPostgresFolders folders)
    {
        if (Find(folders) is not null || ReadPid(folders) is not { } pid || !Directory.Exists($"/proc/{pid}"))
        {
            return false;
        }

        // Numbers are given out below it (proc(5)).
        var never = File.ReadAllText("/proc/sys/kernel/pid_max").Trim();
        var lines = Lines(folders);
        lines[0] = never;
        ClusterFile.Replace(folders.PidFile, string.Join('\n', lines));
        return true;
    }

    private static int? ReadPid(EmbeddedPostgresFolders folders) =>
        Lines(folders) is [var first, ..] && int.TryParse(first, NumberStyles.None, CultureInfo.InvariantCulture, out var pid) ? pid : null;

    private static string[] Lines(EmbeddedPostgresFolders folders)
    {
        try
        {
            return File.ReadAllText(folders.PidFile).Split('\n');
        }
        catch (Exception failure) when (failure is FileNotFoundException or DirectoryNotFoundException)
        {
            return [];
        }
    }

    private static bool Runs(int pid, string cluster)
    {
        try
        {
            var arguments = File.ReadAllText($"/proc/{pid}/cmdline").Split('\0');
            return Path.GetFileName(arguments[0]) is "postgres" or "postmaster" && arguments.Contains(cluster, StringComparer.Ordinal);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static (char State, long StartTicks)? StatOf(int pid)
    {
        string stat;
        try
        {
            stat = File.ReadAllText($"/proc/{pid}/stat");
        }
        catch (IOException)
        {
            return null;
        }

        // pid (comm) state ppid ...; the name may hold blanks and brackets. starttime is field 22.
        var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return fields[0][0] is 'Z' or 'X' ? null : (fields[0][0], long.Parse(fields[19], CultureInfo.InvariantCulture));
    }
}
