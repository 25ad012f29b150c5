using Orchestrator.Lab.Peers.KubeVirt;

namespace Orchestrator.Lab.Tests.Peers.KubeVirt;

public class DowntimeRampTests
{
    [Theory]
    [InlineData(900, "150@0 257@10 364@20 471@30 578@40 685@50 792@60 899@70 900@80")]
    [InlineData(1050, "150@0 278@10 406@20 534@30 662@40 790@50 918@60 1046@70 1050@80")]
    [InlineData(100, "100@0")]
    public void Ramp_ClimbsEveryTenSecondsToItsCeiling(long ceiling, string expected) =>
        Assert.Equal(expected, Tune(new DowntimeRamp(ceiling), untilSeconds: 200, passesAt: _ => 3));

    [Fact]
    public void Ramp_WaitsForTheThirdPass() =>
        Assert.Equal("150@0 257@45 364@55", Tune(new DowntimeRamp(900), untilSeconds: 60, passesAt: second => second < 45 ? 2 : 3));

    private static string Tune(DowntimeRamp ramp, int untilSeconds, Func<int, int> passesAt)
    {
        var controls = new RecordedControls();
        for (var second = 0; second <= untilSeconds; second++)
        {
            controls.Now = TimeSpan.FromSeconds(second);
            ramp.Tune(Script.View(controls.Now, passes: passesAt(second)), controls);
        }

        return controls.Said;
    }
}
