using Orchestrator.Plant.Description;
using Orchestrator.Plant.Engine;
using Orchestrator.Plant.Management;

namespace Orchestrator.Lab.Peers.Qemu;

/// <summary>QEMU left to itself: 300 ms of downtime for ever, since it has no stop condition of its own.</summary>
/// <param name="maxBandwidth">Bytes per second; 0 = no cap.</param>
internal sealed class Unattended(long maxBandwidth) : IManagementPolicy
{
    /// <summary>QEMU's max-bandwidth where nobody lifts it (migration/options.c), bytes per second.</summary>
    public const long UsualMaxBandwidth = 128 << 20;

    public TimeSpan? NextLook => null;

    public bool FollowsPasses => false;

    public EngineSetup SetUp(MigrationDescription migration) => new() { SwitchoverAck = false, MaxBandwidth = maxBandwidth };

    public void Look(EngineView view, IEngineControls engine)
    {
    }

    public void SeePass(EngineView view, IEngineControls engine)
    {
    }
}
