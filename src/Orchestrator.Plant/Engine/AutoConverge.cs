namespace Orchestrator.Plant.Engine;

/// <summary>QEMU's auto-converge (migration/ram.c, migration_trigger_throttle): what it has counted and how far it has gone.</summary>
internal sealed class AutoConverge(bool enabled)
{
    private bool _hitBefore;

    public ThrottleKnobs Knobs { get; set; } = ThrottleKnobs.Usual;

    /// <summary>0 to 99.</summary>
    public int Percent { get; private set; }

    public bool IsThrottling => Percent > 0;

    /// <summary>At a sync that ends a period of more than a second.</summary>
    /// <param name="dirtied">Bytes in the period.</param>
    /// <param name="sent">Bytes on the wire in the period.</param>
    public void See(double dirtied, double sent)
    {
        if (!enabled || dirtied <= sent * Knobs.TriggerThreshold / 100)
        {
            return;
        }

        // The second time counts, and a period without a hit between the two does not take the first one back.
        _hitBefore = !_hitBefore;
        if (!_hitBefore)
        {
            Percent = IsThrottling ? Math.Max(Percent, Math.Min(Percent + Knobs.Increment, Knobs.Max)) : Knobs.Initial;
        }
    }
}
