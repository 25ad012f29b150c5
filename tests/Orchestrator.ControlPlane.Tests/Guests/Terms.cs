using Orchestrator.V1;
using Duration = Google.Protobuf.WellKnownTypes.Duration;

namespace Orchestrator.ControlPlane.Tests.Guests;

/// <summary>Terms that are sound, each time fresh, with the defaults filled in.</summary>
internal static class Terms
{
    public static PlacementTerms Placement() => new()
    {
        HostSelector =
        {
            Requirement("rack", LabelOperator.In, "r1", "r2"), Requirement("rack", LabelOperator.NotIn, "r2"),
            Requirement("ssd", LabelOperator.Exists), Requirement("old", LabelOperator.DoesNotExist),
        },
        Affinity =
        {
            new AffinityTerm { GuestLabels = { ["app"] = "web" }, TopologyKey = "rack", Anti = true, Required = true },
            new AffinityTerm { GuestLabels = { ["app"] = "db", ["tier"] = "1" }, Weight = 10 },
        },
    };

    public static NoticeTerms Notice() => new()
    {
        LeadTime = Duration.FromTimeSpan(TimeSpan.FromMinutes(5)),
        AcknowledgementEndsWait = true,
        WebhookUrl = "https://owner.example:8443/moves?team=a",
    };

    public static LabelRequirement Requirement(string key, LabelOperator @operator, params string[] values) =>
        new() { Key = key, Operator = @operator, Values = { values } };
}
