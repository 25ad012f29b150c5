using Orchestrator.Policy.Convergence.Predictive;

namespace Orchestrator.Policy.Tests.Convergence.Predictive;

/// <summary>Numbers of a copy as a test wants them: a link of 1 GB/s, a budget of 300 ms of which 20 to 50 go for the switch-over itself.</summary>
internal static class Numbers
{
    public const double Gigabyte = 1e9;

    public static CopyNumbers Of(double left, double bandwidth = Gigabyte) => new()
    {
        Left = left,
        SinceSync = 0,
        DirtiedSinceSync = 0,
        Pace = 1,
        Link = Link(bandwidth, bandwidth, bandwidth),
        SwitchOverLow = bandwidth,
        SwitchOverHigh = bandwidth,
        Capped = false,
        DevicesLow = 0,
        DevicesHigh = 0,
        DeviceRateHigh = bandwidth,
        OverheadTypical = 0.02,
        OverheadHigh = 0.05,
        Budget = 0.3,
        TimeLeft = double.PositiveInfinity,
    };

    public static LinkSpeed Link(params double[] windows) => new() { Windows = windows, Best = windows.Max() };

    /// <summary>As one hot set would be measured.</summary>
    public static DirtyCurve Curve(double size, double rate)
    {
        var curve = new DirtyCurve();
        for (var interval = 0.01; interval < 200; interval *= 2.4)
        {
            curve = curve.Add(interval, OneSet(size, rate, interval), 1);
        }

        return curve;
    }

    public static double OneSet(double size, double rate, double interval) => size * (1 - Math.Exp(-rate * interval / size));

    /// <summary>Passes are honest, and the first one is over.</summary>
    public static PredictiveMemory Memory(DirtyCurve curve) => new()
    {
        Curve = curve,
        Sync = new SyncMark(10, 2, 1e9, true),
        Last = new AmountMark(10, 1e9, 0, true),
        FirstPassSeconds = 8,
    };
}
