using Grpc.Core;
using Orchestrator.Rpc.Errors;

namespace Orchestrator.ControlPlane.Hosts;

/// <summary>Every way the host API says no. Reasons are those of HostError in hosts.proto.</summary>
internal static class HostErrors
{
    private const string Domain = "orchestrator.v1";

    // A refusal travels in headers, of which clients take 8 KiB.
    private const int MaxWords = 1000;
    private const int MostNamed = 20;

    public static RpcException Unknown(string hostId) => Refusal.Because(
        StatusCode.NotFound, Domain, "HOST_UNKNOWN", $"Host {hostId} is not known.", ("host_id", hostId));

    public static RpcException Exists(string hostId, string endpoint) => Refusal.Because(
        StatusCode.AlreadyExists,
        Domain,
        "HOST_EXISTS",
        $"Host {hostId} is registered with the agent at {endpoint}. Choose another id or remove the old host.",
        ("host_id", hostId),
        ("agent_endpoint", endpoint));

    public static RpcException InUse(string hostId) => Refusal.Because(
        StatusCode.FailedPrecondition,
        Domain,
        "HOST_IN_USE",
        $"Host {hostId} has guests or is part of a migration. Move or stop them first.",
        ("host_id", hostId));

    public static RpcException AgentUnreachable(string hostId, string endpoint, string problem) => Refusal.Because(
        StatusCode.Unavailable,
        Domain,
        "AGENT_UNREACHABLE",
        $"The agent of host {hostId} at {endpoint} did not answer: {problem}. Start it or mend the endpoint, then try again.",
        ("host_id", hostId),
        ("agent_endpoint", endpoint));

    public static RpcException AgentIsAnotherHost(string hostId, string endpoint, string said) => Refusal.Because(
        StatusCode.FailedPrecondition,
        Domain,
        "AGENT_IS_ANOTHER_HOST",
        $"The agent at {endpoint} is that of host \"{said}\", not of {hostId}.",
        ("host_id", hostId),
        ("agent_host_id", said));

    public static RpcException Alive(string hostId, string sign) => Refusal.Because(
        StatusCode.FailedPrecondition,
        Domain,
        "HOST_ALIVE",
        $"Host {hostId} is not dead: {sign}. Stop its guests or evacuate it.",
        ("host_id", hostId));

    public static RpcException FencingNotConfigured(string hostId) => Refusal.Because(
        StatusCode.FailedPrecondition,
        Domain,
        "FENCING_NOT_CONFIGURED",
        "The server has no fencing command (Fencing:Command). Switch the machine off yourself, then declare it dead.",
        ("host_id", hostId));

    public static RpcException FencingFailed(string hostId, string words) => Refusal.Because(
        StatusCode.Aborted,
        Domain,
        "FENCING_FAILED",
        $"Nobody knows whether host {hostId} is off: the fencing command {words[..Math.Min(words.Length, MaxWords)]}",
        ("host_id", hostId));

    public static RpcException HasStaleGuests(string hostId, IReadOnlyCollection<string> guestIds) => Refusal.Because(
        StatusCode.FailedPrecondition,
        Domain,
        "HOST_HAS_STALE_GUESTS",
        $"Host {hostId} runs guests that have been started elsewhere or stopped meanwhile ({Some(guestIds)}). Stop them there by hand first.",
        ("host_id", hostId),
        ("guest_ids", Some(guestIds)));

    public static RpcException NotDead(string hostId) => Refusal.Because(
        StatusCode.FailedPrecondition, Domain, "HOST_NOT_DEAD", $"Host {hostId} has not been declared dead.", ("host_id", hostId));

    private static string Some(IReadOnlyCollection<string> ids) =>
        string.Join(", ", ids.Take(MostNamed)) + (ids.Count > MostNamed ? $" and {ids.Count - MostNamed} more" : "");
}
