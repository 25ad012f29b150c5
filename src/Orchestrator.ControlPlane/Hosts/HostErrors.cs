using Grpc.Core;
using Orchestrator.Rpc.Errors;

namespace Orchestrator.ControlPlane.Hosts;

/// <summary>Every way the host API says no. Reasons are those of HostError in hosts.proto.</summary>
internal static class HostErrors
{
    private const string Domain = "orchestrator.v1";

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
}
