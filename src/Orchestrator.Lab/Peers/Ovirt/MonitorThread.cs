using System.Diagnostics;
using Orchestrator.Plant.Description;
using Orchestrator.Plant.Engine;
using Orchestrator.Plant.Management;

namespace Orchestrator.Lab.Peers.Ovirt;

/// <summary>
/// vdsm's MonitorThread (lib/vdsm/virt/migration.py): at most one item of the schedule every ten seconds, and only when a new pass has begun.
/// Whether the copy progresses is logged there and decides nothing.
/// </summary>
internal sealed class MonitorThread(OvirtPolicy policy) : IManagementPolicy
{
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(10);

    private readonly Queue<StallingItem> _stalling = new(policy.ScheduleSent.Stalling);

    private int? _passesAtFirstPoll;
    private int _lastPasses;

    public TimeSpan? NextLook { get; private set; } = s_interval;

    public bool FollowsPasses => false;

    public EngineSetup SetUp(MigrationDescription migration) => new()
    {
        AutoConverge = policy.AutoConverge,
        PostCopy = policy.ScheduleSent.HasPostCopy,
        DowntimeLimit = policy.ScheduleSent.InitialDowntime,
        MaxBandwidth = policy.MaxBandwidth(migration.Link),
    };

    public void Look(EngineView view, IEngineControls engine)
    {
        NextLook = view.Elapsed + s_interval;

        // Not from pass 0: libvirt's count may hold passes of attempts cancelled before.
        if (_passesAtFirstPoll is not { } first)
        {
            _passesAtFirstPoll = _lastPasses = view.Passes;
            return;
        }

        if (view.Passes <= _lastPasses)
        {
            return;
        }

        _lastPasses = view.Passes;
        if (!_stalling.TryPeek(out var head))
        {
            // vdsm's thread dies of an index error here, and nobody watches on.
            NextLook = null;
            return;
        }

        if (head.Limit < view.Passes - first)
        {
            _stalling.Dequeue();
            Do(head.Action, engine);
        }
    }

    public void SeePass(EngineView view, IEngineControls engine)
    {
    }

    private void Do(ScheduledAction action, IEngineControls engine)
    {
        switch (action)
        {
            case ScheduledAction.SetDowntime(var limit):
                engine.SetDowntimeLimit(limit);
                return;
            case ScheduledAction.PostCopy:
                // Once asked for it is final; a refusal leaves the next item, an abort, to the next new pass.
                NextLook = engine.StartPostCopy() ? null : NextLook;
                return;
            case ScheduledAction.Abort:
                engine.Cancel();
                NextLook = null;
                return;
            default:
                throw new UnreachableException($"No arm for {action}.");
        }
    }
}
