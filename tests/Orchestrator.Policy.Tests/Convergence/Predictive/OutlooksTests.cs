using Orchestrator.Policy.Convergence.Predictive;
using static Orchestrator.Policy.Tests.Convergence.Predictive.Numbers;

namespace Orchestrator.Policy.Tests.Convergence.Predictive;

public class OutlooksTests
{
    // 250 ms of 1 GB/s may be left.
    private const double Small = 0.1e9;

    [Fact]
    public void AsItIs_ASlowGuest_IsSure()
    {
        var outlook = Look(Curve(4e9, 0.1e9), Of(2e9));

        Assert.Equal(Prospect.Sure, outlook.Prospect);
        Assert.True(outlook.Fits && outlook.Sound);
        Assert.Equal(2, outlook.TimeMiddle!.Value, 0.2);
    }

    [Fact]
    public void AsItIs_AHotSetLargerThanTheBudgetThatOutrunsTheLink_IsHopeless()
    {
        var outlook = Look(Curve(2e9, 3e9), Of(2e9));

        Assert.Equal(Prospect.Hopeless, outlook.Prospect);
        Assert.InRange(outlook.FloorLow, 1e9, 2e9);
        Assert.Null(outlook.TimeLow);
    }

    [Fact]
    public void AsItIs_AHotSetThatFitsTheBudget_IsSureHoweverFastItIsWritten() =>
        Assert.Equal(Prospect.Sure, Look(Curve(Small, 50e9), Of(2e9)).Prospect);

    [Fact]
    public void AsItIs_AnUnsteadyLink_IsLikelyOrUnlikelyInBetween()
    {
        // 0.93 GB/s are written: over 0.9 GB/s it comes to rest, over 1 and 1.2 it does not.
        var curve = Curve(8e9, 0.93e9);
        var uneven = Of(2e9) with { Link = Link(0.8e9, 1e9, 1.1e9), SwitchOverLow = 0.8e9, SwitchOverHigh = 1.1e9 };
        var mostlySlow = Of(2e9) with { Link = Link(0.8e9, 0.85e9, 1.2e9), SwitchOverLow = 0.8e9, SwitchOverHigh = 1.2e9 };

        Assert.Equal(Prospect.Likely, Look(curve, uneven).Prospect);
        Assert.Equal(Prospect.Unlikely, Look(curve, mostlySlow).Prospect);
    }

    [Fact]
    public void AsItIs_DevicesAboveTheBudget_NothingOfRamMatters() =>
        Assert.Equal(Prospect.DevicesTooLarge, Look(Curve(Small, 1e8), Of(2e9) with { DevicesLow = 0.4e9, DevicesHigh = 0.4e9 }).Prospect);

