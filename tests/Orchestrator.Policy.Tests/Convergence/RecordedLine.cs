using System.Globalization;
using Orchestrator.Policy.Convergence;

namespace Orchestrator.Policy.Tests.Convergence;

/// <summary>
/// One line of a recording, e.g. "12.5 pass=3 remaining=65 floor=0 expected=240 dirty=26 bandwidth=24 sent=812 -> Wait". Amounts in MiB and
/// MiB/s, times in s and ms. A number that is left out is absent, one with a "~" before it is not believed. Words: first (pass), lies (the
/// pass counter), paused, setup, switching.
/// </summary>
internal static class RecordedLine
{
    private const string Arrow = " -> ";

    public static string WithDecision(string line, string decision) => line.Split(Arrow)[0] + Arrow + decision;

    public static ConvergenceReading Parse(string line, int number)
    {
        var words = line.Split(Arrow)[0].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var numbers = words.Skip(1).Where(word => word.Contains('=')).Select(word => word.Split('='))
            .ToDictionary(pair => pair[0].TrimStart('~'), pair => (Value: Number(pair[1]), Fresh: pair[0][0] != '~'));
        return new ConvergenceReading
        {
            Sequence = number,
            Elapsed = TimeSpan.FromSeconds(Number(words[0])),
            Activity = words.Contains("setup") ? EngineActivity.Setup
                : words.Contains("switching") ? EngineActivity.SwitchingOver
                : EngineActivity.PreCopy,
            Pass = (int)(Given("pass") ?? 0),
            PassesHonest = !words.Contains("lies"),
            FirstPass = words.Contains("first"),
            RamTotal = DataSize.Zero,
            Remaining = Size("remaining"),
            StopCopy = Size("floor") ?? DataSize.Zero,
            Transferred = Size("sent"),
            Bandwidth = Rate("bandwidth"),
            SwitchOverBandwidth = Rate("bandwidth"),
            DirtyRate = Rate("dirty"),
            ExpectedDowntime = Given("expected") is { } milliseconds ? TimeSpan.FromMilliseconds(milliseconds) : null,
            GuestRunning = !words.Contains("paused"),
            PausedToConverge = words.Contains("paused"),
            Fresh = Fresh("pass", ReadingNumber.Pass) | Fresh("remaining", ReadingNumber.Remaining) | Fresh("floor", ReadingNumber.StopCopy)
                | Fresh("sent", ReadingNumber.Transferred) | Fresh("bandwidth", ReadingNumber.Bandwidth | ReadingNumber.SwitchOverBandwidth)
                | Fresh("dirty", ReadingNumber.DirtyRate) | Fresh("expected", ReadingNumber.ExpectedDowntime),
        };

        double? Given(string name) => numbers.TryGetValue(name, out var given) ? given.Value : null;

        DataSize? Size(string name) => Given(name) is { } mebibytes ? new DataSize(Bytes(mebibytes)) : null;

        DataRate? Rate(string name) => Given(name) is { } mebibytes ? new DataRate(Bytes(mebibytes)) : null;

        ReadingNumber Fresh(string name, ReadingNumber which) =>
            numbers.TryGetValue(name, out var given) && given.Fresh ? which : ReadingNumber.None;
    }

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);

    private static long Bytes(double mebibytes) => (long)Math.Min(mebibytes * 1024 * 1024, long.MaxValue);
}
