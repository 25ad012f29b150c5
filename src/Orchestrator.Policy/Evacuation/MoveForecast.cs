namespace Orchestrator.Policy.Evacuation;

/// <summary>What one guest's migration is expected to send and cost, by its size and the dirtying that was reported.</summary>
/// <param name="Downtime">Null when nobody has measured the guest's dirtying.</param>
/// <param name="Converges">False: by the reported rate, pre-copy alone will not get below the downtime.</param>
internal sealed record MoveForecast(DataSize Bytes, TimeSpan? Downtime, bool Converges)
{
    // Of guests that nobody has measured: what the dirtying adds, as a share of memory.
    private const double UnknownOverhead = 0.08;

    // A pass that leaves more than this share of what it sent does not lead anywhere.
    private const double NoProgress = 0.95;
    private const int MostPasses = 30;

    /// <summary>What links are taken for whose speed nobody knows: 10 Gb/s.</summary>
    internal static DataRate AssumedLink => new(1_250_000_000);

    /// <summary>What cannot be sent while the guest runs: CPUs and small devices, and the hand-over itself.</summary>
    private static TimeSpan HandOver => TimeSpan.FromMilliseconds(30);

    /// <param name="rate">What the transfer gets when it has the links to itself.</param>
    public static MoveForecast Of(GuestFacts guest, TimeSpan maxDowntime, DataRate rate)
    {
        if (guest.Activity is not GuestActivity.Running)
        {
            return new(guest.Memory, HandOver, Converges: true);
        }

        if (guest.DirtyRate is not { } dirtying)
        {
            return new(Scaled(guest.Memory, 1 + UnknownOverhead), null, Converges: true);
        }

        var speed = (double)Math.Max(1, rate.BytesPerSecond);
        var (left, sent) = ((double)guest.Memory.Bytes, 0.0);
        for (var pass = 0; pass < MostPasses; pass++)
        {
            sent += left;
            var dirtied = Math.Min(guest.Memory.Bytes, dirtying.BytesPerSecond * left / speed);
            if (dirtied / speed <= maxDowntime.TotalSeconds)
            {
                return new(Rounded(sent + dirtied), HandOver + TimeSpan.FromSeconds(dirtied / speed), Converges: true);
            }

            // What the policy does then (throttle, pause, post-copy) costs about the rest once more.
            if (dirtied > NoProgress * left)
            {
                return new(Rounded(sent + (2 * dirtied)), maxDowntime, Converges: false);
            }

            left = dirtied;
        }

        return new(Rounded(sent + left), maxDowntime, Converges: false);
    }

    private static DataSize Scaled(DataSize size, double factor) => Rounded(size.Bytes * factor);

    private static DataSize Rounded(double bytes) => new((long)Math.Min(bytes, long.MaxValue / 2));
}