    [Fact]
    public void AsItIs_MoreThanTheLinkCarriesBeforeTheDeadline_IsTooLate()
    {
        Assert.Equal(Prospect.TooLate, Look(Curve(Small, 1e8), Of(20e9) with { TimeLeft = 10 }).Prospect);

        // It gets there, but only in 8 + 4 + 2 + 1 s.
        Assert.Equal(Prospect.TooLate, Look(Curve(100e9, 0.5e9), Of(8e9) with { TimeLeft = 10 }).Prospect);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void AsItIs_FewerThanTwoWindows_IsUnknown(int windows)
    {
        var link = new LinkSpeed { Windows = [.. Enumerable.Repeat(1e9, windows)] };

        Assert.Equal(Prospect.Unknown, Look(Curve(2e9, 3e9), Of(2e9) with { Link = link }).Prospect);
        Assert.Equal(Prospect.Unknown, Look(Curve(Small, 1e8), Of(2e9) with { Link = link, DevicesLow = 9e9, TimeLeft = 0 }).Prospect);
    }

    [Fact]
    public void AsItIs_NothingKnownOfTheGuest_IsUnknown() => Assert.Equal(Prospect.Unknown, Look(new DirtyCurve(), Of(2e9)).Prospect);

    [Fact]
    public void AsItIs_PassesSayNothing_TheLevelAtRestIsTheFloor()
    {
        var resting = new LevelTrack { Low = 1e9, Resting = 2, Seen = 3 };
        var once = resting with { Resting = 1 };
        var falling = new LevelTrack { Low = 1e9, Fall = 0.5e9, Seen = 3 };

        Assert.Equal(Prospect.Hopeless, Level(resting, Of(1e9)).Prospect);
        Assert.Equal(Prospect.Unknown, Level(once, Of(1e9)).Prospect);
        Assert.Equal(Prospect.Unknown, Level(falling, Of(1e9)).Prospect);
        Assert.Equal(Prospect.Sure, Level(falling, Of(0.2e9)).Prospect);
        Assert.Equal(Prospect.TooLate, Level(falling, Of(4e9) with { TimeLeft = 6 }).Prospect);
    }

    [Theory]
    [InlineData(2e9, 2e9)]
    [InlineData(8e9, 1.2e9)]
    [InlineData(1e9, 10e9)]
    [InlineData(0.5e9, 3e9)]
    public void Throttled_IsTheLeastPercentThatIsEnough(double size, double rate)
    {
        var (memory, numbers) = (Memory(Curve(size, rate)), Of(2e9));

        var sized = Outlooks.Throttled(memory, numbers, 0, 99, hopeful: false);

        Assert.NotNull(sized);
        Assert.True(IsEnough(sized.Value.Percent), $"{sized.Value.Percent} % is not enough");
        Assert.False(IsEnough(sized.Value.Percent - 1), $"{sized.Value.Percent - 1} % is enough too");

        bool IsEnough(int percent)
        {
            var path = CopyPath.Follow(
                numbers, memory.Curve.At, 1 - (percent / 100.0), numbers.Link.Middle, 0.03, new PathPoint[CopyPath.MostPasses]);
            return path.TimeTo(0.9 * numbers.Enough) is not null;
        }
    }

    [Fact]
    public void Throttled_NotEnoughWithTheMost_IsNone()
    {
        var (memory, numbers) = (Memory(Curve(8e9, 10e9)), Of(2e9));

        Assert.Null(Outlooks.Throttled(memory, numbers, 0, 50, hopeful: false));
        Assert.Null(Outlooks.Throttled(memory, numbers, 80, 80, hopeful: false));
    }

    [Fact]
    public void Throttled_BeforeTheDeadline_NeedsMoreThanWithoutOne()
    {
        var memory = Memory(Curve(100e9, 1.2e9));

        var free = Outlooks.Throttled(memory, Of(8e9), 0, 99, hopeful: false);
        var pressed = Outlooks.Throttled(memory, Of(8e9) with { TimeLeft = 11 }, 0, 99, hopeful: false);

        Assert.True(pressed!.Value.Percent > free!.Value.Percent + 10, $"{free} {pressed}");
        Assert.True(pressed.Value.Time < 11);
    }

    [Fact]
    public void Enough_IsWhatTheBudgetLeavesAfterOverheadAndDevices()
    {
        var numbers = Of(1e9) with { DevicesLow = 0.1e9, DevicesHigh = 0.15e9 };

        Assert.Equal(0.1e9, numbers.Enough, 1);
        Assert.Equal(0.18e9, numbers.EnoughAtBest, 1);
        Assert.Equal(0.25, numbers.LimitCap, 1e-9);
        Assert.Equal(0.3, numbers.DowntimeHigh(0.1e9), 1e-9);
        Assert.Equal(0.22, numbers.DowntimeLow(0.1e9), 1e-9);
    }

    private static Outlook Look(DirtyCurve curve, CopyNumbers numbers) => Outlooks.AsItIs(Memory(curve), numbers, 10);

    private static Outlook Level(LevelTrack level, CopyNumbers numbers) =>
        Outlooks.AsItIs(new PredictiveMemory { Level = level, Last = new AmountMark(10, numbers.Left, 0, true) }, numbers, 10);
}
