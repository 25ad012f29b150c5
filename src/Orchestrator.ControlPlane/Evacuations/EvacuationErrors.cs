using Grpc.Core;
using Orchestrator.Rpc.Errors;

namespace Orchestrator.ControlPlane.Evacuations;

/// <summary>Every way the evacuation API says no. Reasons are those of EvacuationError in evacuations.proto.</summary>
internal static class EvacuationErrors
{
    private const string Domain = "orchestrator.v1";

    // Metadata travels in a trailer, which has little room.
    private const int MostNamed = 32;

    private static readonly TimeSpan s_restartTakes = TimeSpan.FromSeconds(2);

    public static RpcException Unknown(Guid evacuationId) => Refusal.Because(
        StatusCode.NotFound,
        Domain,
        "EVACUATION_UNKNOWN",
        $"Evacuation {evacuationId} is not known.",
        ("evacuation_id", $"{evacuationId}"));

    public static RpcException Exists(Guid evacuationId) => Refusal.Because(
        StatusCode.AlreadyExists,
        Domain,
        "EVACUATION_EXISTS",
        $"Evacuation {evacuationId} was started with other contents. Choose a new id.",
        ("evacuation_id", $"{evacuationId}"));

    public static RpcException HostUnknown(IReadOnlyList<string> hostIds) => Refusal.Because(
        StatusCode.NotFound,
        Domain,
        "HOST_UNKNOWN",
        hostIds.Count == 1 ? $"Host {hostIds[0]} is not known." : $"Hosts {Names(hostIds)} are not known.",
        ("host_ids", string.Join(',', hostIds.Take(MostNamed))));

    public static RpcException GuestUnknown(IReadOnlyList<string> guestIds) => Refusal.Because(
        StatusCode.NotFound,
        Domain,
        "GUEST_UNKNOWN",
        guestIds.Count == 1 ? $"Guest {guestIds[0]} of an override is not known." : $"Guests {Names(guestIds)} of overrides are not known.",
        ("guest_ids", string.Join(',', guestIds.Take(MostNamed))));

    public static RpcException AlreadyEvacuating(string hostId, Guid evacuationId) => Refusal.Because(
        StatusCode.FailedPrecondition,
        Domain,
        "ALREADY_EVACUATING",
        $"Host {hostId} is in evacuation {evacuationId}, which goes on. Wait for its end or cancel it.",
        ("host_id", hostId),
        ("evacuation_id", $"{evacuationId}"));

    /// <param name="closed">Hosts that are not named and cannot be a target: cordoned or dead.</param>
    public static RpcException WholeFleet(int hosts, int closed) => Refusal.Because(
        StatusCode.FailedPrecondition,
        Domain,
        "WHOLE_FLEET",
        $"To be emptied at once: {hosts} of {hosts + closed} hosts"
        + (closed == 0 ? "" : $", and the other {closed} cordoned or dead")
        + ". No host would be left to move to: leave hosts out, or give max_hosts_out.");

    public static RpcException Ended(Guid evacuationId, string state) => Refusal.Because(
        StatusCode.FailedPrecondition,
        Domain,
        "EVACUATION_ENDED",
        $"Evacuation {evacuationId} {state}.",
        ("evacuation_id", $"{evacuationId}"));

    public static RpcException NoHostMatches(IEnumerable<KeyValuePair<string, string>> labels) => Refusal.Because(
        StatusCode.NotFound,
        Domain,
        "NO_HOST_MATCHES",
        $"No host has the labels {string.Join(", ", labels.OrderBy(label => label.Key, StringComparer.Ordinal).Select(label => $"{label.Key}={label.Value}"))}.");

    public static RpcException PolicyUnknown(IReadOnlyList<string> policies) => Refusal.Because(
        StatusCode.NotFound,
        Domain,
        "POLICY_UNKNOWN",
        policies.Count == 1 ? $"Policy {policies[0]} is not known." : $"Policies {Names(policies)} are not known.",
        ("policies", string.Join(',', policies.Take(MostNamed))));

    public static RpcException ShuttingDown() => Refusal.RetryLater(
        StatusCode.Unavailable, Domain, "SHUTTING_DOWN", "The server is going down; call again. The evacuation goes on.", s_restartTakes);

    private static string Names(IReadOnlyList<string> names) => names.Count <= MostNamed
        ? string.Join(", ", names) : $"{string.Join(", ", names.Take(MostNamed))} and {names.Count - MostNamed} more";
}
