namespace Orchestrator.LocalFleet.Processes;

/// <summary>
/// A folder of its own for one fleet, removed at the end. Under the system's folder for temporary files, whose short path leaves room
/// for the sockets in it.
/// </summary>
public sealed class FleetFolder : IDisposable
{
    public FleetFolder(string purpose)
    {
        Path = Directory.CreateTempSubdirectory($"orch-{purpose}-").FullName;

        // Started as root, the private Postgres runs as another user, who must be able to pass through.
        File.SetUnixFileMode(
            Path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
    }

    public string Path { get; }

    /// <summary>Leave it, for whoever wants to see what went wrong.</summary>
    public bool Keep { get; set; }

    public void Dispose()
    {
        if (!Keep)
        {
            Directory.Delete(Path, recursive: true);
        }
    }
}
