namespace Orchestrator.Policy.Convergence.Predictive;

/// <summary>
/// What the copy moves, in windows of half a second and more. A single window says little (a sync, a burst of zero pages, a neighbour), so
/// the quartiles of the last dozen are the band; two windows in a row far off it are a new regime, and what was before is forgotten.
/// </summary>
public sealed record LinkSpeed
{
    private const double ShortestWindow = 0.5;
    private const int MostWindows = 12;
    private const int FewestForChange = 3;

    // What lasts for fewer is a burst, and no link that may come back.
    private const int FewestForRegime = 4;

    // Neighbouring windows of a link in normal use differ by up to a third; beyond that, twice in a row, the link has changed.
    private const double Drop = 0.65;
    private const double Rise = 1.5;

    // More progress than bytes: zero pages, which say nothing about the link.
    private const double ZeroPages = 1.5;

    /// <summary>Bytes per second of the accepted windows, oldest first.</summary>
    public IReadOnlyList<double> Windows { get; init; } = [];

    /// <summary>The best median that a whole regime has had.</summary>
    public double Best { get; init; }

    public double ChangedAt { get; init; }

    /// <summary>Where the open window began: time, bytes sent, RAM remaining; null before the first reading.</summary>
    public double? OpenedAt { get; init; }

    public double OpenedSent { get; init; }

    public double OpenedAmount { get; init; }

    /// <summary>The lowest amount seen in the open window: near nothing, the engine ran dry and the window says nothing about the link.</summary>
    public double OpenedLow { get; init; }

    /// <summary>Two windows agree on something.</summary>
    public bool IsSound => Windows.Count >= 2;

    public double Low => Quantile(0.25);

    public double Middle => Quantile(0.5);

    public double High => Quantile(0.75);

    public LinkSpeed See(double at, double? sent, double? amount)
    {
        if (sent is not { } bytes)
        {
            return this;
        }

        var left = amount ?? OpenedLow;
        if (OpenedAt is not { } opened || bytes < OpenedSent || at < opened)
        {
            return Open(at, bytes, left);
        }

        var lasted = at - opened;
        if (lasted < ShortestWindow)
        {
            return left < OpenedLow ? this with { OpenedLow = left } : this;
        }

        var moved = bytes - OpenedSent;
        var rate = moved / lasted;
        var zeroPages = OpenedAmount - left > ZeroPages * moved && OpenedAmount - left > 0;
        var ranDry = Math.Min(OpenedLow, left) <= rate * ShortestWindow && Windows.Count > 0 && rate < Middle;
        return (zeroPages || ranDry ? this : Accept(rate, at)).Open(at, bytes, left);
    }

    /// <summary>The guest is stopped, or held: the open window would mix two things.</summary>
    public LinkSpeed Break() => OpenedAt is null ? this : this with { OpenedAt = null };

    private LinkSpeed Open(double at, double sent, double amount) =>
        this with { OpenedAt = at, OpenedSent = sent, OpenedAmount = amount, OpenedLow = amount };

    private LinkSpeed Accept(double rate, double at)
    {
        if (Windows.Count > FewestForChange)
        {
            var usual = Quantile(0.5, Windows.Count - 1);
            var before = Windows[^1];
            if ((rate < Drop * usual && before < Drop * usual) || (rate > Rise * usual && before > Rise * usual))
            {
                var best = Windows.Count > FewestForRegime ? Math.Max(Best, usual) : Best;
                return this with { Windows = [before, rate], ChangedAt = at, Best = best };
            }
        }

        double[] windows = Windows.Count < MostWindows ? [.. Windows, rate] : [.. Windows.Skip(1), rate];
        var next = this with { Windows = windows };
        return windows.Length > FewestForRegime && next.Middle > Best ? next with { Best = next.Middle } : next;
    }

    private double Quantile(double share) => Quantile(share, Windows.Count);

    private double Quantile(double share, int count)
    {
        if (count == 0)
        {
            return 0;
        }

        Span<double> sorted = stackalloc double[MostWindows];
        for (var index = 0; index < count; index++)
        {
            sorted[index] = Windows[index];
        }

        sorted = sorted[..count];
        sorted.Sort();
        var position = share * (count - 1);
        var below = (int)position;
        var above = Math.Min(below + 1, count - 1);
        return sorted[below] + ((sorted[above] - sorted[below]) * (position - below));
    }
}
