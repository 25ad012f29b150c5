using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace Orchestrator.ControlPlane.Replicas;

/// <summary>How the processes of one control plane share its work. The same for all of them.</summary>
internal sealed class ReplicaOptions
{
    public const string Section = "Replicas";

    /// <summary>A replica that has not renewed for this long is taken for dead, also by itself. 1 s to 1 min.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:01:00")]
    public TimeSpan Lease { get; set; } = TimeSpan.FromSeconds(3);

    /// <summary>How often a lease is renewed; at most a third of it. 100 ms to 20 s.</summary>
    [Range(typeof(TimeSpan), "00:00:00.1", "00:00:20")]
    public TimeSpan RenewEvery { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>How often it is looked for what nobody commands any more. 50 ms to 10 s.</summary>
    [Range(typeof(TimeSpan), "00:00:00.05", "00:00:10")]
    public TimeSpan SweepEvery { get; set; } = TimeSpan.FromMilliseconds(500);
}

[OptionsValidator]
internal sealed partial class ReplicaRangesValidator : IValidateOptions<ReplicaOptions>;

internal sealed class ReplicaOptionsValidator : IValidateOptions<ReplicaOptions>
{
    public ValidateOptionsResult Validate(string? name, ReplicaOptions options) => options.RenewEvery * 3 <= options.Lease
        ? ValidateOptionsResult.Success
        : ValidateOptionsResult.Fail(
            $"Replicas:RenewEvery must be at most a third of Replicas:Lease, is {options.RenewEvery} of {options.Lease}");
}
