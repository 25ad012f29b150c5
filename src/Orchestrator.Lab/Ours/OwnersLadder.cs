using Orchestrator.Plant.Description;
using Orchestrator.Policy;
using Orchestrator.Policy.Convergence;

namespace Orchestrator.Lab.Ours;

/// <summary>The predictive policy as the guest's owner would have it written: everything that is permitted is a step, gentlest first.</summary>
internal static class OwnersLadder
{
    private static readonly TimeSpan s_usualStart = TimeSpan.FromMilliseconds(100);

    public static ConvergenceDocument Predictive(MigrationDescription migration)
    {
        var permitted = migration.Permitted;
        List<LadderStep> steps = [new(new LadderAction.RaiseDowntime(), [])];
        if (permitted.ThrottleMaxPercent > 0)
        {
            steps.Add(new LadderStep(new LadderAction.Throttle(Math.Min(20, permitted.ThrottleMaxPercent), 10, permitted.ThrottleMaxPercent), []));
        }

        if (permitted.MaxPause is { } pause)
        {
            steps.Add(new LadderStep(new LadderAction.Pause(pause), []));
        }

        steps.Add(new LadderStep(permitted.PostCopy ? new LadderAction.PostCopy(DataRate.Zero) : new LadderAction.Abort(), []));
        return new ConvergenceDocument
        {
            InitialDowntime = s_usualStart < migration.MaxDowntime ? s_usualStart : migration.MaxDowntime,
            MaxDowntime = migration.MaxDowntime,
            Pacing = new Pacing.Predictive(),
            Steps = steps,
        };
    }
}
