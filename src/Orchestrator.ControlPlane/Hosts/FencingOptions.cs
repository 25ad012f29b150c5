using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace Orchestrator.ControlPlane.Hosts;

/// <summary>How a machine is switched off for good.</summary>
internal sealed class FencingOptions
{
    public const string Section = "Fencing";

    /// <summary>
    /// An absolute path and arguments, separated by blanks; there is no shell. "{host}" and "{endpoint}" in arguments stand for the host's
    /// id and its agent's endpoint. It ends with 0 only when the machine is off. Empty = there is none.
    /// </summary>
    public string Command { get; set; } = "";

    /// <summary>It is killed with its children, and has failed, after this long. 1 s to 10 min.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:10:00")]
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(30);
}

[OptionsValidator]
internal sealed partial class FencingRangesValidator : IValidateOptions<FencingOptions>;

internal sealed class FencingOptionsValidator : IValidateOptions<FencingOptions>
{
    public ValidateOptionsResult Validate(string? name, FencingOptions options) =>
        FencingCommand.Split(options.Command) is [var program, ..] && !(program.StartsWith('/') && File.Exists(program))
            ? ValidateOptionsResult.Fail($"Fencing:Command must begin with the absolute path of a program, \"{program}\" is none")
            : ValidateOptionsResult.Success;
}
