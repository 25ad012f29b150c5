namespace Orchestrator.Policy.Convergence.Predictive;

/// <summary>What is to be expected of a copy when nothing is changed.</summary>
internal enum Prospect
{
    /// <summary>Too little is known yet.</summary>
    Unknown,

    /// <summary>It gets within the budget, by the hard end of the band.</summary>
    Sure,

    /// <summary>It does by the middle of the band.</summary>
    Likely,

    /// <summary>It does by the hopeful end alone.</summary>
    Unlikely,

    /// <summary>Not even by the hopeful end.</summary>
    Hopeless,

    /// <summary>What the devices can send only when stopped takes longer than the budget by itself.</summary>
    DevicesTooLarge,

    /// <summary>It does not get there before the deadline.</summary>
    TooLate,
}

/// <summary>What to expect of a copy as it stands, with the numbers that say so. Bytes and seconds.</summary>
internal sealed record Outlook(Prospect Prospect, CopyNumbers Numbers)
{
    public double FloorLow { get; init; }

    public double FloorHigh { get; init; }

    /// <summary>Until so little is left that the budget is kept; null = never.</summary>
    public double? TimeLow { get; init; }

    public double? TimeHigh { get; init; }

    public double? TimeMiddle { get; init; }

    /// <summary>The least amount worth waiting for: the next one would cost more time than it saves downtime.</summary>
    public double Target { get; init; }

    public bool Fits => Prospect is Prospect.Sure or Prospect.Likely;

    public bool Sound => Prospect is not Prospect.Unknown && Numbers.Link.IsSound;

    public Forecast ToForecast() => new()
    {
        Sound = Sound,
        BandwidthLow = Rate(Numbers.Link.Low),
        BandwidthHigh = Rate(Numbers.Link.High),
        FloorLow = Size(FloorLow + Numbers.DevicesLow),
        FloorHigh = Size(FloorHigh + Numbers.DevicesHigh),
        DowntimeLow = Time(Numbers.DowntimeLow(FloorLow)),
        DowntimeHigh = Time(Numbers.DowntimeHigh(FloorHigh)),
        TimeLow = TimeLow is { } low ? Time(low) : null,
        TimeHigh = TimeHigh is { } high ? Time(high) : null,
        Overhead = Time(Numbers.OverheadTypical),
    };

    /// <summary>Bounded so that whatever came in is a time.</summary>
    public static TimeSpan Time(double seconds) => TimeSpan.FromSeconds(double.IsNaN(seconds) ? 0 : Math.Clamp(seconds, 0, 1e9));

    private static DataRate Rate(double bytesPerSecond) => new((long)Math.Clamp(bytesPerSecond, 0, 1e15));

    private static DataSize Size(double bytes) => new((long)Math.Clamp(bytes, 0, 1e17));
}
