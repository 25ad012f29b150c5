using Grpc.Core;
using Orchestrator.Rpc.Errors;

namespace Orchestrator.ControlPlane.Schedules;

/// <summary>Every way the schedule API says no. Reasons are those of ScheduleError in schedules.proto.</summary>
internal static class ScheduleErrors
{
    private const string Domain = "orchestrator.v1";

    public static RpcException Unknown(string name) => Refusal.Because(
        StatusCode.NotFound, Domain, "SCHEDULE_UNKNOWN", $"Schedule {name} is not known.", ("name", name));

    public static RpcException Exists(string name) => Refusal.Because(
        StatusCode.AlreadyExists,
        Domain,
        "SCHEDULE_EXISTS",
        $"Schedule {name} exists with other contents. Choose another name or delete the old one.",
        ("name", name));
}
