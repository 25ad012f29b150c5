using Orchestrator.Policy.Convergence;

namespace Orchestrator.Policy.Tests.Convergence.Predictive;

/// <summary>
/// A copy of one hot set over a link, pass by pass, as readings. A pass ends when everything is sent. It never ends by itself: whoever walks
/// it looks at the decisions.
/// </summary>
internal sealed class ModelledCopy
{
    private const double Tick = 0.01;

    private double _at;
    private double _queued;
    private double _logged;
    private double _sent;
    private int _pass = 1;
    private long _sequence;
    private DirtyProbe? _probe;
    private double _probed;

    public double Memory { get; init; } = 8e9;

    public double HotSet { get; init; } = 2e9;

    /// <summary>Bytes per second of pages touched at random.</summary>
    public Func<double, double> Rate { get; init; } = _ => 0;

    /// <summary>Bytes per second at a time.</summary>
    public Func<double, double> Link { get; init; } = _ => 1e9;

    public DataRate? Cap { get; init; }

    public double StopCopy { get; init; }

    /// <summary>False: every reading comes after a sync, and the passes count those.</summary>
    public bool PassesHonest { get; init; } = true;

    public bool Probes { get; init; } = true;

    /// <summary>The engine takes what it is told of the switch-over's bandwidth.</summary>
    public bool Heeds { get; init; } = true;

    public int Throttle { get; set; }

    public bool Paused { get; set; }

    public DataRate? Told { get; set; }

    public bool FirstPass => _pass == 1 && PassesHonest;

    /// <summary>What a switch-over now would have to send.</summary>
    public double Left => _queued + (_logged * (1 - Math.Min(1, _queued / HotSet))) + StopCopy;

    public ConvergenceReading After(double seconds)
    {
        if (_sequence == 0)
        {
            _queued = Memory;
        }

        for (var end = _at + seconds; _at < end - (Tick / 2); _at += Tick)
        {
            Pass();
        }

        if (!PassesHonest)
        {
            Sync();
        }

        var bandwidth = new DataRate((long)Math.Min(Link(_at), Cap?.BytesPerSecond ?? double.MaxValue));
        return new ConvergenceReading
        {
            Sequence = ++_sequence,
            Elapsed = TimeSpan.FromSeconds(Math.Round(_at, 2)),
            Activity = EngineActivity.PreCopy,
            Pass = _pass,
            PassesHonest = PassesHonest,
            FirstPass = FirstPass,
            RamTotal = new DataSize((long)Memory),
            RamRemaining = new DataSize((long)_queued),
            Remaining = new DataSize((long)(_queued + StopCopy)),
            StopCopy = new DataSize((long)StopCopy),
            Transferred = new DataSize((long)_sent),
            Bandwidth = bandwidth,
            SwitchOverBandwidth = Heeds && Told is { } told ? told : bandwidth,
            Cap = Cap,
            Probe = _probe,
            DowntimeLimit = TimeSpan.FromMilliseconds(100),
            ThrottlePercent = Throttle,
            GuestRunning = !Paused,
            PausedToConverge = Paused,
            Fresh = Copy.AllFresh,
        };
    }

    private void Pass()
    {
        var rate = Paused ? 0 : Rate(_at) * (100 - Throttle) / 100;
        _logged = HotSet - ((HotSet - _logged) * Math.Exp(-rate * Tick / HotSet));
        _probed = HotSet - ((HotSet - _probed) * Math.Exp(-rate * Tick / HotSet));
        var moved = Math.Min(_queued, Math.Min(Link(_at), Cap?.BytesPerSecond ?? double.MaxValue) * Tick);
        (_queued, _sent) = (_queued - moved, _sent + moved);
        if (_queued <= 0)
        {
            Sync();
        }

        // A probe of a second in every two.
        var second = Math.Round(_at + Tick, 2);
        if (Probes && second % 1 == 0)
        {
            _probe = second % 2 == 1 && !Paused
                ? new DirtyProbe(TimeSpan.FromSeconds(second), TimeSpan.FromSeconds(1), new DataSize((long)_probed))
                : _probe;
            _probed = 0;
        }
    }

    private void Sync()
    {
        var found = _logged * (1 - Math.Min(1, _queued / HotSet));
        (_queued, _logged) = (_queued + found, 0);
        _pass++;
    }
}
