using System.CommandLine;
using Google.Protobuf.WellKnownTypes;
using Orchestrator.Cli.Quantities;
using Orchestrator.V1;

namespace Orchestrator.Cli.Notices;

/// <summary>The flags that say who is told before a guest moves.</summary>
internal sealed class NoticeOptions(string lead)
{
    private readonly Option<Duration?> _lead = QuantityOption.Duration("--notice-lead", lead);

    private readonly Option<bool> _ack = new("--notice-ack")
    {
        Description = "The owner's acknowledgement ends the wait. Default: wait for the whole lead time.",
    };

    private readonly Option<string> _webhook = new("--notice-webhook")
    {
        Description = "Where the notice is posted as JSON: http://... or https://...",
        HelpName = "url",
    };

    public IReadOnlyList<System.CommandLine.Option> All => [_lead, _ack, _webhook];

    /// <returns>Null when none of them is given.</returns>
    public NoticeTerms? Read(ParseResult parse) =>
        parse.GetResult(_lead) is null && parse.GetResult(_webhook) is null && !parse.GetValue(_ack)
            ? null
            : new NoticeTerms
            {
                LeadTime = parse.GetValue(_lead),
                AcknowledgementEndsWait = parse.GetValue(_ack),
                WebhookUrl = parse.GetValue(_webhook) ?? "",
            };
}
