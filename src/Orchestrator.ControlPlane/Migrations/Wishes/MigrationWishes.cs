using Orchestrator.ControlPlane.Migrations.Admission;
using Orchestrator.ControlPlane.Migrations.Supervision;
using Orchestrator.ControlPlane.Migrations.Watching;
using Orchestrator.ControlPlane.Queue;
using Orchestrator.Policy.Lifecycle;

namespace Orchestrator.ControlPlane.Migrations.Wishes;

/// <summary>Brings callers' wishes about a running migration to whoever supervises it, here or on another replica, and the answer back.</summary>
internal sealed class MigrationWishes(
    WatchSources sources, AdmissionFacts facts, MigrationSupervisors supervisors, WishErrand errand, QueueExit queue)
{
    /// <returns>Null when there is no such migration.</returns>
    public async Task<WishAnswer?> CancelAsync(Guid migrationId, string reason, CancellationToken cancellation) =>
        await queue.CancelAsync(migrationId, reason, cancellation) is { } cancelled ? new WishAnswer(WishOutcome.Granted, cancelled)
            : await AskAsync(migrationId, new CallerWish.Cancel(reason), cancellation);

    public async Task<AdjustResult> AdjustAsync(AdjustMigrationCommand command, CancellationToken cancellation)
    {
        // The same request again is the same change, whatever has become of the migration since.
        if (await sources.History.HasRequestAsync(command.MigrationId, command.RequestId, cancellation)
            && await sources.Migrations.FindAsync(command.MigrationId, cancellation) is { } changed)
        {
            return new AdjustResult(new WishAnswer(WishOutcome.Granted, changed), PolicyUnknown: false);
        }

        if (command.Adjustment is Adjustment.SwitchPolicy { Policy: null } to)
        {
            if (await facts.FindPolicyAsync(to.Name, to.Revision, cancellation) is not { } policy)
            {
                return new AdjustResult(null, PolicyUnknown: true);
            }

            command = command.To(policy);
        }

        return new AdjustResult(await AskAsync(command.MigrationId, new CallerWish.Adjust(command), cancellation), PolicyUnknown: false);
    }

    private async Task<WishAnswer?> AskAsync(Guid migrationId, CallerWish wish, CancellationToken cancellation)
    {
        if (await sources.Migrations.FindAsync(migrationId, cancellation) is not { } migration)
        {
            return null;
        }

        if (migration.HasEnded)
        {
            return new WishAnswer(WishOutcome.Ended, migration);
        }

        if (migration.Phase is MigrationPhase.Queued && wish is CallerWish.Adjust)
        {
            return new WishAnswer(WishOutcome.NotCopying, migration);
        }

        var answer = await supervisors.AskAsync(migrationId, wish, cancellation);

        // It ended in between, or is not commanded here.
        return answer is { Outcome: WishOutcome.Ended, Migration: null } ? await errand.RunAsync(migrationId, wish, cancellation) : answer;
    }
}

/// <param name="Answer">Null when the migration or the policy is not known.</param>
internal sealed record AdjustResult(WishAnswer? Answer, bool PolicyUnknown);
