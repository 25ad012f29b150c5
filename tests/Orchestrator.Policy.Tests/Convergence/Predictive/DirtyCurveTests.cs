using FsCheck;
using FsCheck.Fluent;
using Orchestrator.Policy.Convergence.Predictive;

namespace Orchestrator.Policy.Tests.Convergence.Predictive;

public class DirtyCurveTests
{
    private const double Hot = 1e9;
    private const double Rate = 4e8;

    [Fact]
    public void At_OneHotSetSeenTwice_IsNearItFarBelowAndAbove()
    {
        var curve = Seen(OneSet, 1, 4);

        foreach (var interval in new[] { 0.05, 0.25, 0.5, 1, 2, 4 })
        {
            Assert.Equal(OneSet(interval), curve.At(interval), 0.07 * OneSet(interval));
        }

        // Four times beyond what was seen nothing says yet that the set is full.
        Assert.InRange(curve.At(16), OneSet(4), 2 * Hot);
    }

    [Fact]
    public void Read_OutsideOfThePoints_TheBandOpens()
    {
        var curve = Seen(OneSet, 1, 4);
        var slope = Math.Log(OneSet(4) / OneSet(1)) / Math.Log(4);

        Assert.Equal(OneSet(1) / 10, curve.Least(0.1), 1);
        Assert.Equal(OneSet(1) * Math.Pow(0.1, slope), curve.Most(0.1), 1);
        Assert.Equal(OneSet(4), curve.Least(40), 1);
        Assert.Equal(OneSet(4) * 10, curve.Most(40), 1);
        Assert.Equal(OneSet(4) * Math.Pow(10, slope), curve.At(40), 1);
    }

    [Fact]
    public void Read_OnePoint_TheBandIsFlatToProportional()
    {
        var curve = Seen(OneSet, 1);

        Assert.Equal((OneSet(1) / 2, OneSet(1)), (curve.Least(0.5), curve.Most(0.5)));
        Assert.Equal((OneSet(1), OneSet(1) * 2), (curve.Least(2), curve.Most(2)));
    }

    [Fact]
    public void Read_NothingSeenOrNoInterval_IsNothing()
    {
        Assert.Equal(0, new DirtyCurve().At(1));
        Assert.Equal(0, Seen(OneSet, 1).At(0));
        Assert.Equal(0, Seen(OneSet, 1).Most(-1));
        Assert.Equal(0, Seen(OneSet, 1).At(double.NaN));
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(-1, 1)]
    [InlineData(1, -1)]
    [InlineData(double.NaN, 1)]
    [InlineData(1, double.NaN)]
    [InlineData(double.PositiveInfinity, 1)]
    [InlineData(1, double.PositiveInfinity)]
    public void Add_NoObservation_ChangesNothing(double interval, double bytes)
    {
        var curve = Seen(OneSet, 1, 4);

        Assert.Same(curve, curve.Add(interval, bytes, 10));
    }

    [Fact]
    public void Add_TheSameInterval_MovesHalfTheWay()
    {
        var curve = new DirtyCurve().Add(1, 100, 1).Add(1, 120, 2);

        Assert.Equal(new DirtyPoint(1, 110, 2), Assert.Single(curve.Points));
        Assert.Equal(2, curve.Seen);
    }

    [Fact]
    public void Add_AContradiction_TheNewestWins()
    {
        // The guest writes less now, if not so much less that it is another phase: 4 s cannot have brought 400 when 2 s bring 120.
        var curve = new DirtyCurve().Add(1, 100, 1).Add(4, 400, 2).Add(2, 140, 3);

        Assert.Equal([1.0, 2], curve.Points.Select(point => point.Interval));
        Assert.Equal(0, curve.ChangedAt);
    }

