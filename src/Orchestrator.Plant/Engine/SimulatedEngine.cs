using Orchestrator.Plant.Description;

namespace Orchestrator.Plant.Engine;

/// <summary>
/// QEMU's migration loop in virtual time: turns of up to 50 ms, windows of 100 ms, estimated and exact amounts, the threshold, syncs and
/// what they set off. Deterministic. Where versions differ, <see cref="LoopRules"/> says how. The CPU time of a sync is not modelled.
/// </summary>
public sealed class SimulatedEngine : IEngineControls
{
    // RAM leaves its turn after 50 ms (migration/ram.c, MAX_WAIT); a turn with nothing to send still costs about 10 ms of queries.
    private const double LongestTurn = 0.05;
    private const double ShortestTurn = 0.01;

    // Head, end mark and foot of a part that holds nothing (migration/savevm.c): enough that an idle copy has some bandwidth.
    private const double EmptyPart = 18;

    // The timer of 9.2 that syncs while vCPUs are throttled.
    private const double ThrottleBeat = 5;

    private readonly EngineSetup _setup;
    private readonly LoopRules _rules;
    private readonly MigrationDescription _migration;
    private readonly GuestMemory _memory;
    private readonly DeviceGroup _devices;
    private readonly Line _line;
    private readonly AutoConverge _converge;
    private readonly Reckoning _reckoning;
    private readonly DirtyPeriod _period = new();
    private readonly DirtySampling _sampling;
    private double _now;
    private double _turnBegan;
    private double _turnEnd;
    private double _windowEnd = Line.Window;
    private double _windowSent;
    private double _cap;
    private double _transferred;
    private double _processed;
    private double _counted;
    private double _endAt = double.PositiveInfinity;
    private double _nextBeat = double.PositiveInfinity;
    private bool _postCopyAsked;
    private bool _passSeen;
    private int _passes = 1;

    public SimulatedEngine(MigrationDescription migration, EngineSetup setup)
    {
        (_migration, _setup) = (migration, setup);
        _rules = LoopRules.Of(migration.Engine.Version);
        _memory = new GuestMemory(migration.Guest);
        _devices = new DeviceGroup(migration.Guest, _rules.DevicePreCopy);
        _reckoning = new Reckoning(_rules, setup, migration.Guest.Memory);
        _sampling = new DirtySampling(_memory, migration.Guest.Memory);
        _line = new Line(migration.Link);
        _converge = new AutoConverge(setup.AutoConverge) { Knobs = setup.Throttle };
        _cap = migration.Link.Capped(setup.MaxBandwidth);
        // QEMU refuses to migrate a VFIO device with postcopy-ram on.
        Status = setup.PostCopy && _devices.Count > 0 ? EngineStatus.Failed : EngineStatus.Active;
    }

    /// <summary>The last sampling of what the guest dirties that has ended (calc-dirty-rate); null before one has.</summary>
    public SampledDirt? Sampled => _sampling.Last;

    /// <summary>Since the copy began. To the nearest tick: whoever ran to a time finds it reached.</summary>
    public TimeSpan Now => new((long)Math.Round(_now * TimeSpan.TicksPerSecond));

    public EngineStatus Status { get; private set; }

    public bool HasEnded => Status is EngineStatus.Completed or EngineStatus.Failed or EngineStatus.Cancelled;

    /// <summary>What happened to the guest, known to the model alone.</summary>
    public Outage Outage { get; } = new();

    /// <summary>Seconds of CPU time that throttling took from the guest, per CPU.</summary>
    public double SlowDown { get; private set; }

    public double Transferred => _transferred;

    public int Passes => _passes;

    public bool PostCopyUsed { get; private set; }

    public double TransferredBeforePostCopy { get; private set; }

    private bool GuestRuns => !Outage.Stands && Status is EngineStatus.Active;

    /// <summary>What a window may carry; infinite without a cap.</summary>
    private double Quota => _rules.QuotaOf(Status is EngineStatus.PostCopyActive ? _setup.MaxPostCopyBandwidth : _cap);

    private bool CanSwitchOver => !_setup.SwitchoverAck || !_rules.SwitchoverAck || !GuestRuns || !_devices.HoldUp;

    /// <summary>Goes on until then, or until the migration has ended, or right after a pass event when those are wanted.</summary>
    /// <returns>True at a pass event.</returns>
    public bool Run(TimeSpan until, bool stopAtPasses)
    {
        var end = until.TotalSeconds;
        _passSeen = false;
        while (_now < end - 1e-9 && !HasEnded && !(stopAtPasses && _passSeen))
        {
            Step(end);
        }

        if (_now >= end - 1e-9)
        {
            // Whoever asked for a time finds it reached, to the last bit.
            _now = Math.Max(_now, end);
        }

        return _passSeen && !HasEnded;
    }

