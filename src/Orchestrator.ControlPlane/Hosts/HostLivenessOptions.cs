using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace Orchestrator.ControlPlane.Hosts;

/// <summary>From when on a silent host counts as suspect and as lost. The same for all replicas of a control plane.</summary>
internal sealed class HostLivenessOptions
{
    public const string Section = "Hosts";

    /// <summary>At most once in this time it is written down that a host was heard. 100 ms to 1 min.</summary>
    [Range(typeof(TimeSpan), "00:00:00.1", "00:01:00")]
    public TimeSpan NoteEvery { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>A host that nobody has heard for this long, and <see cref="NoteEvery"/> on top, is suspect. 1 s to 10 min.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:10:00")]
    public TimeSpan SuspectAfter { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>A host that nobody has heard for this long is lost. Above the two others together, up to 1 h.</summary>
    [Range(typeof(TimeSpan), "00:00:02", "01:00:00")]
    public TimeSpan LostAfter { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>Silence in the ledger that makes a host suspect: what is written there is late by up to <see cref="NoteEvery"/>.</summary>
    public TimeSpan SuspectSilence => SuspectAfter + NoteEvery;
}

[OptionsValidator]
internal sealed partial class HostLivenessRangesValidator : IValidateOptions<HostLivenessOptions>;

internal sealed class HostLivenessOptionsValidator : IValidateOptions<HostLivenessOptions>
{
    public ValidateOptionsResult Validate(string? name, HostLivenessOptions options) => options.LostAfter > options.SuspectSilence
        ? ValidateOptionsResult.Success
        : ValidateOptionsResult.Fail(
            $"Hosts:LostAfter must be above Hosts:SuspectAfter and Hosts:NoteEvery together ({options.SuspectSilence}), is {options.LostAfter}");
}
