using Google.Rpc;
using Grpc.Core;
using Orchestrator.Rpc.Errors;

namespace Orchestrator.ControlPlane.Hosts;

/// <summary>Asks an agent and tells its refusal from no answer.</summary>
internal static class AgentQuestion
{
    private const string AgentDomain = "agent.v1";

    public static async Task<AgentAnswer<T>> AskAsync<T>(AsyncUnaryCall<T> call)
        where T : class
    {
        try
        {
            using (call)
            {
                return new AgentAnswer<T>(await call, null, "");
            }
        }
        catch (RpcException failure)
        {
            var problem = failure.Status.Detail.Length > 0 ? failure.Status.Detail : failure.StatusCode.ToString();

            // A refusal is known by its details; the status alone may be a proxy's or the transport's. INVALID_ARGUMENT too is said only by
            // an agent that read the request and left it at that.
            return Refusal.FindDetail<ErrorInfo>(failure) is { Domain: AgentDomain } info
                ? new AgentAnswer<T>(null, info.Reason, problem)
                : new AgentAnswer<T>(
                    null, failure.StatusCode is StatusCode.InvalidArgument or StatusCode.Unimplemented ? $"{failure.StatusCode}" : null, problem);
        }
    }
}
