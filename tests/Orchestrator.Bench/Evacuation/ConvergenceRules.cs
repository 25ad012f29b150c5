namespace Orchestrator.Bench.Evacuation;

/// <summary>How one product brings a copy to its end, as far as it matters for time and bytes. Judged at the end of each pass.</summary>
internal abstract class ConvergenceRules
{
    /// <summary>Downtime limit now, in seconds.</summary>
    public double Limit { get; protected set; } = 0.3;

    /// <summary>0 to 0.99 of the guest's CPU time.</summary>
    public double Throttle { get; protected set; }

    /// <summary>Seconds after which it is given up, wherever it is; null = never.</summary>
    public double? Timeout { get; protected init; }

    private int _strikes;

    public abstract PassVerdict AtPassEnd(PassEnd pass);

    /// <summary>
    /// QEMU's auto-converge (migration/ram.c): twice more than half of what was sent dirtied again, and the CPUs are slowed by 20 %, then 10 %
    /// more each time.
    /// </summary>
    protected void AutoConverge(PassEnd pass, double most = 0.99)
    {
        _strikes += pass.Dirtied > 0.5 * pass.Sent ? 1 : 0;
        if (_strikes >= 2)
        {
            _strikes = 0;
            Throttle = Math.Min(most, Throttle == 0 ? 0.2 : Throttle + 0.1);
        }
    }
}

/// <param name="Number">From 1.</param>
/// <param name="Elapsed">Since the transfer began, in seconds.</param>
internal readonly record struct PassEnd(int Number, double Elapsed, double Sent, double Dirtied);

internal enum PassVerdict
{
    GoOn,
    PostCopy,
    Abort,
}

/// <summary>Preset "minimal-downtime": up to 500 ms, one rung for each round without 5 % of progress, at most 60 % slower, then no more.</summary>
internal sealed class MinimalDowntimeRules : ConvergenceRules
{
    private static readonly double[] s_rungs = [0.1, 0.15, 0.2, 0.3, 0.4, 0.5];
    private double _best = double.PositiveInfinity;
    private int _stalled;

    public MinimalDowntimeRules() => Limit = s_rungs[0];

    public override PassVerdict AtPassEnd(PassEnd pass)
    {
        _stalled += pass.Number > 1 && pass.Dirtied > 0.95 * _best ? 1 : 0;
        _best = Math.Min(_best, pass.Dirtied);
        Limit = s_rungs[Math.Min(_stalled, s_rungs.Length - 1)];
        if (_stalled >= 2)
        {
            AutoConverge(pass, most: 0.6);
        }

        return _stalled >= 14 ? PassVerdict.Abort : PassVerdict.GoOn;
    }
}

/// <summary>Preset "post-copy": up to 300 ms, then the guest runs on the target as soon as pre-copy is seen not to get there.</summary>
internal sealed class PostCopyRules : ConvergenceRules
{
    private static readonly double[] s_rungs = [0.1, 0.2, 0.3];
    private double _best = double.PositiveInfinity;
    private int _stalled;

    public PostCopyRules() => Limit = s_rungs[0];

    public override PassVerdict AtPassEnd(PassEnd pass)
    {
        _stalled += pass.Number > 1 && pass.Dirtied > 0.95 * _best ? 1 : 0;
        _best = Math.Min(_best, pass.Dirtied);
        Limit = s_rungs[Math.Min(_stalled, s_rungs.Length - 1)];

        // Infeasible: two readings that agree, after a sync. Dirtying at least as fast as sending shows in the first pass already.
        return pass.Number >= 2 && (_stalled >= 3 || pass.Dirtied >= pass.Sent) ? PassVerdict.PostCopy : PassVerdict.GoOn;
    }
}
