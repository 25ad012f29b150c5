using FsCheck;
using FsCheck.Fluent;
using Orchestrator.Policy.Admission;

namespace Orchestrator.Policy.Tests.Admission;

public class WeightedSharesTests
{
    private const double None = double.PositiveInfinity;

    [Fact]
    public void Of_OneLink_SharesByWeight() =>
        AssertShares([750, 250], [1000], new Flow(3, 0, None, [0]), new Flow(1, 0, None, [0]));

    [Fact]
    public void Of_ACappedFlow_LeavesTheRestToTheOthers() =>
        AssertShares([100, 450, 450], [1000], new Flow(1, 0, 100, [0]), new Flow(1, 0, None, [0]), new Flow(1, 0, None, [0]));

    [Fact]
    public void Of_TwoLinks_TheTighterOneDecides() =>
        AssertShares([200, 200, 800], [400, 1000], new Flow(1, 0, None, [0, 1]), new Flow(1, 0, None, [0]), new Flow(1, 0, None, [1]));

    [Fact]
    public void Of_AFloor_IsKeptBesideAHeavyNeighbour() =>
        AssertShares([100, 900], [1000], new Flow(1, 100, None, [0]), new Flow(1000, 100, None, [0]));

    [Fact]
    public void Of_FloorsThatDoNotFit_AreCutAlike() =>
        AssertShares([500, 500], [1000], new Flow(1, 800, None, [0]), new Flow(1000, 800, None, [0]));

    [Fact]
    public void Of_NothingThatLimits_IsNoLimit()
    {
        Assert.Equal([null, 70L], WeightedShares.Of([new Flow(1, 1, None, []), new Flow(1, 1, 70.0001, [])], []));
        Assert.Empty(WeightedShares.Of([], [1000]));
    }

    [Fact]
    public void Of_AnyFlows_NoLinkIsExceededAndNoShareCanRise() => Check.One(
        Drawing.Of(1000),
        Prop.ForAll(s_drawn.ToArbitrary(), drawn =>
        {
            var (links, flows) = drawn;
            var shares = WeightedShares.Of(flows, links).Select(share => share ?? None).ToList();
            var used = links.Select((_, link) => flows.Select((flow, i) => flow.Links.Contains(link) ? shares[i] : 0).Sum()).ToList();
            for (var link = 0; link < links.Length; link++)
            {
                Assert.True(used[link] <= links[link], $"link {link} carries {used[link]} of {links[link]}");
            }

            for (var i = 0; i < flows.Length; i++)
            {
                var flow = flows[i];
                Assert.True(shares[i] <= flow.Cap);
                if (shares[i] >= flow.Cap - Slack(flow.Cap))
                {
                    continue;
                }

                // Not at its cap: one of its links is full, and nobody there has more for his weight, but for his floor.
                Assert.Contains(flow.Links, link =>
                    used[link] >= links[link] - flows.Length - Slack(links[link])
                    && flows.Select((other, j) => (other, j)).Where(entry => entry.other.Links.Contains(link)).All(entry =>
                        shares[entry.j] / entry.other.Weight <= (shares[i] / flow.Weight) + 2 + Slack(shares[i])
                        || shares[entry.j] <= entry.other.Floor));
            }
        }));

    private static readonly Gen<(double[] Links, Flow[] Flows)> s_drawn =
        from linkCount in Gen.Choose(1, 6)
        from links in Gen.ArrayOf(Gen.Choose(1000, 1_000_000), linkCount)
        from flows in Gen.ArrayOf(
            from weight in Gen.Choose(1, 1000)
            from floor in Gen.Choose(0, 100_000)
            from cap in Gen.Choose(0, 1_000_000)
            from first in Gen.Choose(0, linkCount - 1)
            from second in Gen.Choose(0, linkCount - 1)
            select new Flow(weight, floor, cap < 300_000 ? None : cap, [.. new[] { first, second }.Distinct()]))
        select (links.Select(link => (double)link).ToArray(), flows);

    private static double Slack(double value) => double.IsFinite(value) ? 1 + (value * 1e-9) : 0;

    private static void AssertShares(long[] expected, double[] links, params Flow[] flows)
    {
        var shares = WeightedShares.Of(flows, links);
        Assert.Equal(expected.Length, shares.Length);
        Assert.All(expected.Zip(shares), pair => Assert.InRange(pair.Second ?? -1, pair.First - 1, pair.First));
    }
}
