using Orchestrator.ControlPlane.Guests;
using Orchestrator.Rpc.Errors;
using Orchestrator.V1;
using Duration = Google.Protobuf.WellKnownTypes.Duration;

namespace Orchestrator.ControlPlane.Tests.Guests;

public sealed class NoticeTermsParserTests
{
    [Fact]
    public void Parse_NoneIsNone_AndSoundTermsStay()
    {
        var violations = new Violations();
        Assert.Null(NoticeTermsParser.Parse("notice", null, violations));
        Assert.Equal(new NoticeTerms(), NoticeTermsParser.Parse("notice", new NoticeTerms(), violations));
        Assert.Equal(Terms.Notice(), NoticeTermsParser.Parse("notice", Terms.Notice(), violations));
        Assert.Empty(violations.Found);
    }

    [Theory]
    [InlineData("http://owner.example")]
    [InlineData("http://[::1]:8080/x?y=z")]
    public void Parse_SoundUrls_Stay(string url) => Assert.Empty(Fields(new NoticeTerms { WebhookUrl = url }));

    [Theory]
    [InlineData("owner.example")]
    [InlineData("/moves")]
    [InlineData("ftp://owner.example/")]
    [InlineData("file:///etc/passwd")]
    [InlineData("http://user:secret@owner.example/")]
    [InlineData("http://owner.example/#x")]
    [InlineData("http://owner.example/a b")]
    [InlineData("http://owner.example/\n")]
    [InlineData("http://")]
    public void Parse_OtherUrls_AreRefused(string url) =>
        Assert.Equal(["notice.webhook_url"], Fields(new NoticeTerms { WebhookUrl = url }));

    [Fact]
    public void Parse_NonsenseInEveryField_NamesEveryField() => Assert.Equal(
        ["notice.lead_time", "notice.acknowledgement_ends_wait", "notice.webhook_url"],
        Fields(new NoticeTerms
        {
            LeadTime = new Duration { Seconds = -1 },
            AcknowledgementEndsWait = true,
            WebhookUrl = "http://owner.example/" + new string('x', 1024),
        }));

    [Fact]
    public void Parse_LeadTimeOfMoreThanADay_IsRefused()
    {
        Assert.Empty(Fields(new NoticeTerms { LeadTime = Duration.FromTimeSpan(TimeSpan.FromHours(24)) }));
        Assert.Equal(
            ["notice.lead_time"],
            Fields(new NoticeTerms { LeadTime = Duration.FromTimeSpan(TimeSpan.FromHours(24) + TimeSpan.FromSeconds(1)) }));
    }

    private static List<string> Fields(NoticeTerms terms)
    {
        var violations = new Violations();
        NoticeTermsParser.Parse("notice", terms, violations);
        return [.. violations.Found.Select(violation => violation.Field)];
    }
}
