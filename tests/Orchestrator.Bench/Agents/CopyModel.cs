namespace Orchestrator.Bench.Agents;

/// <summary>
/// A copy that never converges, as an engine would report it: every pass sends what the guest dirtied during the pass before, down to what
/// the limit allows, and then finds as much again. Remaining is a saw-tooth, decided by the seed alone.
/// </summary>
internal sealed class CopyModel
{
    // The guest is quiet at first, so that the copy is in its steady state after a few seconds.
    private const int QuietPasses = 2;

    private readonly CopyPlan _plan;
    private TimeSpan _at;
    private double _remaining;
    private double _transferred;

    public CopyModel(CopyPlan plan)
    {
        _plan = plan;
        Pass = 1;
        _remaining = plan.UsedBytes;
    }

    public CopyPlan Plan => _plan;

    /// <summary>From 1, as QEMU counts its dirty-bitmap syncs.</summary>
    public int Pass { get; private set; }

    public bool IsFirstPass => Pass == 1;

    public ulong RemainingBytes => (ulong)_remaining;

    /// <summary>With the headers of the pages: QEMU sends 8 bytes with each page of 4096.</summary>
    public ulong TransferredBytes => (ulong)(_transferred * (1 + (8.0 / 4096)));

    /// <summary>Zero pages count as whole ones.</summary>
    public ulong ProcessedBytes => (ulong)_transferred + (IsFirstPass ? 0 : _plan.RamBytes - _plan.UsedBytes);

    /// <summary>Moves on to a moment that is not before the last one.</summary>
    /// <param name="elapsed">Since the copy began.</param>
    /// <param name="limit">The engine's downtime limit: a pass ends when the rest fits into it.</param>
    public void AdvanceTo(TimeSpan elapsed, TimeSpan limit)
    {
        var left = (elapsed - _at).TotalSeconds;
        _at = elapsed;
        while (left > 0)
        {
            // Half a pass at most, however high the limit: this copy does not end.
            var fits = Math.Min(limit.TotalSeconds * _plan.BytesPerSecond, AmountOf(Pass) / 2);
            var toSend = _remaining - fits;
            var sends = Math.Min(left * _plan.BytesPerSecond, Math.Max(0, toSend));
            _remaining -= sends;
            _transferred += sends;
            left -= sends / _plan.BytesPerSecond;
            if (_remaining <= fits)
            {
                Pass++;
                _remaining = AmountOf(Pass);
            }
        }
    }

    private double AmountOf(int pass) => pass switch
    {
        1 => _plan.UsedBytes,
        <= 1 + QuietPasses => _plan.DirtiedBytes / 5.0,

        // A tenth up or down: less than what counts as progress once the best pass has been.
        _ => _plan.DirtiedBytes * (0.9 + (0.2 * Draw.Share(_plan.Seed, pass))),
    };
}

/// <summary>What one copy is like.</summary>
/// <param name="UsedBytes">Of the memory, what is not zero: all that the first pass has to send.</param>
/// <param name="DirtiedBytes">What the guest dirties during one pass.</param>
/// <param name="BytesPerSecond">Of the link.</param>
internal sealed record CopyPlan(ulong Seed, ulong RamBytes, ulong UsedBytes, ulong DirtiedBytes, double BytesPerSecond)
{
    private const ulong Gibibyte = 1UL << 30;

    /// <summary>After this the rest fits, whatever the figures say, and the copy completes; null = it never does.</summary>
    public TimeSpan? Lasts { get; init; }

    /// <summary>4 to 64 GiB of memory, a quarter to half of it dirtied in a pass that lasts 0.6 to 1.4 times the mean.</summary>
    public static CopyPlan Drawn(ulong seed, TimeSpan meanPass)
    {
        var ram = (4UL << Draw.Below(seed, 1, 5)) * Gibibyte;
        var dirtied = ram * (0.25 + (0.25 * Draw.Share(seed, 2)));
        var pass = meanPass.TotalSeconds * (0.6 + (0.8 * Draw.Share(seed, 3)));
        var rate = dirtied / pass;
        var firstPass = 1 + (2 * Draw.Share(seed, 4));
        return new CopyPlan(seed, ram, (ulong)Math.Min(rate * firstPass, ram), (ulong)dirtied, rate);
    }
}
