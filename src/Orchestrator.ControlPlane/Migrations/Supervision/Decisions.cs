using System.Globalization;
using Google.Protobuf.WellKnownTypes;
using Orchestrator.Agent.V1;
using Orchestrator.Policy;
using Orchestrator.Policy.Convergence;
using Orchestrator.Policy.Lifecycle;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Migrations.Supervision;

/// <summary>Words what the policy decided: for the record, and for the agent that carries it out.</summary>
internal static class Decisions
{
    public static Decision Word(ConvergenceStep step, ConvergenceReading reading, TimeSpan reportToDecision)
    {
        var decision = new Decision
        {
            Elapsed = reading.Elapsed.ToDuration(),
            Origin = DecisionOrigin.Policy,
            Rule = step.Explanation?.Rule ?? "",
            Reason = step.Explanation?.Reason ?? "",
            ReadingSequence = (ulong)reading.Sequence,
            ReportToDecision = reportToDecision.ToDuration(),
        };
        foreach (var (name, value) in step.Explanation?.Inputs ?? new Dictionary<string, string>())
        {
            decision.Inputs[name] = value;
        }

        switch (step.Decision)
        {
            case ConvergenceDecision.SetDowntimeLimit(var limit):
                decision.Action = DecisionAction.SetDowntimeLimit;
                decision.DowntimeLimit = limit.ToDuration();
                break;
            case ConvergenceDecision.StartThrottle(_, _, var max):
                decision.Action = DecisionAction.Throttle;
                decision.ThrottleMaxPercent = (uint)max;
                break;
            case ConvergenceDecision.StartPostCopy:
                decision.Action = DecisionAction.StartPostCopy;
                break;
            case ConvergenceDecision.Pause(var longest):
                decision.Action = DecisionAction.Pause;
                decision.MaxPause = longest.ToDuration();
                break;
            case ConvergenceDecision.Resume:
                decision.Action = DecisionAction.Resume;
                break;
            case ConvergenceDecision.Abort:
                decision.Action = DecisionAction.Abort;
                break;
        }

        return decision;
    }

    /// <returns>Null when no agent need be told of it as such: an abort is undone step by step.</returns>
    public static WordedCommand? Command(ConvergenceDecision decision, Migration migration, ConvergenceTerms terms) => decision switch
    {
        // Whatever a policy says, the caller's budget is the promise.
        ConvergenceDecision.SetDowntimeLimit(var limit) => Adjust(migration, new AdjustSource
        {
            DowntimeLimit = (limit < terms.Budget ? limit : terms.Budget).ToDuration(),
        }),
        ConvergenceDecision.StartThrottle throttle => Adjust(migration, new AdjustSource
        {
            Throttle = new ThrottleBounds
            {
                InitialPercent = (uint)throttle.InitialPercent,
                IncrementPercent = (uint)throttle.IncrementPercent,
                MaxPercent = (uint)throttle.MaxPercent,
            },
        }),
        ConvergenceDecision.StartPostCopy => Plain(AgentCommandKind.StartPostCopy, migration, terms),
        ConvergenceDecision.Pause => Plain(AgentCommandKind.PauseSource, migration, terms),
        ConvergenceDecision.Resume => Plain(AgentCommandKind.ResumeSource, migration, terms),
        _ => null,
    };

    /// <summary>The links were shared anew.</summary>
    /// <param name="before">The cap so far; 0 = none.</param>
    public static Decision Share(Migration migration, long before, CopyTrack track)
    {
        var decision = new Decision
        {
            Action = DecisionAction.SetBandwidth,
            Origin = DecisionOrigin.Admission,
            Rule = "admission.share",
            Reason = $"the links are shared anew: it may take {Rate(migration.RateCap)}, it was {Rate(before)}",
            Elapsed = track.Elapsed.ToDuration(),
            ReadingSequence = track.Latest?.Sequence ?? 0,
            BandwidthBytesPerSecond = (ulong)migration.RateCap,
        };
        decision.Inputs["share_bytes_per_second"] = Invariant(migration.Slot?.BandwidthShare ?? 0);
        decision.Inputs["cap_bytes_per_second"] = Invariant(migration.MaxBytesPerSecond);
        decision.Inputs["before_bytes_per_second"] = Invariant(before);
        return decision;

        static string Rate(long rate) => rate == 0 ? "as much as it can" : new DataRate(rate).ToString();

        static string Invariant(long number) => number.ToString(CultureInfo.InvariantCulture);
    }

    public static WordedCommand Adjust(Migration migration, AdjustSource adjustment) =>
        new(AgentCommandKind.AdjustSource, AgentCommands.Adjust(migration, adjustment));

    public static WordedCommand Plain(AgentCommandKind kind, Migration migration, ConvergenceTerms terms) =>
        new(kind, AgentCommands.Word(kind, migration, terms, "", ""));
}