    public EngineView View() => new()
    {
        Elapsed = Now,
        Status = Status,
        GuestRunning = GuestRuns,
        RamTotal = _migration.Guest.Memory,
        RamRemaining = (long)_memory.Queued,
        Transferred = (long)_transferred,
        VfioTransferred = _devices.Count > 0 ? (long)_devices.Sent : null,
        Passes = _passes,
        Bandwidth = _reckoning.Bandwidth,
        DirtyRate = (long)_period.Rate,
        ExpectedDowntimeMilliseconds = _reckoning.ExpectedMilliseconds(_passes),
        Remaining = !_rules.Buckets ? null
            : _devices.Rubbish(_now) is { } rubbish ? rubbish
            : (ulong)Math.Max(0, Status is EngineStatus.PostCopyActive ? _memory.Queued : _counted),
        ThrottlePercent = _converge.Percent,
        DowntimeLimitMilliseconds = (long)Math.Round(_reckoning.Limit * 1000),
        Processed = (long)_processed,
        Downtime = Status is EngineStatus.Completed ? Outage.ByEngine : null,
    };

    /// <summary>Begins to sample what the guest dirties in an interval; without effect while another sampling goes on.</summary>
    public void Sample(TimeSpan interval) => _sampling.Begin(_now, interval.TotalSeconds);

    /// <summary>What an agent that holds the devices' descriptors reads of them.</summary>
    public IReadOnlyList<DeviceView> DeviceViews() => _devices.Views(_now);

    public void SetDowntimeLimit(TimeSpan limit) => _reckoning.Limit = limit.TotalSeconds;

    public void SetMaxBandwidth(long bytesPerSecond) => _cap = _migration.Link.Capped(bytesPerSecond);

    public void SetSwitchOverBandwidth(long bytesPerSecond) => _reckoning.Told = bytesPerSecond;

    public void SetThrottle(ThrottleKnobs throttle) => _converge.Knobs = throttle;

    public void Pause()
    {
        if (GuestRuns)
        {
            Outage.Stop(_now, paused: true);
        }
    }

    public void Resume()
    {
        if (Status is EngineStatus.Active && Outage.Stands)
        {
            Outage.Resume(_now);
        }
    }

    public bool StartPostCopy()
    {
        _postCopyAsked |= _setup.PostCopy && Status is EngineStatus.Active;
        return _postCopyAsked;
    }

    public void Cancel()
    {
        if (Status is EngineStatus.Active)
        {
            Outage.Resume(_now);
            Status = EngineStatus.Cancelled;
        }
    }

    private void Step(double end)
    {
        if (_now >= _windowEnd - 1e-9)
        {
            CloseWindow();
        }

        if (Status is EngineStatus.Active && _now >= _turnEnd - 1e-9)
        {
            Decide();
            _turnBegan = _now;
            _turnEnd = _now + LongestTurn;
        }

        var seconds = Math.Min(Math.Min(end, _windowEnd), Status is EngineStatus.Active ? _turnEnd : double.PositiveInfinity) - _now;
        if (Status is EngineStatus.Device)
        {
            seconds = Math.Min(seconds, _endAt - _now);
            Pass(seconds);
            if (_now >= _endAt - 1e-9)
            {
                Outage.Moved(_now);
                Status = EngineStatus.Completed;
            }

            return;
        }

        if (!HasEnded)
        {
            Pass(Iterate(Math.Max(seconds, 1e-6)));
        }

        if (Status is EngineStatus.PostCopyActive && _memory.Queued <= 0)
        {
            Status = EngineStatus.Completed;
        }
    }

    /// <summary>What the loop does at the head of a turn.</summary>
    private void Decide()
    {
        if (_now >= _nextBeat && _converge.IsThrottling && _passes > 1)
        {
            _nextBeat = _now + ThrottleBeat;
            Sync(ofTheLoop: false);
        }

        var precopiable = _devices.PreCopy + (_setup.PostCopy ? 0 : _memory.Queued);
        var pending = _memory.Queued + _devices.PreCopy + (_rules.Buckets ? _devices.StopCopy : 0);
        if (_rules.NeedsExact(pending, precopiable, _reckoning.Threshold))
        {
            Sync(ofTheLoop: true);
            pending = _memory.Queued + _devices.PreCopy + _devices.StopCopy;
        }

        _counted = pending;
        if (_postCopyAsked && CanSwitchOver)
        {
            StartPostCopyNow();
        }
        else if (CanSwitchOver && _rules.IsSmallEnough(pending, _reckoning.Threshold))
        {
            SwitchOver();
        }
    }

