using Orchestrator.Plant.Description;
using Orchestrator.Plant.Engine;
using Orchestrator.Plant.Management;

namespace Orchestrator.Lab.Peers.Qemu;

/// <summary>
/// What was suggested on qemu-devel in September 2011 instead of a stop condition: the 30 ms of those days, doubled each minute. It ends nothing by
/// itself; QEMU's longest downtime-limit is where it comes to rest.
/// </summary>
internal sealed class Doubling2011 : IManagementPolicy
{
    private static readonly TimeSpan s_minute = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan s_first = TimeSpan.FromMilliseconds(30);
    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(2000);

    private TimeSpan _limit = s_first;

    public TimeSpan? NextLook { get; private set; } = s_minute;

    public bool FollowsPasses => false;

    public EngineSetup SetUp(MigrationDescription migration) => new() { SwitchoverAck = false, DowntimeLimit = s_first };

    public void Look(EngineView view, IEngineControls engine)
    {
        _limit = 2 * _limit < s_longest ? 2 * _limit : s_longest;
        engine.SetDowntimeLimit(_limit);
        NextLook = _limit < s_longest ? view.Elapsed + s_minute : null;
    }

    public void SeePass(EngineView view, IEngineControls engine)
    {
    }
}
