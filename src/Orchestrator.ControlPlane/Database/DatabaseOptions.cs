using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace Orchestrator.ControlPlane.Database;

/// <summary>Where the truth is kept.</summary>
internal sealed class DatabaseOptions
{
    public const string Section = "Database";

    /// <summary>Of a Postgres 15 or newer, in Npgsql's form. Empty = a private server of our own in <see cref="DataFolder"/>.</summary>
    public string ConnectionString { get; set; } = "";

    /// <summary>
    /// For the private server. Empty = /var/lib/orchestrator/control-plane as root, else $XDG_DATA_HOME/orchestrator/control-plane.
    /// </summary>
    public string DataFolder { get; set; } = "";

    /// <summary>How long an idempotent operation is tried again while the database restarts. 0 to 10 min.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:10:00")]
    public TimeSpan RetryFor { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How often the health service looks whether the database answers. 100 ms to 1 min.</summary>
    [Range(typeof(TimeSpan), "00:00:00.1", "00:01:00")]
    public TimeSpan ProbeEvery { get; set; } = TimeSpan.FromSeconds(2);

    public string DataFolderOrDefault => Path.GetFullPath(
        DataFolder.Length > 0 ? DataFolder
        : Environment.IsPrivilegedProcess ? "/var/lib/orchestrator/control-plane"
        : Path.Combine(
            Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify),
            "orchestrator",
            "control-plane"));
}

[OptionsValidator]
internal sealed partial class DatabaseOptionsValidator : IValidateOptions<DatabaseOptions>;
