namespace Orchestrator.Plant.Engine;

/// <summary>How long the guest stood still, as nobody outside the model can know so well.</summary>
public sealed class Outage
{
    private double? _since;
    private double _pausedBefore;
    private double? _pausedSince;

    public bool Stands => _since is not null;

    /// <summary>The standstill that ended with the guest running on the target, a pause before it included; null before that.</summary>
    public TimeSpan? Total { get; private set; }

    /// <summary>The part of <see cref="Total"/> that came before the switch-over: a pause to converge.</summary>
    public TimeSpan PausedPart { get; private set; }

    /// <summary>All pauses to converge, those that were taken back included.</summary>
    public TimeSpan PausedInAll { get; private set; }

    /// <summary>As the engine measured it.</summary>
    public TimeSpan ByEngine { get; internal set; }

    internal void Stop(double now, bool paused)
    {
        if (_pausedSince is { } since && !paused)
        {
            PausedPart = TimeSpan.FromSeconds(now - since);
            _pausedBefore += now - since;
            PausedInAll = TimeSpan.FromSeconds(_pausedBefore);
        }

        _pausedSince = paused ? now : null;
        _since ??= now;
    }

    internal void Resume(double now)
    {
        if (_pausedSince is { } since)
        {
            _pausedBefore += now - since;
            PausedInAll = TimeSpan.FromSeconds(_pausedBefore);
        }

        (_since, _pausedSince) = (null, null);
    }

    internal void Moved(double now)
    {
        Total = TimeSpan.FromSeconds(now - (_since ?? now));
        _since = null;
    }
}
