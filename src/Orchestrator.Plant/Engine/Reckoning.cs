namespace Orchestrator.Plant.Engine;

/// <summary>What the engine reckons the switch-over with: bandwidth of the last window, threshold, expected downtime.</summary>
internal sealed class Reckoning(LoopRules rules, EngineSetup setup, double memory)
{
    // No more is believed of a window in which hardly anything moved (migration/migration.c, migration_update_counters).
    private const double LeastWindowBytes = 10_000;

    private double _expected = setup.DowntimeLimit.TotalSeconds;

    /// <summary>Seconds.</summary>
    public double Limit { get; set; } = setup.DowntimeLimit.TotalSeconds;

    /// <summary>avail-switchover-bandwidth; 0 = none.</summary>
    public double Told { get; set; } = setup.SwitchOverBandwidth;

    /// <summary>Of the last window, bytes per second.</summary>
    public double Bandwidth { get; private set; }

    /// <summary>Bytes: what may be left.</summary>
    public double Threshold { get; private set; }

    /// <summary>What the last sync found, bytes.</summary>
    public double FoundLast { get; set; } = memory;

    private double SwitchOver => rules.SwitchOverBandwidth && Told > 0 ? Told : Bandwidth;

    public void CloseWindow(double sent, bool dirtyRateKnown)
    {
        Bandwidth = sent / Line.Window;
        Threshold = SwitchOver * Limit;
        if (!rules.Buckets && dirtyRateKnown && sent > LeastWindowBytes)
        {
            _expected = FoundLast / SwitchOver;
        }
    }

    public long ExpectedMilliseconds(int passes)
    {
        var seconds = !rules.Buckets ? _expected
            : passes <= 1 ? Limit
            : SwitchOver > 0 ? FoundLast / SwitchOver
            : double.PositiveInfinity;
        return seconds * 1000 < long.MaxValue ? (long)(seconds * 1000) : long.MaxValue;
    }
}
