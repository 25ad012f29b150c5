using Grpc.Core;
using Orchestrator.Rpc.Errors;

namespace Orchestrator.ControlPlane.Guests;

/// <summary>Every way the guest API says no. Reasons are those of GuestError in guests.proto.</summary>
internal static class GuestErrors
{
    private const string Domain = "orchestrator.v1";

    public static RpcException Unknown(string guestId) => Refusal.Because(
        StatusCode.NotFound, Domain, "GUEST_UNKNOWN", $"Guest {guestId} is not known.", ("guest_id", guestId));

    public static RpcException Exists(string guestId) => Refusal.Because(
        StatusCode.AlreadyExists,
        Domain,
        "GUEST_EXISTS",
        $"Guest {guestId} exists with another spec or other labels or terms. Choose another id or remove the old guest.",
        ("guest_id", guestId));

    public static RpcException HostUnknown(string hostId) => Refusal.Because(
        StatusCode.NotFound, Domain, "HOST_UNKNOWN", $"Host {hostId} is not known.", ("host_id", hostId));

    public static RpcException HostCordoned(string hostId) => Refusal.Because(
        StatusCode.FailedPrecondition,
        Domain,
        "HOST_CORDONED",
        $"Host {hostId} is cordoned. Uncordon it or choose another.",
        ("host_id", hostId));

    public static RpcException HostDead(string hostId) => Refusal.Because(
        StatusCode.FailedPrecondition,
        Domain,
        "HOST_DEAD",
        $"Host {hostId} has been declared dead. Readmit it when it is back, or choose another.",
        ("host_id", hostId));

    public static RpcException Elsewhere(string guestId, string hostId) => Refusal.Because(
        StatusCode.FailedPrecondition,
        Domain,
        "GUEST_ELSEWHERE",
        $"Guest {guestId} is on host {hostId} already. Stop or migrate it.",
        ("guest_id", guestId),
        ("host_id", hostId));

    public static RpcException Migrating(string guestId, Guid migrationId) => Refusal.Because(
        StatusCode.FailedPrecondition,
        Domain,
        "GUEST_MIGRATING",
        $"Migration {migrationId} of guest {guestId} is under way. Cancel it or wait for its end.",
        ("guest_id", guestId),
        ("active_migration_id", migrationId.ToString()));

    public static RpcException Running(string guestId, string hostId) => Refusal.Because(
        StatusCode.FailedPrecondition,
        Domain,
        "GUEST_RUNNING",
        $"Guest {guestId} is on host {hostId}. Stop it first.",
        ("guest_id", guestId),
        ("host_id", hostId));

    public static RpcException StateUnknown(string guestId, string hostId) => Refusal.Because(
        StatusCode.FailedPrecondition,
        Domain,
        "GUEST_STATE_UNKNOWN",
        $"Host {hostId} has guest {guestId} and cannot be asked; the guest may well run. Try again when the host is back.",
        ("guest_id", guestId),
        ("host_id", hostId));

    public static RpcException StartFailed(string guestId, string hostId, string problem) => Refusal.Because(
        StatusCode.Aborted,
        Domain,
        "START_FAILED",
        $"Host {hostId} did not start guest {guestId}: {problem}",
        ("guest_id", guestId),
        ("host_id", hostId));

    public static RpcException NotRunning(string guestId, string state) => Refusal.Because(
        StatusCode.FailedPrecondition,
        Domain,
        "GUEST_NOT_RUNNING",
        $"Guest {guestId} does not run: it is {state}.",
        ("guest_id", guestId));

    public static RpcException ResumeRefused(string guestId, Guid migrationId) => Refusal.Because(
        StatusCode.FailedPrecondition,
        Domain,
        "RESUME_REFUSED",
        $"Guest {guestId} must stay stopped until migration {migrationId} has ended, as its caller promised.",
        ("guest_id", guestId),
        ("active_migration_id", migrationId.ToString()));

    public static RpcException AgentUnreachable(string hostId, string problem) => Refusal.Because(
        StatusCode.Unavailable,
        Domain,
        "AGENT_UNREACHABLE",
        $"The agent of host {hostId} does not answer: {problem}. Try again.",
        ("host_id", hostId));

    public static RpcException AgentRefused(string guestId, string hostId, string problem) => Refusal.Because(
        StatusCode.Aborted,
        Domain,
        "AGENT_REFUSED",
        $"The agent of host {hostId} refused for guest {guestId}: {problem}",
        ("guest_id", guestId),
        ("host_id", hostId));
}
