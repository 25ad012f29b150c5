using Orchestrator.Bench.Agents;

namespace Orchestrator.Bench.Tests.Agents;

public class CopyModelTests
{
    private static readonly TimeSpan s_beat = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan s_limit = TimeSpan.FromMilliseconds(300);
    private static readonly TimeSpan s_meanPass = TimeSpan.FromSeconds(10);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(99)]
    public void AdvanceTo_ForTenMinutes_PassesGoByAndNothingIsEverDone(ulong seed)
    {
        var model = new CopyModel(CopyPlan.Drawn(seed, s_meanPass));
        var (transferred, pass) = (0UL, 1);
        for (var at = s_beat; at <= TimeSpan.FromMinutes(10); at += s_beat)
        {
            model.AdvanceTo(at, s_limit);

            Assert.InRange(model.RemainingBytes, (ulong)(model.Plan.BytesPerSecond * s_limit.TotalSeconds) - 1, model.Plan.RamBytes);
            Assert.True(model.TransferredBytes > transferred);
            Assert.InRange(model.Pass, pass, pass + 1);
            (transferred, pass) = (model.TransferredBytes, model.Pass);
        }

        // 0.6 to 1.4 times the mean, a tenth more or less from pass to pass.
        Assert.InRange(pass, 600 / 14.0 * 0.9, 600 / 6.0 * 1.2);
    }

    [Fact]
    public void AdvanceTo_InOneStepOrInMany_ComesToTheSame()
    {
        var plan = CopyPlan.Drawn(7, s_meanPass);
        var (leap, walk) = (new CopyModel(plan), new CopyModel(plan));

        leap.AdvanceTo(TimeSpan.FromMinutes(2), s_limit);
        for (var at = s_beat; at <= TimeSpan.FromMinutes(2); at += s_beat)
        {
            walk.AdvanceTo(at, s_limit);
        }

        Assert.Equal(leap.Pass, walk.Pass);
        Assert.InRange((double)walk.TransferredBytes / leap.TransferredBytes, 0.999_999, 1.000_001);
    }

    [Fact]
    public void AdvanceTo_WithALimitAboveEverything_StillGoesOn()
    {
        var model = new CopyModel(CopyPlan.Drawn(3, s_meanPass));

        model.AdvanceTo(TimeSpan.FromMinutes(1), TimeSpan.FromSeconds(2000));

        Assert.True(model.RemainingBytes > 0);
        Assert.True(model.Pass > 3);
    }

    [Fact]
    public void Drawn_FromAnotherSeed_IsAnotherCopy() =>
        Assert.NotEqual(CopyPlan.Drawn(1, s_meanPass) with { Seed = 0 }, CopyPlan.Drawn(2, s_meanPass) with { Seed = 0 });
}
