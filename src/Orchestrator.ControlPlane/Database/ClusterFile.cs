namespace Orchestrator.ControlPlane.Database;

/// <summary>The files of a cluster that we write ourselves.</summary>
internal static class ClusterFile
{
    public const string User = "orchestrator";

    private const string SettingsName = "orchestrator.conf";
    private const string Include = $"include = '{SettingsName}'";

    /// <summary>Makes a fresh cluster read our settings; once, after initdb.</summary>
    public static void IncludeSettings(string cluster)
    {
        var path = Path.Combine(cluster, "postgresql.conf");
        Replace(path, $"{File.ReadAllText(path)}\n{Include}\n");
    }

    /// <summary>
    /// Where the server listens and who may come. Only we: the kernel vouches for the other end of a Unix socket, so there is no password.
    /// </summary>
    /// <param name="ourName">Name of the user that the control plane runs as.</param>
    public static void WriteSettings(string cluster, string socketFolder, string ourName)
    {
        // fsync and its like stay as they are: what was acknowledged must survive a power cut.
        Replace(Path.Combine(cluster, SettingsName), $"""
            listen_addresses = ''
            port = 5432
            unix_socket_directories = {Quote(socketFolder)}
            unix_socket_permissions = 0700
            max_connections = 200
            logging_collector = on
            log_directory = 'log'
            log_filename = 'postgres-%a.log'
            log_rotation_age = 1d
            log_rotation_size = 0
            log_truncate_on_rotation = on

            """);
        Replace(Path.Combine(cluster, "pg_hba.conf"), $"local all {User} peer map={User}\n");
        Replace(Path.Combine(cluster, "pg_ident.conf"), $"{User} \"{ourName}\" {User}\n");
    }

    /// <summary>Puts a new file in the old one's place, so that neither a crash nor a link planted there does harm.</summary>
    public static void Replace(string path, string text)
    {
        var fresh = $"{path}.{Guid.NewGuid():N}";
        using (var file = new StreamWriter(fresh, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,

            // The server's user reads it, whoever wrote it.
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead,
        }))
        {
            file.Write(text);
        }

        File.Move(fresh, path, overwrite: true);
    }

    private static string Quote(string value) => $"'{value.Replace("'", "''", StringComparison.Ordinal)}'";
}
