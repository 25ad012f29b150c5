namespace Orchestrator.Policy.Convergence.Predictive;

/// <summary>Says what the forecast is and why that was concluded, as one colleague to another.</summary>
internal static class Words
{
    public static string Fits(Outlook outlook)
    {
        var numbers = outlook.Numbers;
        var target = $"{Size(outlook.Target)} of RAM";
        var devices = numbers.DevicesHigh > 0 ? $" and {Size(numbers.DevicesHigh)} of devices' state" : "";
        var when = outlook.TimeMiddle is > 0.05 and { } time ? $" in about {Seconds(time)} s" : " now";
        return $"the copy gets down to {target}{devices}{when}, "
            + $"which is {Milliseconds(numbers.DowntimeLow(outlook.Target))} to {Milliseconds(numbers.DowntimeHigh(outlook.Target))} ms of downtime "
            + $"at {Rate(numbers.SwitchOverLow)} with {Milliseconds(numbers.OverheadTypical)} to {Milliseconds(numbers.OverheadHigh)} ms for the switch-over itself; "
            + "waiting for less would cost more time than it saves";
    }

    public static string Widest(Outlook outlook) =>
        $"{Doubt(outlook)}, so the limit is as wide as the budget allows while that is made sure of";

    public static string Because(Outlook outlook, List<Alternative> weighed)
    {
        var chosen = weighed[^1];
        var passedOver = string.Concat(weighed.Skip(1).SkipLast(1).Select(option => $"; {Name(option.Action)} was passed over, as {option.Verdict}"));
        var helps = chosen.Action is "abort" ? "" : $"; {chosen.Verdict}";
        return $"{Doubt(outlook)}{passedOver}{helps}";
    }

    public static Explanation Explain(
        ConvergenceMoment moment, string rule, string text, Outlook outlook, IReadOnlyList<Alternative> weighed)
    {
        var numbers = outlook.Numbers;
        (string Name, string Value)[] inputs =
        [
            ("prospect", outlook.Prospect.ToString()),
            ("floor_low_bytes", Figure.Count((long)Bound(outlook.FloorLow))),
            ("floor_high_bytes", Figure.Count((long)Bound(outlook.FloorHigh))),
            ("enough_bytes", Figure.Count((long)Bound(numbers.Enough))),
            ("bandwidth_low_bytes_per_second", Figure.Count((long)Bound(numbers.Link.Low))),
            ("bandwidth_high_bytes_per_second", Figure.Count((long)Bound(numbers.Link.High))),
            ("switchover_low_bytes_per_second", Figure.Count((long)Bound(numbers.SwitchOverLow))),
            ("overhead_typical_ms", Milliseconds(numbers.OverheadTypical)),
            ("overhead_high_ms", Milliseconds(numbers.OverheadHigh)),
        ];
        return Explaining.Explain(moment, rule, text, inputs) with { Forecast = outlook.ToForecast(), Alternatives = weighed };
    }

    private static string Doubt(Outlook outlook)
    {
        var numbers = outlook.Numbers;
        return outlook.Prospect switch
        {
            Prospect.DevicesTooLarge =>
                $"what the devices can send only when stopped, {Size(numbers.DevicesLow)}, alone means {Milliseconds(numbers.DowntimeLow(0))} ms of downtime at {Rate(numbers.SwitchOverHigh)}",
            Prospect.TooLate =>
                $"{Size(numbers.Left)} remain, the link carries {Rate(numbers.Link.Low)} to {Rate(numbers.Link.High)}, and the deadline is {Seconds(numbers.TimeLeft)} s away",
            _ => $"pre-copy comes to rest at {Size(outlook.FloorLow)} to {Size(outlook.FloorHigh)} of RAM, "
                + $"{Milliseconds(numbers.DowntimeLow(outlook.FloorLow))} to {Milliseconds(numbers.DowntimeHigh(outlook.FloorHigh))} ms of downtime",
        };
    }

    private static string Name(string action) => action switch
    {
        "throttle" => "throttling",
        "pause" => "pausing",
        "post_copy" => "post-copy",
        _ => action,
    };

    private static double Bound(double value) => double.IsNaN(value) ? 0 : Math.Clamp(value, 0, 1e17);

    private static string Size(double bytes) => new DataSize((long)Bound(bytes)).ToString();

    private static string Rate(double bytesPerSecond) => new DataRate((long)Bound(bytesPerSecond)).ToString();

    private static string Milliseconds(double seconds) => Figure.Milliseconds(TimeSpan.FromMilliseconds(Math.Round(Math.Min(Bound(seconds), 1e9) * 1000)));

    private static string Seconds(double seconds) => Figure.Seconds(TimeSpan.FromSeconds(Math.Round(Math.Min(Bound(seconds), 1e9), 1)));
}
