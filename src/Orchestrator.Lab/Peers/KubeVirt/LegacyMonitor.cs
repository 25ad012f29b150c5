using Orchestrator.Plant.Description;
using Orchestrator.Plant.Engine;
using Orchestrator.Plant.Management;

namespace Orchestrator.Lab.Peers.KubeVirt;

/// <summary>KubeVirt's monitor without alpha gates, or with the downtime ramp (live-migration-source.go).</summary>
internal sealed class LegacyMonitor(KubeVirtOptions options, DowntimeRamp? ramp) : IManagementPolicy
{
    private bool _vfio;
    private long _acceptableSeconds;
    private TimeSpan _lastProgress;
    private long _watermark;
    private MigrationMode _mode = MigrationMode.PreCopy;
    private bool _aborting;

    public TimeSpan? NextLook { get; private set; } = KubeVirtOptions.Poll;

    public bool FollowsPasses => false;

    public EngineSetup SetUp(MigrationDescription migration)
    {
        _vfio = migration.Guest.Devices.Count > 0;
        _acceptableSeconds = options.AcceptableCompletionTime(migration.Guest.Memory);
        return new EngineSetup { PostCopy = options.AllowPostCopy && !_vfio };
    }

    public void Look(EngineView view, IEngineControls engine)
    {
        NextLook = view.Elapsed + KubeVirtOptions.Poll;

        // The watermark is the last value, not the least: any drop since the poll before counts as progress, so only a dead link is stuck.
        if (_watermark == 0 || view.RamRemaining < _watermark)
        {
            _lastProgress = view.Elapsed;
        }

        _watermark = view.RamRemaining;
        ramp?.Tune(view, engine);
        Judge(view.Elapsed, engine);
    }

    public void SeePass(EngineView view, IEngineControls engine)
    {
    }

    private void Judge(TimeSpan elapsed, IEngineControls engine)
    {
        var late = _acceptableSeconds != 0 && WholeSeconds(elapsed) > _acceptableSeconds;
        if (_mode == MigrationMode.PostCopy)
        {
            return;
        }

        // Before the check for a dead link: a link that dies shortly before the time is up still gets the pause or the post-copy.
        if (options.AllowWorkloadDisruption && late && _mode != MigrationMode.Paused)
        {
            Disrupt(engine);
        }
        else if (late || (options.ProgressTimeout != 0 && WholeSeconds(elapsed - _lastProgress) > options.ProgressTimeout))
        {
            Abort(engine);
        }
    }

    private void Disrupt(IEngineControls engine)
    {
        if (options.AllowPostCopy && !_vfio)
        {
            _mode = engine.StartPostCopy() ? MigrationMode.PostCopy : _mode;
            return;
        }

        _acceptableSeconds *= 2;
        _mode = MigrationMode.Paused;
        if (_vfio)
        {
            // Suspended CPUs would leave the device running and dirtying; with a huge limit QEMU stops both.
            engine.SetDowntimeLimit(TimeSpan.FromMilliseconds(
                Math.Min(_acceptableSeconds * 1000, KubeVirtOptions.LongestDowntimeMilliseconds)));
        }
        else
        {
            engine.Pause();
        }
    }

    private void Abort(IEngineControls engine)
    {
        if (!_aborting)
        {
            _aborting = true;
            engine.Cancel();
        }
    }

    private static long WholeSeconds(TimeSpan time) => time.Ticks / TimeSpan.TicksPerSecond;
}
