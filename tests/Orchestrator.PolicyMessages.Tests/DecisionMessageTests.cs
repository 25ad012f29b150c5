using Google.Protobuf;
using Orchestrator.Policy;
using Orchestrator.Policy.Convergence;
using Orchestrator.V1;
using Alternative = Orchestrator.Policy.Convergence.Alternative;
using Forecast = Orchestrator.Policy.Convergence.Forecast;

namespace Orchestrator.PolicyMessages.Tests;

public class DecisionMessageTests
{
    [Fact]
    public void Of_APredictedDecision_CarriesWhatWasExpectedAndWhatElseWasPossible()
    {
        var decision = DecisionMessage.Of(Step(s_forecast), Reading());

        Assert.True(decision.Forecast.Sound);
        Assert.Equal((10UL, 20UL), (decision.Forecast.BandwidthLowBytesPerSecond, decision.Forecast.BandwidthHighBytesPerSecond));
        Assert.Equal((30UL, 40UL), (decision.Forecast.FloorLowBytes, decision.Forecast.FloorHighBytes));
        Assert.Equal((0.05, 0.06), (Seconds(decision.Forecast.DowntimeLow), Seconds(decision.Forecast.DowntimeHigh)));
        Assert.Equal((7, null, 0.008), (Seconds(decision.Forecast.TimeLow), Seconds(decision.Forecast.TimeHigh), Seconds(decision.Forecast.Overhead)));
        var alternative = Assert.Single(decision.Alternatives);
        Assert.Equal(("throttle", 40u, true, "chosen"), (alternative.Action, alternative.ThrottlePercent, alternative.Fits, alternative.Verdict));
        Assert.Equal((0.1, 0.2, null), (Seconds(alternative.DowntimeLow), Seconds(alternative.DowntimeHigh), Seconds(alternative.Time)));
    }

    [Fact]
    public void Of_TimesBeyondWhatAMessageSays_AreForeverOrItsLongest()
    {
        var decision = DecisionMessage.Of(
            Step(s_forecast with { TimeLow = TimeSpan.MaxValue, DowntimeHigh = TimeSpan.MaxValue, DowntimeLow = TimeSpan.FromSeconds(-1) }), Reading());

        Assert.Null(decision.Forecast.TimeLow);
        Assert.Equal(0, Seconds(decision.Forecast.DowntimeLow));

        // A message that is out of range cannot be written as JSON, which is how the record keeps it.
        Assert.Equal(decision, JsonParser.Default.Parse<Decision>(JsonFormatter.Default.Format(decision)));
    }

    [Fact]
    public void Read_ALimitWithTheLinksRate_HasBoth()
    {
        var limit = new ConvergenceDecision.SetDowntimeLimit(TimeSpan.FromMilliseconds(5), new DataRate(6));

        Assert.Equal(limit, DecisionMessage.Read(DecisionMessage.Of(new ConvergenceStep(s_state, limit, null), Reading())));
    }

    private static readonly ConvergenceState s_state = new() { Limit = TimeSpan.Zero };

    private static readonly Forecast s_forecast = new()
    {
        Sound = true,
        BandwidthLow = new DataRate(10),
        BandwidthHigh = new DataRate(20),
        FloorLow = new DataSize(30),
        FloorHigh = new DataSize(40),
        DowntimeLow = TimeSpan.FromMilliseconds(50),
        DowntimeHigh = TimeSpan.FromMilliseconds(60),
        TimeLow = TimeSpan.FromSeconds(7),
        TimeHigh = null,
        Overhead = TimeSpan.FromMilliseconds(8),
    };

    private static ConvergenceStep Step(Forecast forecast) => new(
        s_state,
        new ConvergenceDecision.StartThrottle(40, 10, 40),
        new Explanation("rule", "reason", new Dictionary<string, string>())
        {
            Forecast = forecast,
            Alternatives =
                [new Alternative("throttle", 40, true, TimeSpan.FromMilliseconds(100), TimeSpan.FromMilliseconds(200), null, "chosen")],
        });

    private static ConvergenceReading Reading() => new()
    {
        Sequence = 1,
        Elapsed = TimeSpan.Zero,
        Activity = Policy.Convergence.EngineActivity.PreCopy,
        RamTotal = DataSize.Zero,
        Fresh = Policy.Convergence.ReadingNumber.None,
    };

    private static double? Seconds(Google.Protobuf.WellKnownTypes.Duration? duration) => duration?.ToTimeSpan().TotalSeconds;
}
