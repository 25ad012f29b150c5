using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace Orchestrator.ControlPlane.Schedules.Bells;

/// <summary>How often the bells ring, over all replicas together.</summary>
internal sealed class BellOptions
{
    public const string Section = "Bells";

    /// <summary>1 s to 1 h.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "01:00:00")]
    public TimeSpan LeaseSweepEvery { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>1 s to 1 h.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "01:00:00")]
    public TimeSpan HostProbeEvery { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>1 s to 1 h.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "01:00:00")]
    public TimeSpan QueueEvery { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Each schedule has a bell of its own; this one finds what that has missed. 1 s to 1 h.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:01", "01:00:00")]
    public TimeSpan SchedulesEvery { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>1 s to 1 day.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan RetentionEvery { get; set; } = TimeSpan.FromHours(1);

    /// <summary>How often a replica tells the others of the cluster that it lives. 500 ms to 1 min.</summary>
    [Range(typeof(TimeSpan), "00:00:00.5", "00:01:00")]
    public TimeSpan ClusterCheckInEvery { get; set; } = TimeSpan.FromSeconds(5);

    public TimeSpan Every(Bell bell) => bell switch
    {
        Bell.Retention => RetentionEvery,
        Bell.LeaseSweep => LeaseSweepEvery,
        Bell.HostProbe => HostProbeEvery,
        Bell.Queue => QueueEvery,
        Bell.Schedules => SchedulesEvery,
    };
}

[OptionsValidator]
internal sealed partial class BellOptionsValidator : IValidateOptions<BellOptions>;
