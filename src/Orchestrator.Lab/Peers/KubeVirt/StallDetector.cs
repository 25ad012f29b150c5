namespace Orchestrator.Lab.Peers.KubeVirt;

/// <summary>What a pass began with.</summary>
/// <param name="Milliseconds">Since the copy began.</param>
/// <param name="Remaining">Bytes.</param>
internal readonly record struct PassRecord(long Milliseconds, long Remaining);

/// <summary>
/// Whether passes have stopped getting smaller (KubeVirt's stall-detector.go): the least remaining of the last forty seconds against the least
/// before them.
/// </summary>
internal sealed class StallDetector
{
    private const long WindowMilliseconds = 40_000;
    private const double Margin = 0.04;
    private const double PatienceDecay = 0.5;

    // Strictly falling: a record that is no new low of the window can never become its least.
    private readonly LinkedList<PassRecord> _window = new();
    private readonly PriorityQueue<long, long> _seenSinceStall = new();

    private long? _leastBefore;
    private long _best;
    private long _patience = WindowMilliseconds;
    private long _relaxAt;

    public bool Stalled { get; private set; }

    /// <summary>Whether this pass is near the best that may still be hoped for.</summary>
    public bool IsLocalMinimum(PassRecord record) => record.Remaining <= (long)(_best * (1 + Margin));

    /// <returns>Whether the copy is stalled, this pass included.</returns>
    public bool See(PassRecord record)
    {
        Age(record);
        if (Stalled)
        {
            Relax(record);
            return true;
        }

        if (_leastBefore is not { } least || record.Remaining < (long)(least * (1 - Margin)))
        {
            return false;
        }

        _best = _window.Last is { } low ? Math.Min(least, low.Value.Remaining) : least;
        _relaxAt = record.Milliseconds + _patience;
        Stalled = true;
        return true;
    }

    private void Age(PassRecord record)
    {
        while (_window.First is { } oldest && record.Milliseconds - oldest.Value.Milliseconds >= WindowMilliseconds)
        {
            _window.RemoveFirst();
            _leastBefore = Math.Min(_leastBefore ?? long.MaxValue, oldest.Value.Remaining);
        }

        if (record.Remaining <= (_leastBefore ?? long.MaxValue) && (_window.Last is not { } low || record.Remaining < low.Value.Remaining))
        {
            _window.AddLast(record);
        }
    }

    // The longer nothing better comes, the worse a pass is taken for the best: each time half as long is waited.
    private void Relax(PassRecord record)
    {
        _seenSinceStall.Enqueue(record.Remaining, record.Remaining);
        if (record.Milliseconds >= _relaxAt)
        {
            _best = _seenSinceStall.Dequeue();
            _patience = (long)(_patience * PatienceDecay);
            _relaxAt = record.Milliseconds + _patience;
        }
    }
}