    private void Sync(bool ofTheLoop)
    {
        var found = _memory.Sync();
        _reckoning.FoundLast = _memory.Queued + (_rules.Buckets ? _devices.PreCopy + _devices.StopCopy : 0);
        if (_period.See(_now, found, _transferred) is { } ended)
        {
            _converge.See(ended.Dirtied, ended.Sent);
            if (_converge.IsThrottling && _rules.ThrottleTimer && double.IsInfinity(_nextBeat))
            {
                _nextBeat = _now + ThrottleBeat;
            }
        }

        if (ofTheLoop || !_rules.Buckets)
        {
            _passes++;
            _passSeen = true;
        }
    }

    /// <summary>A turn, or what is left of it: RAM and the devices, in the version's order.</summary>
    /// <returns>How long it took; at least a turn without work.</returns>
    private double Iterate(double seconds)
    {
        var (rate, room) = (_line.RateAt(_now), Quota - _windowSent);
        if (room <= 0)
        {
            // The quota went in one burst: the loop sleeps until the window's end.
            _turnEnd = _windowEnd;
            return seconds;
        }

        // A look may fall into a turn, which is played in two parts then.
        var begins = _now <= _turnBegan;
        if (begins && rate > 0)
        {
            Count(EmptyPart * (1 + _devices.Count));
        }

        // Under a cap RAM, which comes first, has used up the quota before the devices have their turn.
        var capped = room < rate * Line.Window;
        var busy = _memory.Queued > 0;
        var ramFirst = busy && (_rules.Serialized || capped);
        var left = seconds;
        if (!ramFirst && (begins || !busy))
        {
            left -= SendDevices(busy, left, rate, room);
        }

        var (took, moved, processed) = rate > 0
            ? _memory.Send(Math.Max(0, left), rate, _migration.Engine.ScanRate, Quota - _windowSent)
            : (left, 0, 0);
        Count(moved);
        _processed += processed;
        left = Math.Max(0, left - took);
        if (ramFirst && _memory.Queued <= 0)
        {
            left -= SendDevices(busy, left, rate, Quota - _windowSent);
        }

        if (Quota - _windowSent < 1)
        {
            _turnEnd = _windowEnd;
            return seconds - left;
        }

        if (_memory.Queued > 0 || Status is not EngineStatus.Active)
        {
            return seconds;
        }

        // Everything is sent: the turn is over, and the next one asks again.
        _turnEnd = Math.Min(_turnEnd, Math.Max(_now + seconds - left, _turnBegan + ShortestTurn));
        return Math.Min(seconds, _turnEnd - _now);
    }

    /// <param name="room">What is left of the quota.</param>
    /// <returns>How long it took.</returns>
    private double SendDevices(bool busy, double seconds, double rate, double room)
    {
        if (Status is not EngineStatus.Active)
        {
            return 0;
        }

        var (took, wire) = _devices.Send(busy, seconds, rate, room);
        Count(wire);
        return took;
    }

    private void Count(double wire)
    {
        _transferred += wire;
        _windowSent += wire;
    }

    private void Pass(double seconds)
    {
        if (GuestRuns)
        {
            _memory.Write(_now, seconds, _converge.Percent / 100.0);
            SlowDown += seconds * _converge.Percent / 100.0;
            _devices.Run(seconds);
        }

        _now += seconds;
        _sampling.See(_now);
    }

    private void CloseWindow()
    {
        _reckoning.CloseWindow(_windowSent, _period.Rate > 0);
        _windowSent = 0;
        _windowEnd += Line.Window;
    }

    /// <summary>With the guest stopped. What an estimate has not seen, it finds.</summary>
    private void SyncLast()
    {
        _memory.Sync();
        if (!_rules.Buckets)
        {
            _passes++;
        }
    }

    private void SwitchOver()
    {
        Outage.Stop(_now, paused: false);
        SyncLast();
        var load = _devices.LoadSeconds;
        var rest = _memory.Queued + _devices.SendRest();
        var transfer = _line.TimeFor(rest, _now);
        var fixedPart = _migration.Engine.FixedDowntime.TotalSeconds;
        _transferred += rest;
        _endAt = _now + Math.Max(transfer, load) + fixedPart;

        // The engine's clock stops when the target has said its last word, before the target's CPUs run.
        Outage.ByEngine = TimeSpan.FromSeconds(Math.Min(Math.Max(transfer, load) + (fixedPart / 2), TimeSpan.MaxValue.TotalSeconds / 2));
        Status = EngineStatus.Device;
    }

    private void StartPostCopyNow()
    {
        SyncLast();
        Outage.Stop(_now, paused: false);
        Pass(_migration.Engine.FixedDowntime.TotalSeconds);
        Outage.Moved(_now);
        PostCopyUsed = true;
        TransferredBeforePostCopy = _transferred;
        Status = EngineStatus.PostCopyActive;
        _windowEnd = Math.Max(_windowEnd, Math.Ceiling(_now / Line.Window) * Line.Window);
    }
}
