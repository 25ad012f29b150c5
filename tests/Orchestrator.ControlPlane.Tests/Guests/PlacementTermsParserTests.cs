using Orchestrator.ControlPlane.Guests;
using Orchestrator.Rpc.Errors;
using Orchestrator.V1;
using static Orchestrator.ControlPlane.Tests.Guests.Terms;

namespace Orchestrator.ControlPlane.Tests.Guests;

public sealed class PlacementTermsParserTests
{
    [Fact]
    public void Parse_Nothing_IsEmpty()
    {
        var violations = new Violations();
        Assert.Equal(new PlacementTerms(), PlacementTermsParser.Parse("placement", null, violations));
        Assert.Equal(new PlacementTerms(), PlacementTermsParser.Parse("placement", new PlacementTerms(), violations));
        Assert.Empty(violations.Found);
    }

    [Fact]
    public void Parse_FillsInTheWeight_OfPreferencesOnly()
    {
        var given = Terms.Placement();
        given.Affinity[1].Weight = 0;

        Assert.Equal(Terms.Placement(), PlacementTermsParser.Parse("placement", given, new Violations()));
    }

    [Fact]
    public void Parse_TheLargestOfEverything_IsSound()
    {
        var longest = new string('x', 63);
        var terms = new PlacementTerms();
        terms.HostSelector.AddRange(Enumerable.Range(0, 32).Select(
            n => Requirement($"key-{n}", LabelOperator.In, [longest, .. Enumerable.Range(0, 31).Select(value => $"v{value}")])));
        terms.HostSelector[0].Key = longest;
        for (var n = 0; n < 16; n++)
        {
            var term = new AffinityTerm { TopologyKey = longest, Weight = 100 };
            for (var label = 0; label < 16; label++)
            {
                term.GuestLabels[$"label-{label}"] = longest;
            }

            terms.Affinity.Add(term);
        }

        Assert.Empty(Fields(terms));
    }

    [Fact]
    public void Parse_NonsenseInEveryField_NamesEveryField()
    {
        var long64 = new string('x', 64);
        Assert.Equal(
            [
                "p.host_selector[0].key", "p.host_selector[0].operator", "p.host_selector[1].key", "p.host_selector[1].values",
                "p.host_selector[2].values", "p.host_selector[3].values[0]", "p.host_selector[4].operator", "p.host_selector[5].values",
                "p.affinity[0].guest_labels", "p.affinity[0].topology_key", "p.affinity[0].weight", "p.affinity[1].guest_labels[]",
                "p.affinity[1].weight",
            ],
            Fields(new PlacementTerms
            {
                HostSelector =
                {
                    new LabelRequirement(), Requirement(long64, LabelOperator.In), Requirement("a", LabelOperator.Exists, "b"),
                    Requirement("a", LabelOperator.NotIn, "x\0"), Requirement("a", (LabelOperator)9),
                    Requirement("b", LabelOperator.NotIn, [.. Enumerable.Range(0, 33).Select(n => $"{n}")]),
                },
                Affinity =
                {
                    new AffinityTerm { TopologyKey = long64, Weight = 101 },
                    new AffinityTerm { GuestLabels = { [""] = "" }, Required = true, Weight = 1 },
                },
            }));
    }

    [Fact]
    public void Parse_TooManyOfEverything_SaysSoOnceEach()
    {
        var terms = new PlacementTerms();
        terms.HostSelector.AddRange(Enumerable.Range(0, 500).Select(_ => new LabelRequirement { Key = "k", Operator = LabelOperator.Exists }));
        terms.Affinity.AddRange(Enumerable.Range(0, 500).Select(_ => new AffinityTerm { GuestLabels = { ["a"] = "b" } }));
        for (var n = 0; n < 17; n++)
        {
            terms.Affinity[0].GuestLabels[$"l{n}"] = "";
        }

        Assert.Equal(["p.host_selector", "p.affinity", "p.affinity[0].guest_labels"], Fields(terms));
    }

    public static TheoryData<string, LabelRequirement[], string[]> Selectors => new()
    {
        { "there and not there", [Requirement("k", LabelOperator.Exists), Requirement("k", LabelOperator.DoesNotExist)], ["p.host_selector[1]"] },
        { "a value and not there", [Requirement("k", LabelOperator.DoesNotExist), Requirement("k", LabelOperator.In, "a")], ["p.host_selector[0]"] },
        { "two values at once", [Requirement("k", LabelOperator.In, "a"), Requirement("k", LabelOperator.In, "b")], ["p.host_selector[1]"] },
        {
            "every value excluded",
            [Requirement("k", LabelOperator.NotIn, "a", "b"), Requirement("k", LabelOperator.In, "a"), Requirement("k", LabelOperator.Exists)],
            ["p.host_selector[0]"]
        },
        {
            "every value excluded bit by bit",
            [Requirement("k", LabelOperator.NotIn, "a"), Requirement("k", LabelOperator.In, "a", "b"), Requirement("k", LabelOperator.NotIn, "b")],
            ["p.host_selector[2]"]
        },
        { "absent or another value", [Requirement("k", LabelOperator.NotIn, "a"), Requirement("k", LabelOperator.DoesNotExist)], [] },
        { "one value is left", [Requirement("k", LabelOperator.In, "a", "b"), Requirement("k", LabelOperator.NotIn, "a")], [] },
        { "there with any value", [Requirement("k", LabelOperator.Exists), Requirement("k", LabelOperator.NotIn, "a")], [] },
        { "different labels", [Requirement("k", LabelOperator.Exists), Requirement("K", LabelOperator.DoesNotExist)], [] },
    };

    [Theory]
    [MemberData(nameof(Selectors))]
    public void Parse_SelectorThatNoHostSatisfies_IsRefused(string what, LabelRequirement[] selector, string[] fields)
    {
        Assert.NotEmpty(what);
        Assert.Equal(fields, Fields(new PlacementTerms { HostSelector = { selector } }));
    }

    [Theory]
    [InlineData("app=web", "rack", "app=web", "rack", true)]
    [InlineData("app=web", "", "app=web", "", true)]
    [InlineData("app=web,tier=1", "rack", "app=web", "rack", true)]
    [InlineData("app=web", "", "app=web", "rack", true)]
    [InlineData("app=web", "rack", "app=web,tier=1", "rack", false)]
    [InlineData("app=web", "rack", "app=web", "", false)]
    [InlineData("app=web", "rack", "app=web", "zone", false)]
    [InlineData("app=web", "rack", "app=db", "rack", false)]
    public void Parse_NearAndAwayFromTheSame_IsRefused(string near, string nearKey, string away, string awayKey, bool refused)
    {
        var terms = new PlacementTerms
        {
            Affinity =
            {
                new AffinityTerm { GuestLabels = { Labels(near) }, TopologyKey = nearKey, Required = true },
                new AffinityTerm { GuestLabels = { Labels(away) }, TopologyKey = awayKey, Required = true, Anti = true },
            },
        };
        Assert.Equal(refused ? ["p.affinity[1]"] : [], Fields(terms));

        terms.Affinity[0].Required = false;
        Assert.Empty(Fields(terms));
    }

    private static Dictionary<string, string> Labels(string text) =>
        text.Split(',').Select(pair => pair.Split('=')).ToDictionary(pair => pair[0], pair => pair[1]);

    private static List<string> Fields(PlacementTerms terms)
    {
        var violations = new Violations();
        PlacementTermsParser.Parse("p", terms, violations);
        return [.. violations.Found.Select(violation => violation.Field)];
    }
}
