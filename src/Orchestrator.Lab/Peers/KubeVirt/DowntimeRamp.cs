using Orchestrator.Plant.Engine;

namespace Orchestrator.Lab.Peers.KubeVirt;

/// <summary>KubeVirt's downtime ramp (gate MigrationDowntimeTuning): by passes and a cooldown, up to a ceiling, and nothing after it.</summary>
internal sealed class DowntimeRamp(long ceilingMilliseconds)
{
    private const long InitialMilliseconds = 150;
    private const long Steps = 7;
    private const int StartAfterPass = 3;

    private static readonly TimeSpan s_cooldown = TimeSpan.FromSeconds(10);

    // Divided as integers, which is why 900 takes eight steps and not seven.
    private readonly long _step = Math.Max((ceilingMilliseconds - InitialMilliseconds) / Steps, 1);

    private long _current;
    private TimeSpan? _lastTuned;

    public void Tune(EngineView view, IEngineControls engine)
    {
        if (_lastTuned is not { } last)
        {
            Set(Math.Min(InitialMilliseconds, ceilingMilliseconds), view, engine);
        }
        else if (view.Passes >= StartAfterPass && view.Elapsed - last >= s_cooldown && _current < ceilingMilliseconds)
        {
            Set(Math.Min(_current + _step, ceilingMilliseconds), view, engine);
        }
    }

    private void Set(long milliseconds, EngineView view, IEngineControls engine)
    {
        _current = milliseconds;
        _lastTuned = view.Elapsed;
        engine.SetDowntimeLimit(TimeSpan.FromMilliseconds(milliseconds));
    }
}
