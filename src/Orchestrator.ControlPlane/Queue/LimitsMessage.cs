using Google.Protobuf.WellKnownTypes;
using Orchestrator.Policy;
using Orchestrator.Policy.Admission;
using Orchestrator.Rpc.Errors;
using Limits = Orchestrator.Policy.Admission.AdmissionLimits;

namespace Orchestrator.ControlPlane.Queue;

/// <summary>Limits between the wire and the policy.</summary>
internal static class LimitsMessage
{
    private static readonly TimeSpan s_longest = TimeSpan.FromDays(1000);

    /// <summary>Only what cannot be said in the policy's terms is found here; whether limits are sound is for <see cref="LimitRules"/>.</summary>
    public static Limits Read(V1.AdmissionLimits message, Violations violations) => new()
    {
        Transferring = message.Transferring,
        Preparing = message.Preparing,
        TransferringPerSource = message.TransferringPerSource,
        TransferringPerTarget = message.TransferringPerTarget,
        PreparingPerTarget = message.PreparingPerTarget,
        PerLabel = [.. message.PerLabel.Select(limit => new LabelLimit(limit.Label, limit.Transferring))],
        LinkShare = message.LinkShare,
        MinRate = new DataRate(message.MinBytesPerSecond),
        Classes =
        [
            .. message.Classes.Select((known, index) => new PriorityClass(
                known.Name, known.Priority, Time($"classes[{index}].ageing", known.Ageing, violations), known.Weight)),
        ],
        FailureMemory = Time("failure_memory", message.FailureMemory, violations),
    };

    private static TimeSpan Time(string field, Duration? duration, Violations violations) =>
        violations.Duration($"limits.{field}", duration, -s_longest, s_longest) ?? TimeSpan.Zero;
}
