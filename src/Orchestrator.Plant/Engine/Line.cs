using Orchestrator.Plant.Description;

namespace Orchestrator.Plant.Engine;

/// <summary>What the link carries in each tenth of a second. The straying is a hash of the tenth's number, so that every run is the same.</summary>
internal sealed class Line(LinkDescription link)
{
    public const double Window = 0.1;

    // A link that is said to be dead carries nothing; one that merely strays never falls below this share.
    private const double LeastShare = 0.05;

    // Half the width of an even distribution, in units of its standard deviation.
    private const double HalfWidth = 1.7320508075688772;

    private long _window = -1;
    private double _rate;

    public double RateAt(double seconds)
    {
        var window = (long)Math.Floor((seconds / Window) + 1e-9);
        if (window == _window)
        {
            return _rate;
        }

        var rate = link.BytesPerSecond;
        foreach (var change in link.Changes)
        {
            rate *= change.At(window * Window);
        }

        if (link.Jitter > 0)
        {
            rate *= Math.Max(LeastShare, 1 + (link.Jitter * HalfWidth * ((2 * Chance.At(window)) - 1)));
        }

        (_window, _rate) = (window, rate);
        return rate;
    }

    /// <returns>How long so many bytes take from then on; infinite when they do not get through within an hour.</returns>
    public double TimeFor(double bytes, double from)
    {
        const double Longest = 3600;
        for (var at = from; bytes > 0 && at - from < Longest;)
        {
            var rate = RateAt(at);
            var end = (Math.Floor((at / Window) + 1e-9) + 1) * Window;
            if (rate * (end - at) >= bytes)
            {
                return at + (bytes / rate) - from;
            }

            bytes -= rate * (end - at);
            at = end;
        }

        return bytes <= 0 ? 0 : double.PositiveInfinity;
    }
}

/// <summary>Numbers that look drawn but are the same in every run.</summary>
internal static class Chance
{
    /// <summary>0 to 1, by the finalizer of SplitMix64.</summary>
    public static double At(long index)
    {
        var bits = (ulong)index * 0x9E3779B97F4A7C15;
        bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9;
        bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EB;
        return ((bits ^ (bits >> 31)) >> 11) * (1.0 / (1UL << 53));
    }
}
