using Grpc.Core;
using Orchestrator.Rpc.Errors;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Notices;

/// <summary>Every way the notice API says no. Reasons are those of NoticeError in notices.proto.</summary>
internal static class NoticeErrors
{
    private const string Domain = "orchestrator.v1";

    public static RpcException Unknown(Guid noticeId) => Refusal.Because(
        StatusCode.NotFound, Domain, "NOTICE_UNKNOWN", $"Notice {noticeId} is not known.", ("notice_id", $"{noticeId}"));

    public static RpcException Closed(Guid noticeId, NoticeState? state) => Refusal.Because(
        StatusCode.FailedPrecondition,
        Domain,
        "NOTICE_CLOSED",
        state is NoticeState.Withdrawn
            ? $"The migration that notice {noticeId} told of has ended."
            : $"The wait for notice {noticeId} is over: the migration goes on without it.",
        ("notice_id", $"{noticeId}"));
}
