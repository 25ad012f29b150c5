using Orchestrator.Plant.Description;
using Orchestrator.Plant.Engine;
using Orchestrator.Plant.Management;

namespace Orchestrator.Lab.Peers.Virsh;

/// <summary>
/// virsh migrate --timeout (tools/virsh-domain.c): one timer, armed when the job is first seen to run, one action when it fires, and then nothing,
/// whatever became of it.
/// </summary>
internal sealed class TimeoutWatch(OnTimeout action, TimeSpan timeout) : IManagementPolicy
{
    /// <summary>virsh has no default, its user has to say: half a minute is the choice of this laboratory.</summary>
    public static readonly TimeSpan UsualTimeout = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(500);

    private bool _armed;

    public TimeSpan? NextLook { get; private set; } = s_poll;

    public bool FollowsPasses => false;

    public EngineSetup SetUp(MigrationDescription migration) => new() { PostCopy = action == OnTimeout.PostCopy };

    public void Look(EngineView view, IEngineControls engine)
    {
        if (!_armed)
        {
            _armed = true;
            NextLook = view.Elapsed + timeout;
            return;
        }

        NextLook = null;
        switch (action)
        {
            case OnTimeout.Suspend:
                engine.Pause();
                break;
            case OnTimeout.PostCopy:
                // A refusal is a debug message there, and not tried again.
                engine.StartPostCopy();
                break;
        }
    }

    public void SeePass(EngineView view, IEngineControls engine)
    {
    }
}

/// <summary>--timeout-suspend and --timeout-postcopy.</summary>
internal enum OnTimeout
{
    Suspend,
    PostCopy,
}
