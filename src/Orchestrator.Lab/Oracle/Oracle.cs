using Orchestrator.Plant.Description;
using Orchestrator.Plant.Management;

namespace Orchestrator.Lab.Oracle;

/// <summary>The gentlest means by which the migration can be brought within its terms.</summary>
internal enum OracleMeans
{
    /// <summary>A limit alone.</summary>
    Copy,
    Throttle,
    Pause,
    PostCopy,

    /// <summary>By nothing that is permitted.</summary>
    None,
}

/// <param name="Time">The shortest time by those means; null when it cannot be done.</param>
internal sealed record OracleVerdict(OracleMeans Means, TimeSpan? Time, TimeSpan? Outage, int ThrottlePercent)
{
    public bool Feasible => Time is not null;
}

/// <summary>
/// The best that any policy could do on a workload, found by playing it over and over with the future known: among the plans that keep the
/// budget and the deadline, those with the gentlest means that the owner permits (the copy alone, then the least throttle, a pause,
/// post-copy), and among them the shortest.
/// </summary>
internal static class OracleSearch
{
    private const int OpeningTimes = 60;
    private const int PauseTimes = 40;
    private const int PausePasses = 12;
    private const int ThrottleStep = 5;
    private const int PostCopyTimes = 8;

    private static readonly double[] s_limits = [1, 0.9, 0.75, 0.5, 0.25];
    private static readonly double[] s_told = [0, 1, 0.8, 0.6, 0.4];

    public static OracleVerdict Of(MigrationDescription migration)
    {
        if (ByLimit(migration, 0) is { } copy)
        {
            return Verdict(OracleMeans.Copy, copy, 0);
        }

        for (var percent = ThrottleStep; percent <= migration.Permitted.ThrottleMaxPercent; percent += ThrottleStep)
        {
            if (ByLimit(migration, percent) is { } throttled)
            {
                return Verdict(OracleMeans.Throttle, throttled, percent);
            }
        }

        if (migration.Permitted.MaxPause is not null && Best(migration, Pauses(migration)) is { } paused)
        {
            return Verdict(OracleMeans.Pause, paused, 0);
        }

        return migration.Permitted.PostCopy && Best(migration, PostCopies(migration)) is { } moved
            ? Verdict(OracleMeans.PostCopy, moved, 0)
            : new OracleVerdict(OracleMeans.None, null, null, 0);
    }

    private static RunResult? ByLimit(MigrationDescription migration, int throttle)
    {
        var plans = Limits(migration).Select(plan => plan with { ThrottlePercent = throttle }).ToList();
        var widest = plans.Where(plan => plan.Limit == plans[0].Limit).Select(plan => (Plan: plan, Result: Play(migration, plan))).ToList();
        if (widest.All(played => played.Result.Outage is null))
        {
            // Not even the widest limit lets it across in time: no narrower one does.
            return null;
        }

        // Where the first moment that looks right is wrong, a later one may do.
        return Best(migration, plans)
            ?? Best(migration, plans.Where(plan => plan.Told > 0).Take(3).SelectMany(plan => Openings(migration).Select(at => plan with { OpensAt = at })));
    }

    private static OracleVerdict Verdict(OracleMeans means, RunResult best, int percent) => new(means, best.TotalTime, best.Outage, percent);

    private static RunResult? Best(MigrationDescription migration, IEnumerable<OpenLoopPlan> plans) => plans
        .Select(plan => Play(migration, plan))
        .Where(result => result.End is RunEnd.WithinTerms)
        .MinBy(result => result.TotalTime);

    private static RunResult Play(MigrationDescription migration, OpenLoopPlan plan) =>
        SimulatedRun.Play(migration, new OpenLoop(plan), cutAtDeadlines: 1.001);

    private static IEnumerable<OpenLoopPlan> Limits(MigrationDescription migration) =>
        from told in s_told
        from share in s_limits
        select new OpenLoopPlan
        {
            Limit = TimeSpan.FromMilliseconds(Math.Max(1, Math.Floor(migration.MaxDowntime.TotalMilliseconds * share))),
            Told = (long)(migration.Link.BytesPerSecond * told),
        };

    private static IEnumerable<TimeSpan> Openings(MigrationDescription migration) =>
        Enumerable.Range(1, OpeningTimes).Select(index => migration.Deadline * ((double)index / (OpeningTimes + 1)));

    private static IEnumerable<OpenLoopPlan> Pauses(MigrationDescription migration)
    {
        var plan = new OpenLoopPlan { Limit = migration.MaxDowntime };
        return Enumerable.Range(1, PauseTimes).Select(index => plan with { PauseAt = migration.Deadline * ((double)index / (PauseTimes + 1)) })
            .Concat(Enumerable.Range(2, PausePasses).Select(pass => plan with { PauseAtPass = pass }));
    }

    private static IEnumerable<OpenLoopPlan> PostCopies(MigrationDescription migration) =>
        Enumerable.Range(0, PostCopyTimes).Select(index => new OpenLoopPlan
        {
            Limit = TimeSpan.FromMilliseconds(1),
            PostCopyAt = migration.Deadline * ((double)index / PostCopyTimes),
        });
}
