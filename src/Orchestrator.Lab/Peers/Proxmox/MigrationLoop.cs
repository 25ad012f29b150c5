using Orchestrator.Plant.Description;
using Orchestrator.Plant.Engine;
using Orchestrator.Plant.Management;

namespace Orchestrator.Lab.Peers.Proxmox;

/// <summary>
/// Phase 2 of Proxmox's migration task (PVE/QemuMigrate.pm): six polls that found more left than the one before double the limit. No timer, no
/// post-copy, no giving up. The cost of its queries is left out.
/// </summary>
internal sealed class MigrationLoop : IManagementPolicy
{
    private const long FirstLimitMilliseconds = 100;
    private const long LongestLimitMilliseconds = 2_000_000;
    private const int RisesPerDoubling = 6;
    private const long SixteenGibibytes = 16L << 30;

    private static readonly TimeSpan s_fastPoll = TimeSpan.FromMilliseconds(100);

    private TimeSpan _poll = TimeSpan.FromSeconds(1);
    private int _loops = 1;
    private int _rises;
    private long _lastTransferred;
    private long _lastVfio;
    private long _lastRemaining;
    private long _limitMilliseconds = FirstLimitMilliseconds;

    public TimeSpan? NextLook { get; private set; } = TimeSpan.FromSeconds(1);

    public bool FollowsPasses => false;

    /// <summary>Every capability that it does not name is switched off, switchover-ack among them.</summary>
    public EngineSetup SetUp(MigrationDescription migration) => new()
    {
        AutoConverge = true,
        SwitchoverAck = false,
        DowntimeLimit = TimeSpan.FromMilliseconds(FirstLimitMilliseconds),
        MaxBandwidth = SixteenGibibytes,
    };

    public void Look(EngineView view, IEngineControls engine)
    {
        var vfio = view.VfioTransferred ?? 0;
        if (view.Transferred != _lastTransferred || vfio != _lastVfio)
        {
            Count(view.RamRemaining, engine);
        }

        (_lastTransferred, _lastVfio) = (view.Transferred, vfio);
        _loops++;
        NextLook = view.Elapsed + _poll;
    }

    public void SeePass(EngineView view, IEngineControls engine)
    {
    }

    private void Count(long remaining, IEngineControls engine)
    {
        // An average per loop, not per second; once the polls are fast they stay so.
        var average = _lastTransferred / (double)_loops;
        if (average > 0 && remaining < average)
        {
            _poll = s_fastPoll;
        }

        // Progress never takes a rise back. Nothing left counts too, poll after poll, as long as device state still flows.
        if ((_lastRemaining != 0 && remaining > _lastRemaining) || remaining == 0)
        {
            _rises++;
        }

        _lastRemaining = remaining;
        if (_rises == RisesPerDoubling)
        {
            _rises = 0;
            _limitMilliseconds = Math.Min(2 * _limitMilliseconds, LongestLimitMilliseconds);
            engine.SetDowntimeLimit(TimeSpan.FromMilliseconds(_limitMilliseconds));
        }
    }
}
