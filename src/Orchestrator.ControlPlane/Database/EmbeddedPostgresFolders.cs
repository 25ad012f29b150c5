using System.Security.Cryptography;
using System.Text;

namespace Orchestrator.ControlPlane.Database;

/// <summary>Where a private server keeps its things.</summary>
/// <param name="Home">Everything but perhaps the socket.</param>
/// <param name="Cluster">What initdb made.</param>
/// <param name="Socket">Folder of the Unix socket; nobody else can enter it.</param>
internal sealed record EmbeddedPostgresFolders(string Home, string Cluster, string Socket)
{
    // sun_path has 108 bytes, the last of them NUL (unix(7)).
    private const int MaxSocketBytes = 107;
    private const string SocketName = "/.s.PGSQL.5432";

    /// <summary>True when the socket could not have its place with the rest, because that path is too long for one.</summary>
    public bool SocketIsElsewhere => !Socket.StartsWith(Home, StringComparison.Ordinal);

    /// <summary>Where a new cluster is made; it gets its name only when it is whole.</summary>
    public string UnfinishedCluster => Cluster + ".unfinished";

    public string StartLog => Path.Combine(Home, "start.log");

    public string ServerLogs => Path.Combine(Cluster, "log");

    public string Owner => Path.Combine(Home, "owner");

    public string PidFile => Path.Combine(Cluster, "postmaster.pid");

    /// <param name="runtimeFolder">$XDG_RUNTIME_DIR of a user, else null: that of root cannot be entered by the server's user.</param>
    public static EmbeddedPostgresFolders In(string dataFolder, string? runtimeFolder)
    {
        var home = Path.Combine(Path.GetFullPath(dataFolder), "postgres");

        // The same data folder has the same socket at every start, so that a running server is found again.
        var name = $"orchestrator-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(home)))[..16]}";
        string?[] places =
        [
            Path.Combine(home, "run"), string.IsNullOrEmpty(runtimeFolder) ? null : Path.Combine(runtimeFolder, name), $"/tmp/{name}",
        ];
        return new EmbeddedPostgresFolders(
            home,
            Path.Combine(home, "cluster"),
            places.First(place => place is not null && Encoding.UTF8.GetByteCount(place + SocketName) <= MaxSocketBytes)!);
    }

    public static EmbeddedPostgresFolders In(string dataFolder) =>
        In(dataFolder, Environment.IsPrivilegedProcess ? null : Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR"));
}
