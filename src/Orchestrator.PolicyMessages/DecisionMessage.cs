using Google.Protobuf.WellKnownTypes;
using Orchestrator.Policy;
using Orchestrator.Policy.Convergence;
using Orchestrator.V1;

namespace Orchestrator.PolicyMessages;

/// <summary>Words what the policy decided for the record, and reads it back.</summary>
public static class DecisionMessage
{
    /// <summary>Number, time, origin, policy and outcome are for whoever decided to put in.</summary>
    public static Decision Of(ConvergenceStep step, ConvergenceReading reading)
    {
        var decision = new Decision
        {
            Elapsed = reading.Elapsed.ToDuration(),
            Rule = step.Explanation?.Rule ?? "",
            Reason = step.Explanation?.Reason ?? "",
            ReadingSequence = (ulong)reading.Sequence,
        };
        foreach (var (name, value) in step.Explanation?.Inputs ?? new Dictionary<string, string>())
        {
            decision.Inputs[name] = value;
        }

        decision.Forecast = step.Explanation?.Forecast is { } forecast ? ForecastMessage.Of(forecast) : null;
        decision.Alternatives.AddRange((step.Explanation?.Alternatives ?? []).Select(ForecastMessage.Of));
        switch (step.Decision)
        {
            case ConvergenceDecision.SetDowntimeLimit(var limit, var line):
                decision.Action = DecisionAction.SetDowntimeLimit;
                decision.DowntimeLimit = limit.ToDuration();
                decision.SwitchoverBytesPerSecond = (ulong)Math.Max(0, line?.BytesPerSecond ?? 0);
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

    /// <returns>Wait for what no policy decides, and for a word newer than this.</returns>
    public static ConvergenceDecision Read(Decision decision) => decision.Action switch
    {
        DecisionAction.SetDowntimeLimit when decision.DowntimeLimit is { } limit => new ConvergenceDecision.SetDowntimeLimit(
            limit.ToTimeSpan(),
            decision.SwitchoverBytesPerSecond > 0 ? new DataRate((long)Math.Min(decision.SwitchoverBytesPerSecond, long.MaxValue)) : null),
        DecisionAction.Throttle => new ConvergenceDecision.StartThrottle(0, 0, (int)Math.Min(decision.ThrottleMaxPercent, 99)),
        DecisionAction.StartPostCopy => new ConvergenceDecision.StartPostCopy(DataRate.Zero),
        DecisionAction.Pause => new ConvergenceDecision.Pause(decision.MaxPause?.ToTimeSpan() ?? TimeSpan.Zero),
        DecisionAction.Resume => new ConvergenceDecision.Resume(),
        DecisionAction.Abort => new ConvergenceDecision.Abort(),
        _ => new ConvergenceDecision.Wait(),
    };
}
