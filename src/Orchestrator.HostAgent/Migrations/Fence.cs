using Google.Protobuf;
using Orchestrator.Agent.V1;
using Orchestrator.HostAgent.Service;

namespace Orchestrator.HostAgent.Migrations;

/// <summary>What to do with a command, by what is known of those before. Closed: every kind is declared here.</summary>
internal abstract record FenceVerdict
{
    private FenceVerdict()
    {
    }

    public sealed record CarryOut : FenceVerdict;

    /// <summary>It had begun when something was cut short: ask the engine how far it came, then carry out what is missing.</summary>
    public sealed record Resume : FenceVerdict;

    public sealed record Repeat(ExecuteResponse Answer) : FenceVerdict;

    public sealed record Refuse(AgentRefusal Why) : FenceVerdict;
}

/// <summary>Epochs never fall, command ids never fall, and the same command has the same answer.</summary>
internal static class Fence
{
    public static FenceVerdict Judge(SessionRecord record, ExecuteRequest request)
    {
        if (request.Epoch < record.Epoch)
        {
            return new FenceVerdict.Refuse(AgentErrors.EpochStale(request.Epoch, record.Epoch).Refusal);
        }

        if (record.Commands.TryGetValue(request.CommandId, out var known))
        {
            if (!SameCommand(known.Request, request))
            {
                return new FenceVerdict.Refuse(
                    AgentErrors.CommandStale(request.CommandId, record.LastCommandId, "this id belongs to another command").Refusal);
            }

            return known.Answer switch
            {
                JournalEntry.Answered answered => new FenceVerdict.Repeat(answered.Response),
                JournalEntry.Refused refused => new FenceVerdict.Refuse(new AgentRefusal(refused.Error, refused.Message, refused.Facts)),
                _ => new FenceVerdict.Resume(),
            };
        }

        if (request.CommandId < record.LastCommandId)
        {
            return new FenceVerdict.Refuse(AgentErrors.CommandStale(
                request.CommandId, record.LastCommandId, $"command {record.LastCommandId} was carried out already").Refusal);
        }

        // Written down by a control plane that went away before it was sent, say: it may lower what was raised since.
        return request.HasUnattendedSeen && request.UnattendedSeen < record.LoneDecisions.Count
            ? new FenceVerdict.Refuse(AgentErrors.CommandStale(
                request.CommandId, record.LastCommandId, "the agent has decided by itself since it was decided on").Refusal)
            : new FenceVerdict.CarryOut();
    }

    /// <summary>Whoever takes a migration over repeats its predecessor's command under a higher epoch.</summary>
    private static bool SameCommand(ExecuteRequest known, ExecuteRequest given)
    {
        var asGiven = known.Clone();
        asGiven.Epoch = given.Epoch;
        asGiven.ReplicaId = given.ReplicaId;
        return asGiven.ToByteString() == given.ToByteString();
    }
}
