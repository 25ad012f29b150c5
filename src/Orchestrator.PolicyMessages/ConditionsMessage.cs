using Google.Protobuf.WellKnownTypes;
using Orchestrator.Agent.V1;
using Orchestrator.Policy;
using Orchestrator.Policy.Convergence;

namespace Orchestrator.PolicyMessages;

/// <summary>What is known of a copy's hosts and link before it begins: told to the source's agent, and kept with the migration by that.</summary>
public static class ConditionsMessage
{
    public static void Put(CopyConditions conditions, UnattendedTerms terms)
    {
        terms.OverheadTypical = conditions.Overhead.Typical.ToDuration();
        terms.OverheadHigh = conditions.Overhead.High.ToDuration();
        terms.LineBytesPerSecond = (ulong)Math.Max(0, conditions.LineRate?.BytesPerSecond ?? 0);
    }

    /// <summary>The usual ones where nothing was told.</summary>
    public static CopyConditions Read(UnattendedTerms? terms) => new(
        terms is { OverheadTypical: { } typical, OverheadHigh: { } high }
            ? new SwitchOverCost(typical.ToTimeSpan(), high.ToTimeSpan())
            : SwitchOverCost.Usual,
        terms?.LineBytesPerSecond is > 0 and { } rate ? new DataRate((long)Math.Min(rate, long.MaxValue)) : null);
}
