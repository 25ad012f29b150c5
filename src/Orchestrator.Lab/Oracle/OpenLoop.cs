using Orchestrator.Plant.Description;
using Orchestrator.Plant.Engine;
using Orchestrator.Plant.Management;

namespace Orchestrator.Lab.Oracle;

/// <summary>A plan that looks at nothing: what is done, and when, was settled before the migration began.</summary>
internal sealed record OpenLoopPlan
{
    /// <summary>Of the engine.</summary>
    public required TimeSpan Limit { get; init; }

    /// <summary>Until then no switch-over can be.</summary>
    public TimeSpan OpensAt { get; init; }

    /// <summary>avail-switchover-bandwidth; 0 = the engine estimates.</summary>
    public long Told { get; init; }

    /// <summary>0 = none.</summary>
    public int ThrottlePercent { get; init; }

    public TimeSpan? PauseAt { get; init; }

    /// <summary>Instead of a time: at so many passes.</summary>
    public int? PauseAtPass { get; init; }

    public TimeSpan? PostCopyAt { get; init; }
}

/// <summary>Carries a plan out.</summary>
internal sealed class OpenLoop(OpenLoopPlan plan) : IManagementPolicy
{
    private static readonly TimeSpan s_soon = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan s_closed = TimeSpan.FromMilliseconds(1);

    private readonly Queue<(TimeSpan At, Action<IEngineControls> Do)> _due = new(Schedule(plan).OrderBy(step => step.At));

    public TimeSpan? NextLook => _due.Count > 0 ? _due.Peek().At : null;

    public bool FollowsPasses => plan.PauseAtPass is not null;

    public EngineSetup SetUp(MigrationDescription migration) => new()
    {
        AutoConverge = plan.ThrottlePercent > 0,
        PostCopy = plan.PostCopyAt is not null,
        SwitchoverAck = migration.Guest.Devices.Count > 0,
        DowntimeLimit = plan.OpensAt > TimeSpan.Zero ? s_closed : plan.Limit,
        SwitchOverBandwidth = plan.Told,

        // Once a second is as often as the engine looks; the lowest threshold makes every look a hit.
        Throttle = plan.ThrottlePercent > 0 ? new ThrottleKnobs(plan.ThrottlePercent, 1, plan.ThrottlePercent, 1) : ThrottleKnobs.Usual,
    };

    public void Look(EngineView view, IEngineControls engine)
    {
        while (_due.TryPeek(out var step) && step.At <= view.Elapsed)
        {
            _due.Dequeue();
            step.Do(engine);
        }
    }

    public void SeePass(EngineView view, IEngineControls engine)
    {
        if (view.Passes == plan.PauseAtPass)
        {
            engine.Pause();
        }
    }

    private static IEnumerable<(TimeSpan At, Action<IEngineControls> Do)> Schedule(OpenLoopPlan plan)
    {
        if (plan.OpensAt > TimeSpan.Zero)
        {
            yield return (plan.OpensAt, engine => engine.SetDowntimeLimit(plan.Limit));
        }

        if (plan.PauseAt is { } pause)
        {
            yield return (pause > s_soon ? pause : s_soon, engine => engine.Pause());
        }

        if (plan.PostCopyAt is { } postCopy)
        {
            yield return (postCopy > s_soon ? postCopy : s_soon, engine => engine.StartPostCopy());
        }
    }
}
