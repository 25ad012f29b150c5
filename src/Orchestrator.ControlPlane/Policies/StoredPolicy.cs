using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Policies;

/// <summary>One revision of one policy.</summary>
/// <param name="Deleted">The name is hidden from new migrations; said of every revision.</param>
internal sealed record StoredPolicy(
    string Name, int Revision, PolicyDocument Document, DateTimeOffset CreatedAt, bool Preset, bool Deleted);

internal enum WritePolicyOutcome
{
    Written,

    /// <summary>The same request had been carried out before, or there is nothing to change.</summary>
    WrittenBefore,

    /// <summary>The name has another document.</summary>
    Exists,
    Unknown,

    /// <summary>Somebody wrote a newer revision than the one named.</summary>
    Stale,
    IsPreset,
}

/// <param name="Policy">Set when written, now or before.</param>
internal sealed record WritePolicyResult(WritePolicyOutcome Outcome, StoredPolicy? Policy);

internal enum DeletePolicyOutcome
{
    Deleted,
    Unknown,
    IsPreset,
}
