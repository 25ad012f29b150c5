using Google.Protobuf.WellKnownTypes;
using Orchestrator.Agent.V1;
using Orchestrator.Policy;
using Orchestrator.Policy.Convergence;

namespace Orchestrator.PolicyMessages;

/// <summary>Words what the policy decided for the engine's agent.</summary>
public static class DecisionCommand
{
    /// <param name="budget">Whatever a policy says, this is the promise.</param>
    /// <returns>Nothing but the command itself; null for what is no single command: to wait, and to give up.</returns>
    public static ExecuteRequest? Of(ConvergenceDecision decision, TimeSpan budget) => decision switch
    {
        ConvergenceDecision.SetDowntimeLimit(var limit, var line) => new ExecuteRequest
        {
            AdjustSource = Limit(limit < budget ? limit : budget, line),
        },
        ConvergenceDecision.StartThrottle throttle => new ExecuteRequest
        {
            AdjustSource = new AdjustSource
            {
                Throttle = new ThrottleBounds
                {
                    InitialPercent = (uint)throttle.InitialPercent,
                    IncrementPercent = (uint)throttle.IncrementPercent,
                    MaxPercent = (uint)throttle.MaxPercent,
                },
            },
        },
        ConvergenceDecision.StartPostCopy => new ExecuteRequest { StartPostCopy = new StartPostCopy() },
        ConvergenceDecision.Pause(var longest) => new ExecuteRequest { PauseSource = new PauseSource { MaxPause = longest.ToDuration() } },
        ConvergenceDecision.Resume => new ExecuteRequest { ResumeSource = new ResumeSource() },
        _ => null,
    };

    private static AdjustSource Limit(TimeSpan limit, DataRate? line)
    {
        var adjustment = new AdjustSource { DowntimeLimit = limit.ToDuration() };
        if (line is { } rate)
        {
            adjustment.SwitchoverBytesPerSecond = (ulong)Math.Max(0, rate.BytesPerSecond);
        }

        return adjustment;
    }
}
