using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace Orchestrator.ControlPlane.Policies;

/// <summary>Which policy a migration gets whose caller names none.</summary>
internal sealed class DefaultPolicyOptions
{
    public const string Section = "Migrations";

    /// <summary>Name of a stored policy.</summary>
    [Required]
    [RegularExpression("^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$")]
    public string DefaultPolicy { get; set; } = "predictive";
}

[OptionsValidator]
internal sealed partial class DefaultPolicyOptionsValidator : IValidateOptions<DefaultPolicyOptions>;
