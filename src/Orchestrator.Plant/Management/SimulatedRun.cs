using Orchestrator.Plant.Description;
using Orchestrator.Plant.Engine;

namespace Orchestrator.Plant.Management;

/// <summary>Plays one migration under one policy, from its beginning to its end.</summary>
public static class SimulatedRun
{
    /// <summary>A run is cut at this many times its deadline: whatever comes after has failed.</summary>
    public const double CutAtDeadlines = 3;

    /// <param name="cutAtDeadlines">When it is cut, in deadlines.</param>
    /// <param name="watch">Sees the engine at every look and pass, before the policy does; null = nobody.</param>
    public static RunResult Play(
        MigrationDescription migration, IManagementPolicy policy, double cutAtDeadlines = CutAtDeadlines, Action<SimulatedEngine>? watch = null) =>
        PlayUntil(migration, policy, migration.Deadline * cutAtDeadlines, watch, CancellationToken.None);

    /// <param name="cut">When it is cut, since the copy began.</param>
    public static RunResult PlayUntil(
        MigrationDescription migration, IManagementPolicy policy, TimeSpan cut, Action<SimulatedEngine>? watch, CancellationToken cancellation)
    {
        var engine = new SimulatedEngine(migration, policy.SetUp(migration));
        if (policy is PolicyManagement ours)
        {
            ours.Engine = engine;
        }

        while (!engine.HasEnded && engine.Now < cut)
        {
            cancellation.ThrowIfCancellationRequested();
            var until = policy.NextLook is { } look && look < cut ? look : cut;
            if (until <= engine.Now)
            {
                throw new InvalidOperationException($"The policy wants to look at {until}, which is not after {engine.Now}.");
            }

            var pass = engine.Run(until, policy.FollowsPasses);
            if (engine.HasEnded)
            {
                break;
            }

            watch?.Invoke(engine);
            if (pass && engine.Now < until)
            {
                policy.SeePass(engine.View(), engine);
            }
            else if (engine.Now < cut)
            {
                policy.Look(engine.View(), engine);
            }
        }

        return RunResult.Of(migration, engine);
    }
}

/// <summary>What came of a run. True values, not what the engine or the policy believed.</summary>
public sealed record RunResult
{
    public required RunEnd End { get; init; }

    /// <summary>From the start of the copy to its end, completed or not.</summary>
    public required TimeSpan TotalTime { get; init; }

    /// <summary>How long the guest stood still when it moved, a pause to converge included; null when it did not move.</summary>
    public TimeSpan? Outage { get; init; }

    /// <summary>The part of the outage that was a pause to converge.</summary>
    public TimeSpan Paused { get; init; }

    /// <summary>As the engine would report it; null when the guest did not move.</summary>
    public TimeSpan? EngineDowntime { get; init; }

    /// <summary>On the wire.</summary>
    public required double Bytes { get; init; }

    /// <summary>On the wire when it was given up, or switched to post-copy; null when neither was.</summary>
    public double? BytesAtLastStep { get; init; }

    public required int Passes { get; init; }

    /// <summary>Throttle times time.</summary>
    public required TimeSpan SlowDown { get; init; }

    public bool PostCopyUsed { get; init; }

    internal static RunResult Of(MigrationDescription migration, SimulatedEngine engine) => new()
    {
        End = EndOf(migration, engine),
        TotalTime = engine.Now,
        Outage = engine.Outage.Total,
        Paused = engine.Outage.Total is null ? TimeSpan.Zero : engine.Outage.PausedPart,
        EngineDowntime = engine.Status is EngineStatus.Completed ? engine.Outage.ByEngine : null,
        Bytes = engine.Transferred,
        BytesAtLastStep = engine.PostCopyUsed ? engine.TransferredBeforePostCopy
            : engine.Status is EngineStatus.Cancelled or EngineStatus.Failed ? engine.Transferred
            : null,
        Passes = engine.Passes,
        SlowDown = TimeSpan.FromSeconds(engine.SlowDown),
        PostCopyUsed = engine.PostCopyUsed,
    };

    private static RunEnd EndOf(MigrationDescription migration, SimulatedEngine engine)
    {
        switch (engine.Status)
        {
            case EngineStatus.Cancelled or EngineStatus.Failed:
                return RunEnd.GivenUp;
            case EngineStatus.Active or EngineStatus.Device or EngineStatus.PostCopyActive:
                // A blackout that has not ended is over every budget.
                return engine.Status is EngineStatus.Device ? RunEnd.OverBudget : RunEnd.Never;
            case EngineStatus.Completed:
                return !Keeps(migration, engine.Outage) ? RunEnd.OverBudget
                    : engine.PostCopyUsed && !migration.Permitted.PostCopy ? RunEnd.NotPermitted
                    : engine.Now > migration.Deadline ? RunEnd.TooLate
                    : RunEnd.WithinTerms;
            default:
                throw new System.Diagnostics.UnreachableException($"No arm for {engine.Status}.");
        }
    }

    /// <summary>A pause that the owner permits is within the promise for as long as it was permitted; the switch-over after it has the budget.</summary>
    private static bool Keeps(MigrationDescription migration, Outage outage) =>
        outage.Total is not { } total || total <= migration.MaxDowntime
        || (migration.Permitted.MaxPause is { } permitted && outage.PausedPart > TimeSpan.Zero
            && outage.PausedPart <= permitted && total - outage.PausedPart <= migration.MaxDowntime);
}

public enum RunEnd
{
    WithinTerms,

    /// <summary>The guest stood still for longer than was promised.</summary>
    OverBudget,

    TooLate,

    /// <summary>By post-copy, in which a lost link stops the guest, against the owner's word.</summary>
    NotPermitted,
    GivenUp,

    /// <summary>Still at it when the run was cut.</summary>
    Never,
}
