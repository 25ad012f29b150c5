using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace Orchestrator.ControlPlane.Schedules;

internal sealed class ScheduleOptions
{
    public const string Section = "Schedules";

    /// <summary>How long it is kept what a schedule did; its last firing stays. 1 to 3650 days.</summary>
    [Range(typeof(TimeSpan), "1.00:00:00", "3650.00:00:00")]
    public TimeSpan KeepFirings { get; set; } = TimeSpan.FromDays(90);
}

[OptionsValidator]
internal sealed partial class ScheduleOptionsValidator : IValidateOptions<ScheduleOptions>;
