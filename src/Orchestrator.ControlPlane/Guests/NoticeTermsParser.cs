using Orchestrator.Rpc.Errors;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Guests;

/// <summary>Finds everything in which notice terms are not what notices.proto allows.</summary>
internal static class NoticeTermsParser
{
    private const int MaxUrlCharacters = 1024;
    private static readonly TimeSpan s_longestLead = TimeSpan.FromHours(24);

    /// <returns>Null when there are none; of use only when nothing was added to the violations.</returns>
    public static NoticeTerms? Parse(string field, NoticeTerms? given, Violations violations)
    {
        if (given is null)
        {
            return null;
        }

        var lead = violations.Duration($"{field}.lead_time", given.LeadTime, TimeSpan.Zero, s_longestLead) ?? TimeSpan.Zero;
        if (given.AcknowledgementEndsWait && lead <= TimeSpan.Zero)
        {
            violations.Add($"{field}.acknowledgement_ends_wait", $"needs a {field}.lead_time above 0; without one nobody waits");
        }

        if (given.WebhookUrl.Length > 0 && !IsUrl(given.WebhookUrl))
        {
            violations.Add(
                $"{field}.webhook_url",
                $"must be http://... or https://... with a host, without user, password and fragment, of at most {MaxUrlCharacters} characters");
        }

        return new NoticeTerms
        {
            LeadTime = given.LeadTime,
            AcknowledgementEndsWait = given.AcknowledgementEndsWait,
            WebhookUrl = given.WebhookUrl,
        };
    }

    private static bool IsUrl(string text) =>
        text.Length <= MaxUrlCharacters
        && !text.Any(character => char.IsControl(character) || char.IsWhiteSpace(character))
        && Uri.TryCreate(text, UriKind.Absolute, out var url)
        && url is { Scheme: "http" or "https", Host.Length: > 0, UserInfo: "", Fragment: "" };
}
