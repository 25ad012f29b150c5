using Google.Protobuf.WellKnownTypes;
using Orchestrator.Cli.Rendering;
using Orchestrator.Specs;
using Orchestrator.V1;

namespace Orchestrator.Cli.Migrations;

/// <summary>Decisions in words.</summary>
internal static class DecisionText
{
    /// <summary>What is to be done, as a command: "set the downtime limit to 350 ms".</summary>
    public static string Headline(Decision decision) => decision.Action switch
    {
        DecisionAction.SetDowntimeLimit => $"set the downtime limit to {Amount(decision.DowntimeLimit)}{Line(decision.SwitchoverBytesPerSecond)}",
        DecisionAction.Throttle => $"throttle the guest's CPUs, up to {decision.ThrottleMaxPercent} %",
        DecisionAction.StartPostCopy => "switch to post-copy",
        DecisionAction.Pause => $"pause the guest for at most {Amount(decision.MaxPause)}",
        DecisionAction.Resume => "let the guest run on: the pause is over",
        DecisionAction.Abort => "give up",
        DecisionAction.SetBandwidth when decision.BandwidthBytesPerSecond == 0 => "lift the bandwidth cap",
        DecisionAction.SetBandwidth => $"cap the bandwidth at {QuantityText.Rate(decision.BandwidthBytesPerSecond)}",
        DecisionAction.SwitchPolicy => $"follow policy {decision.Policy} revision {decision.PolicyRevision}",

        // A newer server may decide what this program has no words for.
        _ => EnumText.Of(decision.Action),
    };

    public static string Outcome(Decision decision)
    {
        var said = decision.OutcomeMessage.Length > 0 ? $": {decision.OutcomeMessage}" : "";
        return decision.Outcome switch
        {
            DecisionOutcome.Intended => "not carried out yet" + said,
            DecisionOutcome.Applied => "carried out" + said,
            DecisionOutcome.Refused => "refused" + said,
            DecisionOutcome.Overtaken => "overtaken, the migration had moved on" + said,
            _ => EnumText.Of(decision.Outcome) + said,
        };
    }

    /// <summary>One line: number, what, by which rule, why.</summary>
    public static string Line(Decision decision) =>
        $"decision {decision.Sequence}{Whose(decision)}: {Headline(decision)}"
        + (decision.Rule.Length > 0 ? $" [{decision.Rule}]" : "")
        + (decision.Reason.Length > 0 ? $": {decision.Reason}" : "");

    /// <summary>The beginning of a sentence that the headline ends: who decided, unless it was the policy under the control plane's eyes.</summary>
    public static string Who(Decision decision) => decision.Origin switch
    {
        DecisionOrigin.Caller => "a caller asked to ",
        DecisionOrigin.Agent => "while no control plane was there, the source's agent decided by the same policy to ",
        DecisionOrigin.Admission => "the links were shared anew: ",
        _ => "",
    };

    private static string Whose(Decision decision) => decision.Origin switch
    {
        DecisionOrigin.Caller => " (a caller's)",
        DecisionOrigin.Agent => " (the agent's own)",
        DecisionOrigin.Admission => " (admission's)",
        _ => "",
    };

    private static string Line(ulong bytesPerSecond) =>
        bytesPerSecond == 0 ? "" : $" and reckon with {QuantityText.Rate(bytesPerSecond)} for the switch-over";

    private static string Amount(Duration? duration) => duration is null ? "an unknown time" : QuantityText.Duration(duration);
}
