using Grpc.Core;
using Orchestrator.Agent.V1;
using Orchestrator.Rpc.Errors;

namespace Orchestrator.Bench.Agents;

/// <summary>What makes a session's commands fenced and repeatable: epochs never fall, and the same command has the same answer.</summary>
internal sealed class CommandJournal
{
    private readonly Dictionary<ulong, ExecuteResponse> _answers = [];

    public ulong Epoch { get; private set; }

    public ulong LastCommandId { get; private set; }

    /// <summary>Somebody else commands from here on, or says again that he does.</summary>
    /// <exception cref="RpcException">EPOCH_STALE.</exception>
    public void Attend(ulong epoch)
    {
        if (epoch < Epoch)
        {
            throw Refuse(AgentError.EpochStale, $"Epoch {epoch} is stale: epoch {Epoch} commands this migration.");
        }

        Epoch = epoch;
    }

    /// <returns>The answer given before; null for a command that is to be carried out now.</returns>
    /// <exception cref="RpcException">EPOCH_STALE or COMMAND_STALE.</exception>
    public ExecuteResponse? Enter(ExecuteRequest request)
    {
        Attend(request.Epoch);
        if (_answers.TryGetValue(request.CommandId, out var answer))
        {
            var repeated = answer.Clone();
            repeated.Repeated = true;
            return repeated;
        }

        return request.CommandId >= LastCommandId
            ? null
            : throw Refuse(AgentError.CommandStale, $"Command {request.CommandId} is stale: {LastCommandId} was carried out already.");
    }

    /// <summary>From here on its reports say so; the answer follows.</summary>
    public void Begin(ExecuteRequest request) => LastCommandId = request.CommandId;

    public void Answer(ExecuteRequest request, ExecuteResponse response) => _answers[request.CommandId] = response;

    public static RpcException WrongState(SessionState state) =>
        Refuse(AgentError.WrongState, $"The session is {state}.");

    public static RpcException SessionUnknown(string migrationId) =>
        Refuse(AgentError.SessionUnknown, $"This agent has no session of migration {migrationId}.");

    public static RpcException GuestUnknown(string guestId) => Refuse(AgentError.GuestUnknown, $"There is no guest {guestId} on this host.");

    private static RpcException Refuse(AgentError error, string message)
    {
        var (status, reason) = error switch
        {
            AgentError.EpochStale => (StatusCode.FailedPrecondition, "EPOCH_STALE"),
            AgentError.CommandStale => (StatusCode.FailedPrecondition, "COMMAND_STALE"),
            AgentError.SessionUnknown => (StatusCode.NotFound, "SESSION_UNKNOWN"),
            AgentError.GuestUnknown => (StatusCode.NotFound, "GUEST_UNKNOWN"),
            _ => (StatusCode.FailedPrecondition, "WRONG_STATE"),
        };
        return Refusal.Because(status, "agent.v1", reason, message);
    }
}
