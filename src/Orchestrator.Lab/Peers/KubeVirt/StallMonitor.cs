using Orchestrator.Plant.Description;
using Orchestrator.Plant.Engine;
using Orchestrator.Plant.Management;

namespace Orchestrator.Lab.Peers.KubeVirt;

/// <summary>
/// KubeVirt's monitor with the gate MigrationStallDetection: it decides at the ends of passes. The progress timeout is not asked here, so a dead
/// link, which ends no pass, is noticed only when the acceptable time is up.
/// </summary>
internal sealed class StallMonitor(KubeVirtOptions options) : IManagementPolicy
{
    private const long DefaultDowntimeMilliseconds = 300;
    private const long SwitchOverSeconds = 60;
    private const long CompletionFactor = 2;
    private const double PreCopyPossible = 1.5;
    private const double NewestShare = 0.4;
    private const long LongestEstimate = uint.MaxValue;

    private readonly StallDetector _detector = new();

    private bool _vfio;
    private long _acceptableSeconds;
    private long _switchDeadline;
    private double _bandwidth;
    private PassRecord _last;
    private MigrationMode _mode = MigrationMode.PreCopy;
    private bool _limitSet;
    private bool _initiated;
    private bool _aborted;

    /// <summary>Armed anew by every pass as well, so while passes are shorter than the poll the bandwidth is never measured and goes stale.</summary>
    public TimeSpan? NextLook { get; private set; } = KubeVirtOptions.Poll;

    public bool FollowsPasses => true;

    private bool MayPostCopy => options.AllowPostCopy && !_vfio;

    public EngineSetup SetUp(MigrationDescription migration)
    {
        _vfio = migration.Guest.Devices.Count > 0;
        _acceptableSeconds = _switchDeadline = options.AcceptableCompletionTime(migration.Guest.Memory);
        return new EngineSetup { PostCopy = MayPostCopy };
    }

    public void Look(EngineView view, IEngineControls engine) => Turn(view, engine, () =>
    {
        if (_mode == MigrationMode.PreCopy)
        {
            _bandwidth = _bandwidth == 0 ? view.Bandwidth : (NewestShare * view.Bandwidth) + ((1 - NewestShare) * _bandwidth);
        }
        else
        {
            _last = Record(view);
        }
    });

    public void SeePass(EngineView view, IEngineControls engine) => Turn(view, engine, () =>
    {
        _last = Record(view);
        if (_bandwidth != 0 && !_initiated && _detector.See(_last))
        {
            ActOn(view, engine);
        }
    });

    private void Turn(EngineView view, IEngineControls engine, Action measure)
    {
        NextLook = view.Elapsed + KubeVirtOptions.Poll;
        if (!_limitSet)
        {
            SetLimit(Math.Min(options.MaxDowntimeMilliseconds, DefaultDowntimeMilliseconds), engine);
            _limitSet = true;
        }

        if (_mode == MigrationMode.PreCopy && !view.GuestRunning)
        {
            _mode = MigrationMode.Paused;
        }

        if (!_aborted)
        {
            measure();
            CheckTime(WholeSeconds(view), engine);
        }
    }

    private void ActOn(EngineView view, IEngineControls engine)
    {
        // The second test also keeps a dip of the network from looking like an end: what cannot be sent in time is not switched over to.
        if (!_detector.IsLocalMinimum(_last) || !Fits(WholeSeconds(view)))
        {
            return;
        }

        if (options.AllowWorkloadDisruption && MayPostCopy)
        {
            StartPostCopy(engine);
        }
        else if (options.AllowWorkloadDisruption)
        {
            SwitchOver(KubeVirtOptions.LongestDowntimeMilliseconds, view, engine);
        }
        else if (Estimate() <= options.MaxDowntimeMilliseconds * PreCopyPossible)
        {
            SwitchOver(options.MaxDowntimeMilliseconds, view, engine);
        }
        else
        {
            Abort(engine);
        }
    }

    private void CheckTime(long elapsed, IEngineControls engine)
    {
        var limit = _mode == MigrationMode.Paused ? _acceptableSeconds : _switchDeadline;
        if (_acceptableSeconds == 0 || elapsed <= limit || _mode == MigrationMode.PostCopy || _aborted)
        {
            return;
        }

        if (_bandwidth == 0 || _initiated || !Fits(elapsed))
        {
            Abort(engine);
        }
        else if (MayPostCopy)
        {
            // Whether disruption is allowed is not asked here, unlike at the end of a pass.
            StartPostCopy(engine);
        }
        else if (options.AllowWorkloadDisruption)
        {
            SetLimit(KubeVirtOptions.LongestDowntimeMilliseconds, engine);
            _acceptableSeconds *= CompletionFactor;
            _switchDeadline = elapsed + SwitchOverSeconds;
            _initiated = true;
        }
        else
        {
            Abort(engine);
        }
    }

    private void SwitchOver(long milliseconds, EngineView view, IEngineControls engine)
    {
        SetLimit(milliseconds, engine);
        _switchDeadline = WholeSeconds(view) + SwitchOverSeconds;
        _initiated = true;
    }

    private void StartPostCopy(IEngineControls engine)
    {
        _initiated = engine.StartPostCopy();
        _mode = _initiated ? MigrationMode.PostCopy : _mode;
    }

    private void Abort(IEngineControls engine)
    {
        _aborted = true;
        engine.Cancel();
    }

    private bool Fits(long elapsed) => Estimate() <= ((CompletionFactor * _acceptableSeconds) - elapsed) * 1000;

    /// <summary>Milliseconds to send what the last record held.</summary>
    private double Estimate() => _bandwidth == 0 ? 0 : Math.Min(_last.Remaining / (_bandwidth / 1000), LongestEstimate);

    private static void SetLimit(long milliseconds, IEngineControls engine) => engine.SetDowntimeLimit(TimeSpan.FromMilliseconds(milliseconds));

    private static PassRecord Record(EngineView view) => new((long)view.Elapsed.TotalMilliseconds, view.RamRemaining);

    private static long WholeSeconds(EngineView view) => view.Elapsed.Ticks / TimeSpan.TicksPerSecond;
}
