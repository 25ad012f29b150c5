using Orchestrator.Plant.Description;
using Orchestrator.Plant.Engine;
using Orchestrator.Plant.Management;

namespace Orchestrator.Lab.Peers.Nova;

/// <summary>
/// Nova's _live_migration_monitor (nova/virt/libvirt/driver.py): every half second, by elapsed time only. What remains is read there and used
/// for nothing but a percentage.
/// </summary>
internal sealed class NovaMonitor(NovaOptions options) : IManagementPolicy
{
    private static readonly TimeSpan s_tick = TimeSpan.FromSeconds(0.5);

    private DowntimeLadder? _ladder;
    private TimeSpan _timeout;
    private TimeSpan? _limit;
    private bool _forceCompleteQueued;
    private bool _inPostCopy;

    public TimeSpan? NextLook { get; private set; } = s_tick;

    public bool FollowsPasses => false;

    /// <summary>
    /// No downtime limit: libvirt's migrate call takes none, so QEMU's own rules until the first tick. Where post-copy is permitted its
    /// capability is set for every guest of the host, those with VFIO devices too.
    /// </summary>
    public EngineSetup SetUp(MigrationDescription migration)
    {
        var gibibytes = DowntimeLadder.DataSize(migration.Guest);
        _ladder = DowntimeLadder.For(options, gibibytes);
        _timeout = TimeSpan.FromSeconds((long)(options.CompletionTimeout * gibibytes));
        return new EngineSetup { PostCopy = options.PermitPostCopy };
    }

    public void Look(EngineView view, IEngineControls engine)
    {
        NextLook = view.Elapsed + s_tick;
        RunTasks(engine);
        if (_timeout > TimeSpan.Zero && !_inPostCopy && view.Elapsed > _timeout)
        {
            // Said again at every tick until the job ends.
            TimeOut(engine);
        }

        if (_ladder?.At(view.Elapsed) is { } limit && limit != _limit)
        {
            engine.SetDowntimeLimit(limit);
            _limit = limit;
        }
    }

    public void SeePass(EngineView view, IEngineControls engine)
    {
    }

    private void RunTasks(IEngineControls engine)
    {
        if (!_forceCompleteQueued)
        {
            return;
        }

        _forceCompleteQueued = false;
        if (_inPostCopy)
        {
            return;
        }

        if (options.PermitPostCopy)
        {
            _inPostCopy = engine.StartPostCopy();
        }
        else
        {
            engine.Pause();
        }
    }

    private void TimeOut(IEngineControls engine)
    {
        switch (options.TimeoutAction)
        {
            case TimeoutAction.Abort:
                engine.Cancel();
                break;
            case TimeoutAction.ForceComplete:
                _forceCompleteQueued = true;
                break;
        }
    }
}
