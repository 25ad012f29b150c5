using Google.Protobuf.WellKnownTypes;
using Orchestrator.Specs;
using Orchestrator.V1;

namespace Orchestrator.Cli.Migrations.Explaining;

/// <summary>What was expected and what else could have been done, in sentences.</summary>
internal static class ForecastText
{
    public static string Expected(Forecast forecast)
    {
        var floor = Range(QuantityText.Size(forecast.FloorLowBytes), QuantityText.Size(forecast.FloorHighBytes));
        var rate = Range(QuantityText.Rate(forecast.BandwidthLowBytesPerSecond), QuantityText.Rate(forecast.BandwidthHighBytesPerSecond));
        var overhead = forecast.Overhead is { } fixedPart ? $", {QuantityText.Duration(fixedPart)} of it however little is left" : "";
        return $"If nothing were changed: at {rate} the copy would get down to {floor}{Arrival(forecast)}."
            + $" Switching over there would take {Downtime(forecast.DowntimeLow, forecast.DowntimeHigh)}{overhead}."
            + (forecast.Sound ? "" : " These numbers do not agree well enough yet to act on.");
    }

    /// <summary>One sentence.</summary>
    public static string Of(Alternative alternative)
    {
        var verdict = alternative.Verdict.Length > 0 ? alternative.Verdict : alternative.Fits ? "not needed" : "does not fit";
        if (alternative.Action == "abort")
        {
            return $"Giving up: {verdict}.";
        }

        var result = alternative.DowntimeLow is null && alternative.DowntimeHigh is null ? ""
            : $", {Downtime(alternative.DowntimeLow, alternative.DowntimeHigh)} of downtime";
        var time = alternative.Time is { } known ? $", done in {QuantityText.Duration(known)}"
            : alternative.Fits ? ""
            : ", never done";
        return $"{Action(alternative)} would {(alternative.Fits ? "do" : "not be enough")}{result}{time}: {verdict}.";
    }

    private static string Action(Alternative alternative) => alternative.Action switch
    {
        "raise_downtime" => "Raising the downtime limit",
        "throttle" when alternative.ThrottlePercent > 0 => $"Slowing the guest by {alternative.ThrottlePercent} %",
        "throttle" => "Slowing the guest",
        "pause" => "Pausing the guest",
        "post_copy" => "Switching to post-copy",

        // A newer server may weigh what this program has no words for.
        var other => $"\"{other}\"",
    };

    private static string Arrival(Forecast forecast) => (forecast.TimeLow, forecast.TimeHigh) switch
    {
        (null, _) => ", but not in any foreseeable time",
        ({ } low, null) => $", in {QuantityText.Duration(low)} at best and perhaps never",
        ({ } low, { } high) => $" in {Range(QuantityText.Duration(low), QuantityText.Duration(high))}",
    };

    private static string Downtime(Duration? low, Duration? high) => (low, high) switch
    {
        (null, null) => "an unknown time",
        ({ } one, null) => QuantityText.Duration(one),
        (null, { } one) => QuantityText.Duration(one),
        ({ } least, { } most) => Range(QuantityText.Duration(least), QuantityText.Duration(most)),
    };

    /// <summary>"60 MiB to 70 MiB", or "60 to 70 MiB" where the unit is the same, or one where they are.</summary>
    private static string Range(string low, string high)
    {
        if (low == high)
        {
            return low;
        }

        var (lowParts, highParts) = (low.Split(' '), high.Split(' '));
        return lowParts.Length == 2 && highParts.Length == 2 && lowParts[1] == highParts[1]
            ? $"{lowParts[0]} to {high}"
            : $"{low} to {high}";
    }
}
