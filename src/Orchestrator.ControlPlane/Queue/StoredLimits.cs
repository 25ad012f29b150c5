using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Queue;

/// <summary>The limits as the ledger has them.</summary>
/// <param name="Limits">What the pass goes by.</param>
/// <param name="Message">The same as callers write it.</param>
internal sealed record StoredLimits(
    Policy.Admission.AdmissionLimits Limits, AdmissionLimits Message, long Revision, DateTimeOffset ChangedAt, string ChangedBy);

/// <param name="Stored">As they stand afterwards; set when written.</param>
internal sealed record UpdateLimitsResult(UpdateLimitsOutcome Outcome, StoredLimits? Stored)
{
    /// <summary>What is wrong with them.</summary>
    public IReadOnlyList<Policy.Admission.LimitViolation> Violations { get; init; } = [];
}

internal enum UpdateLimitsOutcome
{
    Written,

    /// <summary>Nothing to write, or written by the call that this one repeats.</summary>
    WrittenBefore,

    /// <summary>Somebody wrote newer limits than the caller has seen.</summary>
    Stale,
    Unsound,
}
