using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace Orchestrator.ControlPlane.Evacuations;

/// <summary>How evacuations are conducted.</summary>
internal sealed class EvacuationOptions
{
    public const string Section = "Evacuations";

    /// <summary>A conductor looks at its evacuation so often when nothing rings. 100 ms to 1 min.</summary>
    [Range(typeof(TimeSpan), "00:00:00.1", "00:01:00")]
    public TimeSpan LookEvery { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>However much rings, no oftener than this. 0 to 10 s.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:00:10")]
    public TimeSpan LookNoOftenerThan { get; set; } = TimeSpan.FromMilliseconds(100);

    /// <summary>The plan for what is left is made anew so often when nothing has happened. 100 ms to 10 min.</summary>
    [Range(typeof(TimeSpan), "00:00:00.1", "00:10:00")]
    public TimeSpan PlanEvery { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How long guests that no host takes keep an evacuation open once nothing else is left to do. 1 s to 24 h.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan StuckPatience { get; set; } = TimeSpan.FromMinutes(2);

    /// <summary>What a guest that is restarted elsewhere has to power down by itself. 0 to 10 min.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:10:00")]
    public TimeSpan PowerDownWithin { get; set; } = TimeSpan.FromSeconds(30);
}

[OptionsValidator]
internal sealed partial class EvacuationOptionsValidator : IValidateOptions<EvacuationOptions>;
