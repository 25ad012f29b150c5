using Orchestrator.Plant.Description;
using Orchestrator.Plant.Engine;
using Orchestrator.Plant.Management;

namespace Orchestrator.Lab.Peers.Ovirt;

/// <summary>
/// vdsm before it had schedules: a thread that raises the downtime by the clock, and a monitor that gives up by the clock, both removed in 2019.
/// Its link share is today's, so that what differs from oVirt's other policies is the rule alone.
/// </summary>
internal sealed class Vdsm2013 : IManagementPolicy
{
    private const double MaxSecondsPerGibibyte = 64;
    private const double RaiseSecondsPerGibibyte = 100;

    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_progressTimeout = TimeSpan.FromSeconds(240);
    private static readonly TimeSpan s_longestRaise = TimeSpan.FromSeconds(60);

    private readonly Queue<(TimeSpan At, TimeSpan Limit)> _raises = new();

    private TimeSpan _maxTime;
    private TimeSpan? _nextPoll = s_interval;
    private TimeSpan _lastProgress;
    private long? _lowmark;

    /// <summary>Both threads' next turn, whichever comes first.</summary>
    public TimeSpan? NextLook => _nextPoll is { } poll && _raises.TryPeek(out var raise) && raise.At < poll ? raise.At : _nextPoll;

    public bool FollowsPasses => false;

    public EngineSetup SetUp(MigrationDescription migration)
    {
        _maxTime = TimeSpan.FromSeconds(Math.Ceiling(MaxSecondsPerGibibyte * migration.Guest.Gibibytes));
        var wait = TimeSpan.FromSeconds(RaiseSecondsPerGibibyte * migration.Guest.Gibibytes / LegacySchedule.Steps);
        wait = wait < s_longestRaise ? wait : s_longestRaise;
        var ladder = LegacySchedule.ExponentialDowntime(LegacySchedule.Downtime, LegacySchedule.Steps);
        for (var step = 1; step < ladder.Count; step++)
        {
            _raises.Enqueue((step * wait, TimeSpan.FromMilliseconds(ladder[step])));
        }

        return new EngineSetup
        {
            DowntimeLimit = TimeSpan.FromMilliseconds(ladder[0]),
            MaxBandwidth = ShippedPolicies.Legacy.MaxBandwidth(migration.Link),
        };
    }

    public void Look(EngineView view, IEngineControls engine)
    {
        while (_raises.TryPeek(out var raise) && raise.At <= view.Elapsed)
        {
            engine.SetDowntimeLimit(_raises.Dequeue().Limit);
        }

        if (view.Elapsed >= _nextPoll)
        {
            Poll(view, engine);
        }
    }

    public void SeePass(EngineView view, IEngineControls engine)
    {
    }

    private void Poll(EngineView view, IEngineControls engine)
    {
        _nextPoll = view.Elapsed + s_interval;
        if (_lowmark is null || view.RamRemaining < _lowmark)
        {
            _lowmark = view.RamRemaining;
            _lastProgress = view.Elapsed;
        }

        if (view.Elapsed > _maxTime || view.Elapsed - _lastProgress > s_progressTimeout)
        {
            engine.Cancel();
            _nextPoll = null;
        }
    }
}
