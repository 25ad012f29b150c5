using System.Globalization;
using Orchestrator.ControlPlane.Migrations.Supervision;
using Orchestrator.ControlPlane.Migrations.Wishes;
using Orchestrator.ControlPlane.Policies;
using Orchestrator.Policy.Convergence;
using Orchestrator.Policy.Convergence.Replay;
using Orchestrator.PolicyMessages;
using Orchestrator.V1;
using LifecyclePhase = Orchestrator.Policy.Lifecycle.MigrationPhase;

namespace Orchestrator.ControlPlane.Migrations.Replaying;

/// <summary>Asks a policy again about what the record has of a migration.</summary>
internal sealed class MigrationReplay(ReplayLedger ledger, PolicyStore policies)
{
    public async Task<ReplayResult> RunAsync(ReplayMigrationCommand command, CancellationToken cancellation)
    {
        if (await ledger.FindAsync(command.MigrationId, cancellation) is not { } migration)
        {
            return ReplayResult.Of(ReplayRefusal.MigrationUnknown);
        }

        var decisions = await ledger.ListDecisionsAsync(command.MigrationId, cancellation);
        var commands = await ledger.ListCommandsAsync(command.MigrationId, cancellation);
        if (await FindPolicyAsync(command, migration, decisions, cancellation) is not { } replayed)
        {
            return ReplayResult.Of(ReplayRefusal.PolicyUnknown) with
            {
                Policy = command.Policy.Length > 0 ? command.Policy : migration.Policy,
                Revision = command.Revision,
            };
        }

        if (await ledger.FindBeginningAsync(command.MigrationId, cancellation) is not { } began)
        {
            return ReplayResult.Of(ReplayRefusal.ReadingsGone);
        }

        var ground = new ReplayGround(migration, began, new CommandBook(commands), command);
        var switches = new Dictionary<uint, ConvergenceTerms>();
        foreach (var decision in decisions.Where(decision => replayed.FollowsSwitches && decision.Action is DecisionAction.SwitchPolicy))
        {
            if (await policies.FindAsync(decision.Policy, (int)decision.PolicyRevision, cancellation) is { } switched)
            {
                switches[decision.Sequence] = ground.Terms(PolicyInForce.Of(switched).Document);
            }
        }

        var readings = await ledger.ListReadingsAsync(command.MigrationId, began, cancellation);
        if (RecordingMessage.Read(readings, decisions, decision => switches.GetValueOrDefault(decision.Sequence)) is not { } recording)
        {
            return ReplayResult.Of(ReplayRefusal.ReadingsGone);
        }

        var terms = ground.Terms(replayed.Document);
        var outcome = ReplayPolicy.Run(terms, recording with { Commands = RefusedActs.In(commands) });
        var answer = ReplayWords.Answer(outcome, decisions, replayed);
        answer.Terms = ReplayTermsMessage.Of(terms);
        return new ReplayResult(null, answer);
    }

    private async Task<ReplayedPolicy?> FindPolicyAsync(
        ReplayMigrationCommand command, Migration migration, IReadOnlyList<Decision> decisions, CancellationToken cancellation)
    {
        if (command.Document is { } given)
        {
            return new ReplayedPolicy("", 0, given, FollowsSwitches: false);
        }

        var asItRan = command is { Policy: "", Revision: 0 };
        if (asItRan && decisions.FirstOrDefault(decision => decision.Action is DecisionAction.SwitchPolicy) is { } switched)
        {
            // Its row has the policy that it ended under.
            return await FindBeforeAsync(switched, cancellation);
        }

        var (name, revision) = asItRan ? (migration.Policy, migration.PolicyRevision)
            : (command.Policy.Length > 0 ? command.Policy : migration.Policy, command.Revision);
        return await policies.FindAsync(name, revision, cancellation) is { } stored
            ? new ReplayedPolicy(stored.Name, stored.Revision, PolicyInForce.Of(stored).Document, FollowsSwitches: asItRan)
            : null;
    }

    private async Task<ReplayedPolicy?> FindBeforeAsync(Decision switched, CancellationToken cancellation) =>
        switched.Inputs.TryGetValue(WishRules.PolicyBefore, out var name)
        && switched.Inputs.TryGetValue(WishRules.RevisionBefore, out var text)
        && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var revision)
        && await policies.FindAsync(name, revision, cancellation) is { } stored
            ? new ReplayedPolicy(stored.Name, stored.Revision, PolicyInForce.Of(stored).Document, FollowsSwitches: true)
            : null;

    /// <summary>What a policy is replayed on, but for the document.</summary>
    private sealed record ReplayGround(Migration Migration, DateTimeOffset Began, CommandBook Book, ReplayMigrationCommand Command)
    {
        public ConvergenceTerms Terms(ConvergenceDocument document)
        {
            var promised = Command.MaxDowntime ?? Migration.Request.MaxDowntime?.ToTimeSpan() ?? document.MaxDowntime;
            var then = Migration with
            {
                Phase = LifecyclePhase.Copying,
                PhaseSince = Began,
                MaxDowntime = promised < document.MaxDowntime ? promised : document.MaxDowntime,
                Deadline = Command.Deadline ?? Migration.Deadline,
            };
            return CopyTerms.Of(then, document, Book, CopyConditions.Usual);
        }
    }
}

/// <param name="Name">Empty for a document of the request.</param>
/// <param name="FollowsSwitches">It is replayed as it ran: a caller's switch to another policy is part of that.</param>
internal sealed record ReplayedPolicy(string Name, int Revision, ConvergenceDocument Document, bool FollowsSwitches);

/// <param name="Response">Null when it was refused.</param>
internal sealed record ReplayResult(ReplayRefusal? Refusal, ReplayMigrationResponse? Response)
{
    /// <summary>The policy that is not known.</summary>
    public string Policy { get; init; } = "";

    public int Revision { get; init; }

    public static ReplayResult Of(ReplayRefusal refusal) => new(refusal, null);
}

internal enum ReplayRefusal
{
    MigrationUnknown,
    PolicyUnknown,
    ReadingsGone,
}
