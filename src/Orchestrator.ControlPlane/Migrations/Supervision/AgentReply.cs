using Google.Rpc;
using Grpc.Core;
using Orchestrator.Agent.V1;
using Orchestrator.ControlPlane.Migrations.Ledger;
using Orchestrator.Rpc.Errors;

namespace Orchestrator.ControlPlane.Migrations.Supervision;

/// <summary>What became of one attempt to give a command. Closed.</summary>
internal abstract record AgentReply
{
    private AgentReply()
    {
    }

    internal sealed record Done(ExecuteResponse Response) : AgentReply;

    /// <summary>The agent said no.</summary>
    internal sealed record Refused(CommandOutcome Outcome, string Words) : AgentReply;

    /// <summary>Whether it was carried out is not known: the same is to be sent again.</summary>
    internal sealed record None(string Words) : AgentReply;

    /// <summary>Somebody with a higher epoch commands the migration.</summary>
    internal sealed record Fenced : AgentReply;

    /// <param name="attempts">How often it has been sent, this time included.</param>
    public static AgentReply From(RpcException failure, int attempts)
    {
        var words = Words.Clean(failure.Status.Detail);
        var reason = Refusal.FindDetail<ErrorInfo>(failure) is { Domain: "agent.v1", Reason: var said } ? said : "";
        return (failure.StatusCode, reason) switch
        {
            (_, "EPOCH_STALE") => new Fenced(),
            (_, "COMMAND_STALE") => new Refused(CommandOutcome.Overtaken, words),
            (_, "WRONG_STATE") => new Refused(CommandOutcome.WrongState, words),
            (_, "SESSION_UNKNOWN") => new Refused(CommandOutcome.SessionUnknown, words),
            (StatusCode.Unavailable or StatusCode.DeadlineExceeded or StatusCode.Cancelled, _) => new None(words),

            // An agent that fails in a way nobody planned may have done it or not; one that always does must not hold everything up.
            (StatusCode.Unknown or StatusCode.Internal, _) when attempts < 5 => new None(words),
            _ => new Refused(CommandOutcome.Refused, words.Length > 0 ? words : failure.StatusCode.ToString()),
        };
    }
}
