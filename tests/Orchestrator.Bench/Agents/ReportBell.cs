namespace Orchestrator.Bench.Agents;

/// <summary>
/// Wakes the loop that writes one stream: on a fixed beat, however long the writing takes, and at once when somebody rings. Beats that fall
/// into one writing become one.
/// </summary>
internal sealed class ReportBell : IDisposable
{
    private readonly SemaphoreSlim _wake = new(0, 1);
    private readonly AgentTally _tally;
    private readonly ITimer _timer;
    private int _beats;
    private int _rung;

    public ReportBell(TimeSpan interval, AgentTally tally, TimeProvider clock)
    {
        _tally = tally;
        _timer = clock.CreateTimer(_ => Beat(), null, TimeSpan.Zero, interval);
    }

    public void Ring()
    {
        if (Interlocked.Exchange(ref _rung, 1) == 0)
        {
            _wake.Release();
        }
    }

    /// <returns>True when a beat is due.</returns>
    public async Task<bool> WaitAsync(CancellationToken cancellation)
    {
        await _wake.WaitAsync(cancellation);
        Volatile.Write(ref _rung, 0);
        var beats = Interlocked.Exchange(ref _beats, 0);
        if (beats > 1)
        {
            _tally.NoteMissedBeats(beats - 1);
        }

        return beats > 0;
    }

    public void Dispose() => _timer.Dispose();

    private void Beat()
    {
        Interlocked.Increment(ref _beats);
        Ring();
    }
}
