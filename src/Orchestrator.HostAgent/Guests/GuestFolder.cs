using System.Globalization;
using System.Text;

namespace Orchestrator.HostAgent.Guests;

/// <summary>
/// What a guest has on disk, by which it is found again: record, sockets, logs. One folder per guest, removed with it.
/// </summary>
internal sealed class GuestFolder
{
    /// <summary>sockaddr_un.sun_path holds 108 bytes with its closing NUL (unix(7)).</summary>
    public const int LongestSocketPath = 107;

    private const string LongestSocketName = "serial.sock";

    public GuestFolder(string runtimeFolder, string guestId) : this(System.IO.Path.Combine(runtimeFolder, "guests", guestId))
    {
    }

    internal GuestFolder(string path) => Path = path;

    public string Path { get; }

    public string Record => In("spec.json");

    /// <summary>Written by QEMU; names the process before the record does.</summary>
    public string Pid => In("pid");

    /// <summary>The agent's monitor. QEMU serves one client on it at a time.</summary>
    public string Monitor => In("qmp.sock");

    /// <summary>A second monitor, for people.</summary>
    public string SpareMonitor => In("spare.sock");

    public string SerialSocket => In("serial.sock");

    public string SerialLog => In("serial.log");

    public string EngineLog => In("qemu.log");

    public bool Exists => Directory.Exists(Path);

    /// <returns>How many bytes the longest socket path in this folder has too many; 0 or less when it fits.</returns>
    public int SocketPathExcess => Encoding.UTF8.GetByteCount(In(LongestSocketName)) - LongestSocketPath;

    public void Create()
    {
        Directory.CreateDirectory(Path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        DurableFile.SyncFolder(System.IO.Path.GetDirectoryName(Path) ?? "/");
    }

    public void Remove()
    {
        try
        {
            Directory.Delete(Path, recursive: true);
            DurableFile.SyncFolder(System.IO.Path.GetDirectoryName(Path) ?? "/");
        }
        catch (DirectoryNotFoundException)
        {
        }
    }

    /// <returns>The pid that QEMU wrote; null when there is none.</returns>
    public int? ReadPid()
    {
        try
        {
            return int.TryParse(File.ReadAllText(Pid).Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var pid) ? pid : null;
        }
        catch (Exception missing) when (missing is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    /// <summary>The end of QEMU's own log, for a message; empty when there is nothing.</summary>
    public string ReadEngineLogTail()
    {
        const int MostBytes = 2000;
        try
        {
            using var log = new FileStream(EngineLog, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            log.Seek(-Math.Min(MostBytes, log.Length), SeekOrigin.End);
            var tail = new byte[MostBytes];
            return Encoding.UTF8.GetString(tail.AsSpan(0, log.ReadAtLeast(tail, MostBytes, throwOnEndOfStream: false))).Trim('\0').Trim();
        }
        catch (Exception missing) when (missing is FileNotFoundException or DirectoryNotFoundException)
        {
            return "";
        }
    }

    private string In(string name) => System.IO.Path.Combine(Path, name);
}