    [Theory]
    [InlineData(1, 1000)]
    [InlineData(1, 10)]
    [InlineData(4, 10_000)]
    [InlineData(0.25, 1)]
    public void Add_FarOff_IsAnotherPhaseAndCountsAnew(double interval, double bytes)
    {
        var curve = new DirtyCurve().Add(1, 100, 1).Add(2, 150, 2).Add(interval, bytes, 7);

        Assert.Equal((7, 1), (curve.ChangedAt, curve.Seen));
        Assert.Contains(curve.Points, point => point.Interval == interval && point.Bytes == bytes);
        Assert.Equal(bytes, curve.At(interval), 1e-6 * bytes);
    }

    [Fact]
    public void Add_Often_KeepsTwelvePoints()
    {
        var curve = new DirtyCurve();
        for (var power = 0; power < 40; power++)
        {
            curve = curve.Add(Math.Pow(1.6, power), Math.Pow(1.6, power), power);
        }

        Assert.Equal(12, curve.Points.Count);
    }

    [Fact]
    public void Read_AnyMixOfHotSets_RisesNeverFasterThanInProportionWithinItsBand() => Check(Mixes(), mix =>
    {
        var curve = Seen(mix.Of, [.. mix.Intervals]);
        foreach (var (shorter, longer) in mix.Asked)
        {
            Assert.True(curve.At(shorter) <= curve.At(longer) * (1 + 1e-9), "it falls");
            Assert.True(curve.At(longer) / longer <= curve.At(shorter) / shorter * (1 + 1e-9), "it rises faster than in proportion");
            Assert.True(curve.Least(shorter) <= curve.At(shorter) * (1 + 1e-9) && curve.At(shorter) <= curve.Most(shorter) * (1 + 1e-9), "outside of its band");
        }
    });

    [Fact]
    public void Read_AnyObservations_IsANumber() => Check(
        Gen.ListOf(
            from interval in Gen.Elements(0, 1e-9, 0.1, 0.25, 1, 4, 100, 1e9, double.MaxValue)
            from bytes in Gen.Elements(0, 1, 4096, 1e9, 9e18, double.MaxValue)
            select (interval, bytes),
            30),
        observed =>
        {
            var curve = observed.Aggregate(new DirtyCurve(), (before, seen) => before.Add(seen.interval, seen.bytes, 1));
            Assert.True(curve.Points.Count <= 12);
            Assert.Equal(curve.Points.OrderBy(point => point.Interval), curve.Points);
            Assert.All(new[] { 1e-6, 0.1, 1, 1e6 }, interval =>
                Assert.False(double.IsNaN(curve.At(interval)) || double.IsNaN(curve.Least(interval)) || double.IsNaN(curve.Most(interval))));
        });

    private static double OneSet(double interval) => Hot * (1 - Math.Exp(-Rate * interval / Hot));

    private static DirtyCurve Seen(Func<double, double> of, params double[] intervals) =>
        intervals.Aggregate(new DirtyCurve(), (curve, interval) => curve.Add(interval, of(interval), 1));

    private static Gen<Mix> Mixes() =>
        from sets in Gen.NonEmptyListOf(
            from size in Gen.Choose(1, 10_000)
            from rate in Gen.Choose(1, 10_000)
            select (size * 1e6, rate * 1e6))
        from intervals in Gen.NonEmptyListOf(Gen.Choose(1, 20_000).Select(number => number / 1000.0))
        from asked in Gen.ListOf(
            from one in Gen.Choose(1, 100_000)
            from other in Gen.Choose(1, 100_000)
            select (Math.Min(one, other) / 1000.0, Math.Max(one, other) / 1000.0),
            10)
        select new Mix([.. sets], [.. intervals], [.. asked]);

    private static void Check<T>(Gen<T> gen, Action<T> property) => Prop.ForAll(Arb.From(gen), property).Check(Drawing.Of(300));

    private sealed record Mix(IReadOnlyList<(double Size, double Rate)> Sets, IReadOnlyList<double> Intervals, IReadOnlyList<(double, double)> Asked)
    {
        public double Of(double interval) => Sets.Sum(set => set.Size * (1 - Math.Exp(-set.Rate * interval / set.Size)));
    }
}
