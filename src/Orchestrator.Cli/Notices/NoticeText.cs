using System.Globalization;
using Orchestrator.Cli.Rendering;
using Orchestrator.Specs;
using Orchestrator.V1;

namespace Orchestrator.Cli.Notices;

/// <summary>Notices in words.</summary>
internal static class NoticeText
{
    public static string Table(IReadOnlyCollection<Notice> notices) =>
        notices.Count == 0
            ? "No notices."
            : TextTable.Render(
                ["NOTICE", "GUEST", "HOST", "STATE", "OPENED", "MOVES BY", "DELIVERY", "REASON"],
                notices.Select(notice => (IReadOnlyList<string>)
                [
                    notice.NoticeId,
                    notice.GuestId,
                    notice.SourceHostId,
                    EnumText.Of(notice.State),
                    Moment.Text(notice.OpenedAt),
                    Moment.Text(notice.EndsAt),
                    Delivery(notice),
                    notice.Reason,
                ]));

    public static string Line(Notice notice)
    {
        var closed = notice.AcknowledgedBy.Length > 0 ? $" by {notice.AcknowledgedBy}" : "";
        return $"{Moment.TimeOfDay(notice.ClosedAt ?? notice.OpenedAt)}  {notice.NoticeId}  {notice.GuestId} on {notice.SourceHostId}: "
            + $"{EnumText.Of(notice.State)}{closed}, moves by {Moment.Text(notice.EndsAt)}"
            + (Delivery(notice) is { Length: > 0 } delivery ? $", webhook {delivery}" : "");
    }

    public static string Acknowledged(Notice notice) =>
        notice.Terms?.AcknowledgementEndsWait == true
            ? $"Notice {notice.NoticeId} is acknowledged: guest {notice.GuestId} moves when its turn comes."
            : $"Notice {notice.NoticeId} is acknowledged: guest {notice.GuestId} moves from {Moment.Text(notice.EndsAt)} on, as its terms say.";

    private static string Delivery(Notice notice) =>
        notice.DeliveredAt is not null ? "delivered"
        : notice.DeliveryError.Length > 0
            ? string.Create(CultureInfo.InvariantCulture, $"failed {notice.DeliveryAttempts} times: {notice.DeliveryError}")
        : notice.Terms?.WebhookUrl.Length > 0 ? "under way"
        : "";
}
