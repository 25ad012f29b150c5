using Orchestrator.Policy.Admission;

namespace Orchestrator.Policy.Tests.Admission;

public class LimitRulesTests
{
    [Fact]
    public void Violations_SoundLimits_None() => Assert.Empty(LimitRules.Violations(Queues.Wide, "evacuation", "user"));

    [Fact]
    public void Violations_EverythingWrong_NamesEveryField()
    {
        var limits = new AdmissionLimits
        {
            Transferring = 0,
            Preparing = -1,
            TransferringPerSource = 0,
            TransferringPerTarget = 2,
            PreparingPerTarget = 100_001,
            PerLabel = [new LabelLimit("", 0), new LabelLimit("rack", 1), new LabelLimit("rack", 2)],
            LinkShare = double.NaN,
            MinRate = new DataRate(1),
            Classes =
            [
                new PriorityClass("Upper", -1, TimeSpan.Zero, 0), new PriorityClass("user", 5, TimeSpan.FromHours(25), 1001),
                new PriorityClass("user", 5, TimeSpan.FromHours(1), 1),
            ],
            FailureMemory = TimeSpan.FromSeconds(-1),
        };

        Assert.Equal(
            [
                "transferring", "preparing", "transferring_per_source", "transferring_per_target", "preparing_per_target", "per_label[0].label",
                "per_label[0].transferring", "per_label[2].label", "per_label[2].transferring", "link_share", "min_bytes_per_second",
                "classes[0].name", "classes[0].priority", "classes[0].ageing", "classes[0].weight", "classes[1].ageing", "classes[1].weight",
                "classes[2].name", "classes[2].priority", "classes", "failure_memory",
            ],
            LimitRules.Violations(limits, "rebalancing").Select(violation => violation.Field));
    }

    [Fact]
    public void Violations_AboveTheFleetLimit_SayWhatIsAllowed()
    {
        var violation = Assert.Single(LimitRules.Violations(Queues.Wide with { Transferring = 5, TransferringPerTarget = 5, TransferringPerSource = 6 }));
        Assert.Equal(("transferring_per_source", "must be 1 to 5 (transferring), is 6"), (violation.Field, violation.Description));
    }

    [Fact]
    public void Violations_NoClassesOrTooMany_AreRefused()
    {
        Assert.Equal(["classes", "classes"], LimitRules.Violations(Queues.Wide with { Classes = [] }).Select(violation => violation.Field));
        var many = Enumerable.Range(0, 17).Select(i => new PriorityClass(i == 0 ? "user" : $"c{i}", i, TimeSpan.FromMinutes(1), 1));
        Assert.Equal("must have 1 to 16 entries, has 17", Assert.Single(LimitRules.Violations(Queues.Wide with { Classes = [.. many] })).Description);
    }

    [Fact]
    public void Violations_AClassThatIsInUse_MustStay()
    {
        var without = Queues.Wide with { Classes = [.. Queues.Wide.Classes.Where(known => known.Name != "evacuation")] };
        Assert.Equal("must keep \"evacuation\": migrations that have not ended are in it", Assert.Single(LimitRules.Violations(without, "evacuation")).Description);
    }
}
