using System.Globalization;
using Grpc.Core;
using Orchestrator.Agent.V1;
using Orchestrator.Rpc.Errors;

namespace Orchestrator.HostAgent.Service;

/// <summary>Every way the agent says no. Reasons are those of the AgentError enum in agent.proto.</summary>
internal static class AgentErrors
{
    public const string Domain = "agent.v1";

    public static AgentRefusedException GuestUnknown(string guestId) =>
        Refuse(AgentError.GuestUnknown, $"There is no guest {guestId} on this host.", ("guest_id", guestId));

    public static AgentRefusedException GuestPresent(string guestId, string how) =>
        Refuse(AgentError.GuestPresent, $"Guest {guestId} is on this host already: {how}.", ("guest_id", guestId));

    public static AgentRefusedException SessionUnknown(Guid migrationId, SessionRole role) => Refuse(
        AgentError.SessionUnknown,
        $"This agent has no {role.ToString().ToLowerInvariant()} session of migration {migrationId}.",
        ("migration_id", migrationId.ToString()));

    public static AgentRefusedException SessionUnknown(Guid migrationId) => Refuse(
        AgentError.SessionUnknown, $"This agent has no session of migration {migrationId}.", ("migration_id", migrationId.ToString()));

    public static AgentRefusedException EpochStale(ulong epoch, ulong highest) => Refuse(
        AgentError.EpochStale,
        $"Epoch {epoch} is stale: epoch {highest} commands this migration.",
        ("epoch", Text(epoch)), ("highest_epoch", Text(highest)));

    public static AgentRefusedException CommandStale(ulong commandId, ulong last, string why) => Refuse(
        AgentError.CommandStale, $"Command {commandId} is stale: {why}.", ("command_id", Text(commandId)), ("last_command_id", Text(last)));

    public static AgentRefusedException WrongState(string message, string state) =>
        Refuse(AgentError.WrongState, message, ("state", state));

    public static AgentRefusedException EngineRefused(string message) => Refuse(AgentError.EngineRefused, message);

    /// <summary>Whether it was carried out is decided when the command comes again.</summary>
    public static AgentRefusedException EngineUnreachable(string message) =>
        Refuse(AgentError.EngineUnreachable, $"{message}; send the same command again.");

    public static AgentRefusedException NotEnoughMemory(string guestId, ulong needed, ulong available) => Refuse(
        AgentError.NotEnoughMemory,
        $"Guest {guestId} needs {needed} bytes of memory with its engine, and {available} are left on this host.",
        ("needed_bytes", Text(needed)), ("available_bytes", Text(available)));

    public static AgentRefusedException AcceleratorUnusable(string accelerator) => Refuse(
        AgentError.AcceleratorUnusable, $"No guest has answered on {accelerator} on this host.", ("accelerator", accelerator));

    public static AgentRefusedException CapabilityMissing(string capability, string message) =>
        Refuse(AgentError.CapabilityMissing, message, ("capability", capability));

    public static AgentRefusedException ResumeRefused(string guestId, Guid migrationId) => Refuse(
        AgentError.ResumeRefused,
        $"Guest {guestId} is being moved while it is stopped, and its mover promised that it stays so; it runs again afterwards.",
        ("guest_id", guestId), ("migration_id", migrationId.ToString()));

    public static RpcException ToRpc(AgentRefusal refusal)
    {
        var facts = refusal.Facts.Select(fact => (fact.Key, fact.Value)).ToArray();
        return Refusal.Because(StatusOf(refusal.Error), Domain, Reason(refusal.Error), refusal.Message, facts);
    }

    private static StatusCode StatusOf(AgentError error) => error switch
    {
        AgentError.SessionUnknown or AgentError.GuestUnknown => StatusCode.NotFound,
        AgentError.EngineRefused => StatusCode.Aborted,
        AgentError.NotEnoughMemory => StatusCode.ResourceExhausted,
        AgentError.EngineUnreachable => StatusCode.Unavailable,
        AgentError.EpochStale or AgentError.CommandStale or AgentError.WrongState or AgentError.GuestPresent
            or AgentError.AcceleratorUnusable or AgentError.CapabilityMissing or AgentError.ResumeRefused or AgentError.Unspecified
            => StatusCode.FailedPrecondition,
    };

    /// <summary>Member of the enum as the proto spells it, without its prefix.</summary>
    private static string Reason(AgentError error) => string.Concat(
        error.ToString().Select((letter, index) => index > 0 && char.IsUpper(letter) ? $"_{letter}" : $"{char.ToUpperInvariant(letter)}"));

    private static string Text(ulong number) => number.ToString(CultureInfo.InvariantCulture);

    private static AgentRefusedException Refuse(
        AgentError error, string message, params ReadOnlySpan<(string Key, string Value)> facts) =>
        new(AgentRefusal.Because(error, message, facts));
}
