using Orchestrator.Agent.V1;
using Orchestrator.Policy.Lifecycle;

namespace Orchestrator.ControlPlane.Migrations.Ledger;

/// <summary>A command to an agent: written down before it is sent, answered when it has an outcome.</summary>
/// <param name="Request">Without the epoch, which is that of whoever sends it.</param>
internal sealed record StoredCommand(
    long CommandId, string HostId, AgentCommandKind Kind, ExecuteRequest Request, DateTimeOffset IntendedAt)
{
    /// <summary>Null until the agent has answered.</summary>
    public CommandAnswer? Answer { get; init; }
}

/// <param name="Message">The agent's or its engine's words; empty when it was carried out.</param>
/// <param name="ListenUri">Of a prepared or recovered target; else empty.</param>
internal sealed record CommandAnswer(CommandOutcome Outcome, DateTimeOffset At, string Message, string ListenUri);

/// <summary>Stored by name; the scripts list the same names.</summary>
internal enum CommandOutcome
{
    Done,
    Refused,
    WrongState,
    SessionUnknown,

    /// <summary>The agent had carried out a later command already.</summary>
    Overtaken,
}
