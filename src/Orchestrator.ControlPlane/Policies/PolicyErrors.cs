using Grpc.Core;
using Orchestrator.Rpc.Errors;

namespace Orchestrator.ControlPlane.Policies;

/// <summary>Every way the policy API says no. Reasons are those of PolicyError in policies.proto.</summary>
internal static class PolicyErrors
{
    private const string Domain = "orchestrator.v1";

    public static RpcException Unknown(string name) => Refusal.Because(
        StatusCode.NotFound, Domain, "POLICY_UNKNOWN", $"Policy {name} is not known.", ("name", name));

    public static RpcException Unknown(string name, uint revision) => Refusal.Because(
        StatusCode.NotFound,
        Domain,
        "POLICY_UNKNOWN",
        $"Policy {name} has no revision {revision}.",
        ("name", name),
        ("revision", $"{revision}"));

    public static RpcException Exists(string name) => Refusal.Because(
        StatusCode.AlreadyExists,
        Domain,
        "POLICY_EXISTS",
        $"Policy {name} exists with another document. Update it instead.",
        ("name", name));

    public static RpcException RevisionStale(string name, uint expected) => Refusal.Because(
        StatusCode.Aborted,
        Domain,
        "REVISION_STALE",
        $"Revision {expected} is not the newest of policy {name}. Read it and decide again.",
        ("name", name),
        ("expected_revision", $"{expected}"));

    public static RpcException IsPreset(string name) => Refusal.Because(
        StatusCode.FailedPrecondition,
        Domain,
        "POLICY_IS_PRESET",
        $"Policy {name} comes with the product and is not changed. Create one of another name.",
        ("name", name));
}
