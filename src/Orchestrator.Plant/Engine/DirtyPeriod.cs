namespace Orchestrator.Plant.Engine;

/// <summary>QEMU's dirty rate (migration/ram.c, migration_update_rates): counted in periods that end at the first sync after a second.</summary>
internal sealed class DirtyPeriod
{
    private const double Shortest = 1;

    private double _began;
    private double _dirtied;
    private double _sentBefore;

    /// <summary>Bytes per second of the last whole period; 0 before there is one.</summary>
    public double Rate { get; private set; }

    /// <param name="found">Newly dirty bytes of this sync.</param>
    /// <param name="transferred">Bytes on the wire so far.</param>
    /// <returns>The period, when this sync ends one.</returns>
    public (double Dirtied, double Sent)? See(double now, double found, double transferred)
    {
        _dirtied += found;
        if (now <= _began + Shortest)
        {
            return null;
        }

        var ended = (_dirtied, transferred - _sentBefore);
        Rate = _dirtied / (now - _began);
        (_began, _dirtied, _sentBefore) = (now, 0, transferred);
        return ended;
    }
}
