using Google.Protobuf.WellKnownTypes;
using Orchestrator.Policy.Convergence;

namespace Orchestrator.PolicyMessages;

/// <summary>Words what predictive pacing expects and what else it could have done.</summary>
internal static class ForecastMessage
{
    // The longest that a Duration can say. What takes longer, such as all memory over an idle link, takes forever.
    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(Duration.MaxSeconds);

    public static V1.Forecast Of(Forecast forecast) => new()
    {
        Sound = forecast.Sound,
        BandwidthLowBytesPerSecond = Count(forecast.BandwidthLow.BytesPerSecond),
        BandwidthHighBytesPerSecond = Count(forecast.BandwidthHigh.BytesPerSecond),
        FloorLowBytes = Count(forecast.FloorLow.Bytes),
        FloorHighBytes = Count(forecast.FloorHigh.Bytes),
        DowntimeLow = Time(forecast.DowntimeLow),
        DowntimeHigh = Time(forecast.DowntimeHigh),
        TimeLow = Arrival(forecast.TimeLow),
        TimeHigh = Arrival(forecast.TimeHigh),
        Overhead = Time(forecast.Overhead),
    };

    public static V1.Alternative Of(Alternative alternative) => new()
    {
        Action = alternative.Action,
        ThrottlePercent = (uint)Math.Clamp(alternative.ThrottlePercent, 0, 99),
        Fits = alternative.Fits,
        DowntimeLow = Time(alternative.DowntimeLow),
        DowntimeHigh = Time(alternative.DowntimeHigh),
        Time = Arrival(alternative.Time),
        Verdict = alternative.Verdict,
    };

    private static Duration? Arrival(TimeSpan? time) => time is { } known && known < s_longest ? Time(known) : null;

    private static Duration Time(TimeSpan time) =>
        (time < TimeSpan.Zero ? TimeSpan.Zero : time > s_longest ? s_longest : time).ToDuration();

    private static ulong Count(long value) => (ulong)Math.Max(0, value);
}
