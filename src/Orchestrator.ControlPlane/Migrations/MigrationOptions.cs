using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace Orchestrator.ControlPlane.Migrations;

/// <summary>How migrations are supervised. The default policy is in the same section.</summary>
internal sealed class MigrationOptions
{
    public const string Section = "Migrations";

    /// <summary>
    /// Where an answer is needed to go on, a side that says nothing for this long makes the migration NEEDS_ATTENTION; a state that should
    /// come by itself and does not for this long likewise. 1 s to 1 h.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:01", "01:00:00")]
    public TimeSpan AnswerWithin { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>How often both sides of a migration in NEEDS_ATTENTION are asked. 1 s to 1 h.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "01:00:00")]
    public TimeSpan ProbeEvery { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>A connected agent that is waited for and says nothing of the migration is asked after this long. 100 ms to 1 min.</summary>
    [Range(typeof(TimeSpan), "00:00:00.1", "00:01:00")]
    public TimeSpan AskAfter { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>
    /// For one attempt to give a command, the start of an engine included; after it the same command is sent again. 1 s to 10 min.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:10:00")]
    public TimeSpan CommandTimeout { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>
    /// Nobody has commanded a migration or listened to its reports for this long: its source's agent does what the policy's
    /// on_control_plane_loss says. 1 s to 1 h.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:01", "01:00:00")]
    public TimeSpan UnattendedAfter { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// A caller's wish about a migration that another replica commands is answered within this time, a take-over included, or
    /// COMMANDER_SILENT. 1 s to 1 min.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:01:00")]
    public TimeSpan WishWithin { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How long readings are collected before they are written. 10 ms to 10 s.</summary>
    [Range(typeof(TimeSpan), "00:00:00.01", "00:00:10")]
    public TimeSpan ReadingsEvery { get; set; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Readings written at once at most.</summary>
    [Range(1, 100_000)]
    public int ReadingsBatch { get; set; } = 10_000;

    /// <summary>Readings that may wait for the database, about 600 bytes each; further ones are dropped and counted.</summary>
    [Range(1000, 10_000_000)]
    public int ReadingsQueue { get; set; } = 200_000;

    /// <summary>How long readings are kept; they go by whole days (UTC). 1 to 3650 days.</summary>
    [Range(typeof(TimeSpan), "1.00:00:00", "3650.00:00:00")]
    public TimeSpan KeepReadings { get; set; } = TimeSpan.FromDays(30);

    /// <summary>What may wait for one slow watcher before it is dropped; readings do not count, since only the latest waits.</summary>
    [Range(10, 1_000_000)]
    public int WatcherQueue { get; set; } = 1000;
}

[OptionsValidator]
internal sealed partial class MigrationOptionsValidator : IValidateOptions<MigrationOptions>;

/// <summary>For tests of crashes only: refused unless <see cref="Enabled"/> says that this is one.</summary>
internal sealed class FaultOptions
{
    public const string Section = "Faults";

    public bool Enabled { get; set; }

    /// <summary>
    /// The process kills itself (SIGKILL) when the intention of the first command of this kind has been written and before it is sent.
    /// Name of an agent command, e.g. "StartSource". Empty = never. A command sent again after a restart does not trigger it.
    /// </summary>
    public string ExitAfterIntention { get; set; } = "";
}

internal sealed class FaultOptionsValidator : IValidateOptions<FaultOptions>
{
    public ValidateOptionsResult Validate(string? name, FaultOptions options) =>
        options.ExitAfterIntention.Length == 0 ? ValidateOptionsResult.Success
        : !options.Enabled ? ValidateOptionsResult.Fail("Faults:ExitAfterIntention kills the process and needs Faults:Enabled=true")
        : Enum.TryParse<Policy.Lifecycle.AgentCommandKind>(options.ExitAfterIntention, out _) ? ValidateOptionsResult.Success
        : ValidateOptionsResult.Fail(
            $"Faults:ExitAfterIntention must be one of {string.Join(", ", Enum.GetNames<Policy.Lifecycle.AgentCommandKind>())}, "
            + $"is \"{options.ExitAfterIntention}\"");
}
