using Google.Protobuf.WellKnownTypes;
using Orchestrator.Policy;
using Orchestrator.Policy.Convergence;
using Orchestrator.V1;

namespace Orchestrator.PolicyMessages;

/// <summary>Words what a copy is run under besides its policy, and reads it back.</summary>
public static class ReplayTermsMessage
{
    public static ReplayTerms Of(ConvergenceTerms terms) => new()
    {
        MaxDowntime = terms.Budget.ToDuration(),
        Deadline = terms.Deadline?.ToDuration(),
        MemoryBytes = (ulong)Math.Max(0, terms.GuestMemory.Bytes),
        PostCopyPossible = terms.PostCopyPossible,
        ThrottlePossible = terms.ThrottlePossible,
        OverheadTypical = terms.Overhead.Typical.ToDuration(),
        OverheadHigh = terms.Overhead.High.ToDuration(),
        LineBytesPerSecond = (ulong)Math.Max(0, terms.LineRate?.BytesPerSecond ?? 0),
    };

    public static ConvergenceTerms Read(ReplayTerms message, ConvergenceDocument document)
    {
        var budget = message.MaxDowntime?.ToTimeSpan() ?? document.MaxDowntime;
        return new ConvergenceTerms
        {
            Document = document,
            Budget = budget < document.MaxDowntime ? budget : document.MaxDowntime,
            Deadline = message.Deadline?.ToTimeSpan(),
            GuestMemory = new DataSize((long)Math.Min(message.MemoryBytes, long.MaxValue)),
            PostCopyPossible = message.PostCopyPossible,
            ThrottlePossible = message.ThrottlePossible,
            Overhead = message is { OverheadTypical: { } typical, OverheadHigh: { } high }
                ? new SwitchOverCost(typical.ToTimeSpan(), high.ToTimeSpan())
                : SwitchOverCost.Usual,
            LineRate = message.LineBytesPerSecond > 0 ? new DataRate((long)Math.Min(message.LineBytesPerSecond, long.MaxValue)) : null,
        };
    }
}
