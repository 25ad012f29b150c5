using Orchestrator.Plant.Description;
using Orchestrator.Plant.Engine;
using Orchestrator.Plant.Management;

namespace Orchestrator.Lab.Peers.Virsh;

/// <summary>virsh migrate --postcopy-after-precopy: post-copy at the event that says pass 2, whether the copy would have converged or not.</summary>
internal sealed class PostCopyAfterPreCopy : IManagementPolicy
{
    private const int SecondPass = 2;

    public TimeSpan? NextLook => null;

    public bool FollowsPasses => true;

    public EngineSetup SetUp(MigrationDescription migration) => new() { PostCopy = true };

    public void Look(EngineView view, IEngineControls engine)
    {
    }

    public void SeePass(EngineView view, IEngineControls engine)
    {
        if (view.Passes == SecondPass)
        {
            engine.StartPostCopy();
        }
    }
}
