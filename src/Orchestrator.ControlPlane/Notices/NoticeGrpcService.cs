using System.Globalization;
using Grpc.Core;
using Orchestrator.Rpc.Errors;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Notices;

/// <summary>Parses, asks, answers. Decides nothing.</summary>
internal sealed class NoticeGrpcService(NoticeStore notices, NoticeWatch watch, TimeProvider clock) : NoticeService.NoticeServiceBase
{
    private const int MaxAcknowledgedByCharacters = 500;

    public override async Task<AcknowledgeNoticeResponse> AcknowledgeNotice(AcknowledgeNoticeRequest request, ServerCallContext context)
    {
        var violations = new Violations();
        var noticeId = violations.Uuid("notice_id", request.NoticeId);
        var by = violations.Text("acknowledged_by", request.AcknowledgedBy, MaxAcknowledgedByCharacters);
        Refuse(violations);
        return await notices.AcknowledgeAsync(noticeId, by, clock.GetUtcNow(), context.CancellationToken) switch
        {
            { Outcome: AcknowledgeOutcome.Acknowledged, Notice: { } notice } =>
                new AcknowledgeNoticeResponse { Notice = NoticeRow.ToMessage(notice) },
            { Outcome: AcknowledgeOutcome.Unknown } => throw NoticeErrors.Unknown(noticeId),
            { Notice: var notice } => throw NoticeErrors.Closed(noticeId, notice?.State),
        };
    }

    public override async Task<ListNoticesResponse> ListNotices(ListNoticesRequest request, ServerCallContext context)
    {
        var violations = new Violations();
        var filter = ReadFilter(request.Filter, violations);
        var size = violations.PageSize("page_size", request.PageSize, 100, 1000);
        var before = ReadKey(violations, request.PageToken);
        Refuse(violations);

        // One more than asked for tells whether there is another page.
        var found = await notices.ListAsync(filter.GuestId, filter.OpenOnly, before, size + 1, context.CancellationToken);
        return new ListNoticesResponse
        {
            Notices = { found.Take(size).Select(NoticeRow.ToMessage) },
            NextPageToken = found.Count > size
                ? PageToken.For(FormattableString.Invariant($"{found[size - 1].OpenedAt:O}/{found[size - 1].NoticeId}"))
                : "",
        };
    }

    public override Task WatchNotices(
        WatchNoticesRequest request, IServerStreamWriter<WatchNoticesResponse> responseStream, ServerCallContext context)
    {
        var violations = new Violations();
        var filter = ReadFilter(request.Filter, violations);
        Refuse(violations);
        return watch.FollowAsync(
            filter,
            notice => responseStream.WriteAsync(new WatchNoticesResponse { Notice = notice }, context.CancellationToken),
            context.CancellationToken);
    }

    private static NoticeFilter ReadFilter(NoticeFilter? filter, Violations violations)
    {
        if (filter?.GuestId.Length > 0)
        {
            violations.Name("filter.guest_id", filter.GuestId);
        }

        return filter ?? new NoticeFilter();
    }

    private static NoticeKey? ReadKey(Violations violations, string token)
    {
        var text = PageToken.Read(violations, "page_token", token);
        if (text.Length == 0)
        {
            return null;
        }

        if (text.Split('/') is [var at, var id]
            && DateTimeOffset.TryParseExact(at, "O", CultureInfo.InvariantCulture, DateTimeStyles.None, out var openedAt)
            && Guid.TryParseExact(id, "D", out var noticeId))
        {
            return new NoticeKey(openedAt, noticeId);
        }

        violations.Add("page_token", "is no token of an earlier page");
        return null;
    }

    private static void Refuse(Violations violations)
    {
        if (violations.Any)
        {
            throw Refusal.InvalidRequest(violations);
        }
    }
}
