namespace Orchestrator.Policy.Convergence.Predictive;

/// <summary>The numbers that a forecast stands on, at one moment. Bytes and seconds.</summary>
internal sealed record CopyNumbers
{
    // What a capped copy's switch-over can count on of a line that others use too.
    private const double LineShare = 0.9;

    /// <summary>RAM still to be sent of this pass.</summary>
    public required double Left { get; init; }

    /// <summary>Until this pass is over; infinite over a dead link.</summary>
    public double PassLeft => Link.Middle > 0 ? Left / Link.Middle : double.PositiveInfinity;

    /// <summary>Guest's own time since the last sync.</summary>
    public required double SinceSync { get; init; }

    /// <summary>What the next sync would find now besides <see cref="Left"/>.</summary>
    public required double DirtiedSinceSync { get; init; }

    /// <summary>Share of its time that the guest runs under the throttle that is on: 1 = unthrottled.</summary>
    public required double Pace { get; init; }

    public required LinkSpeed Link { get; init; }

    /// <summary>What the switch-over runs at, surely and at best.</summary>
    public required double SwitchOverLow { get; init; }

    public required double SwitchOverHigh { get; init; }

    /// <summary>
    /// By how much an engine's own window of 100 ms may lie above what the line surely carries; 1 = not at all. A window of a fifth of the
    /// length strays by the root of five more.
    /// </summary>
    public double Steadiness => Capped || Link.Middle <= 0
        ? 1
        : Math.Clamp(SwitchOverLow / (Link.Middle + (2.2 * Math.Max(0, Link.Middle - SwitchOverLow))), 0.1, 1);

    /// <summary>The copy is capped and the line's honest rate is known.</summary>
    public required bool Capped { get; init; }

    /// <summary>The devices' share of a switch-over: at least, and as it stands.</summary>
    public required double DevicesLow { get; init; }

    public required double DevicesHigh { get; init; }

    /// <summary>What devices' state can at best go at: it passes no search for zero pages, so the line may carry more of it than of RAM.</summary>
    public required double DeviceRateHigh { get; init; }

    public required double OverheadTypical { get; init; }

    public required double OverheadHigh { get; init; }

    public required double Budget { get; init; }

    /// <summary>Until the deadline; infinite when there is none.</summary>
    public required double TimeLeft { get; init; }

    /// <summary>RAM that may remain at the switch-over so that it surely keeps the budget. Not above zero when nothing may.</summary>
    public double Enough => ((Budget - OverheadHigh) * SwitchOverLow) - DevicesHigh;

    /// <summary>The same by the hopeful ends of all bands: more than that cannot be within the budget.</summary>
    public double EnoughAtBest => (Budget - OverheadTypical - DevicesAtBest) * SwitchOverHigh;

    /// <summary>What the limit may at most be: the budget less what no limit covers.</summary>
    public double LimitCap => Math.Max(0.001, Budget - OverheadHigh);

    public double DowntimeHigh(double ram) => SwitchOverLow > 0 ? OverheadHigh + ((ram + DevicesHigh) / SwitchOverLow) : double.PositiveInfinity;

    public double DowntimeLow(double ram) => SwitchOverHigh > 0 ? OverheadTypical + DevicesAtBest + (ram / SwitchOverHigh) : double.PositiveInfinity;

    private double DevicesAtBest => DevicesLow > 0 ? DevicesLow / DeviceRateHigh : 0;

    /// <returns>Null while no amount is known.</returns>
    public static CopyNumbers? Of(PredictiveMemory memory, ConvergenceMoment moment)
    {
        if (memory.Last is not { } last)
        {
            return null;
        }

        var (terms, reading, link) = (moment.Terms, moment.Reading, memory.Link);
        var at = reading.Elapsed.TotalSeconds;
        var line = terms.Document.Bandwidth.SwitchOver ?? terms.LineRate;
        var capped = reading.Cap is { BytesPerSecond: > 0 } cap && line is { } known && cap.BytesPerSecond < LineShare * known.BytesPerSecond;
        var pace = 1 - (reading.ThrottlePercent / 100.0);
        var sinceSync = memory.Sync is { } sync ? Math.Max(0, at - sync.At) * pace : 0;
        var share = memory.Devices.Bytes ?? memory.Devices.StopCopy;
        return new CopyNumbers
        {
            Left = Math.Max(0, last.Amount - (link.Middle * Math.Max(0, at - last.At))),
            SinceSync = sinceSync,
            DirtiedSinceSync = memory.Curve.At(sinceSync),
            Pace = pace,
            Link = link,
            SwitchOverLow = capped ? LineShare * line!.Value.BytesPerSecond : SurelyOf(link),
            SwitchOverHigh = capped ? line!.Value.BytesPerSecond : link.High,
            Capped = capped,
            DeviceRateHigh = Math.Max(1, Math.Max(link.High, line?.BytesPerSecond ?? 0)),
            DevicesLow = memory.Devices.StopCopy,
            DevicesHigh = Math.Max(share, memory.Devices.StopCopy),
            OverheadTypical = terms.Overhead.Typical.TotalSeconds,
            OverheadHigh = terms.Overhead.High.TotalSeconds,
            Budget = terms.Budget.TotalSeconds,
            TimeLeft = terms.Deadline is { } deadline ? Math.Max(0, deadline.TotalSeconds - at) : double.PositiveInfinity,
        };
    }

    /// <summary>Two standard deviations below the middle, which a quartile range of 1.35 of them gives; never less than three tenths of it.</summary>
    private static double SurelyOf(LinkSpeed link) =>
        Math.Max(0.3 * link.Middle, Math.Min(link.Low, link.Middle - (1.5 * (link.High - link.Low))));
}
