namespace Orchestrator.Plant.Engine;

/// <summary>
/// QEMU's calc-dirty-rate with page-sampling: some pages are looked at twice, and the share of them that changed stands for all. What it
/// says strays as a share of so many samples does.
/// </summary>
internal sealed class DirtySampling(GuestMemory memory, long total)
{
    // As an agent asks for: 512 pages a GiB, no fewer than that many in all, and no more.
    private const double PagesPerGibibyte = 512;
    private const double Fewest = 4096;
    private const double Most = 262_144;

    private readonly double _samples = Math.Clamp(total / (double)(1 << 30) * PagesPerGibibyte, Fewest, Most);
    private double? _began;
    private double _ends;
    private int _count;

    public SampledDirt? Last { get; private set; }

    public void Begin(double now, double interval)
    {
        if (_began is null)
        {
            (_began, _ends) = (now, now + interval);
            memory.BeginProbe();
        }
    }

    public void See(double now)
    {
        if (_began is not { } began || now < _ends - 1e-9)
        {
            return;
        }

        var share = Math.Clamp(memory.Probed / total, 0, 1);
        var strays = Math.Sqrt(share * (1 - share) / _samples) * Drawn();
        var found = Math.Clamp(share + strays, 0, 1) * total;
        Last = new SampledDirt(TimeSpan.FromSeconds(now), TimeSpan.FromSeconds(now - began), (long)found);
        _began = null;
    }

    /// <summary>About normal, mean 0 and deviation 1: the sum of three even ones.</summary>
    private double Drawn()
    {
        var first = 3L * ++_count;
        return 2 * (Chance.At(first) + Chance.At(first + 1) + Chance.At(first + 2) - 1.5);
    }
}

/// <param name="At">When it ended, since the copy began.</param>
/// <param name="Dirtied">Different bytes that were written in the interval, as sampled.</param>
public sealed record SampledDirt(TimeSpan At, TimeSpan Interval, long Dirtied);
