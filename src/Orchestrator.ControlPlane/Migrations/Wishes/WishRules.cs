using System.Diagnostics;
using System.Globalization;
using Google.Protobuf.WellKnownTypes;
using Orchestrator.Agent.V1;
using Orchestrator.ControlPlane.Migrations.Supervision;
using Orchestrator.ControlPlane.Policies;
using Orchestrator.Policy.Convergence;
using Orchestrator.Policy.Lifecycle;
using Orchestrator.V1;
using MigrationPhase = Orchestrator.Policy.Lifecycle.MigrationPhase;

namespace Orchestrator.ControlPlane.Migrations.Wishes;

/// <summary>What comes of a caller's wish as the migration stands. Decides; the supervisor writes and commands.</summary>
internal sealed class WishRules(Migration migration, MigrationStanding standing, CopyTrack track)
{
    /// <summary>Inputs of the decision to switch the policy.</summary>
    public const string PolicyBefore = "policy_before";
    public const string RevisionBefore = "policy_revision_before";

    public WishVerdict Cancel(string reason) =>
        migration.HasEnded ? WishVerdict.Refused(WishOutcome.Ended)
        : MigrationProgress.Cancel(standing, reason.Length > 0 ? reason : "a caller's wish") is { } step
            ? new WishVerdict(WishOutcome.Granted) { Step = step }
        : WishVerdict.Refused(WishOutcome.PastPointOfNoReturn);

    /// <param name="now"><see cref="TimeProvider.GetTimestamp"/>.</param>
    public WishVerdict Adjust(AdjustMigrationCommand command, long now)
    {
        if (migration.HasEnded)
        {
            return WishVerdict.Refused(WishOutcome.Ended);
        }

        if (migration.Phase is not MigrationPhase.Copying)
        {
            return WishVerdict.Refused(WishOutcome.NotCopying);
        }

        var verdict = command.Adjustment switch
        {
            Adjustment.SetBandwidth(var rate) => Granted(
                migration with { MaxBytesPerSecond = rate },
                track.State,
                new Decision { Action = DecisionAction.SetBandwidth, BandwidthBytesPerSecond = (ulong)rate },
                Decisions.Adjust(migration, new AdjustSource { MaxBytesPerSecond = (ulong)(migration with { MaxBytesPerSecond = rate }).RateCap })),
            Adjustment.PauseNow(var longest) => Granted(
                migration,
                track.State.WithPause(track.Elapsed, longest),
                new Decision { Action = DecisionAction.Pause, MaxPause = longest.ToDuration() },
                Decisions.Pause(migration, longest)),
            Adjustment.PostCopyNow when !track.Terms.PostCopyPossible => WishVerdict.Refused(WishOutcome.PostCopyImpossible),
            Adjustment.PostCopyNow => Granted(
                migration,
                track.State.WithCommitted(),
                new Decision { Action = DecisionAction.StartPostCopy },
                Decisions.Plain(AgentCommandKind.StartPostCopy, migration, track.Terms)),
            Adjustment.RaiseLimit(var limit) when limit > migration.MaxDowntime => WishVerdict.Refused(WishOutcome.LimitAboveBudget),
            Adjustment.RaiseLimit(var limit) => Granted(
                migration,
                track.State.WithLimit(limit),
                new Decision { Action = DecisionAction.SetDowntimeLimit, DowntimeLimit = limit.ToDuration() },
                Decisions.Adjust(migration, new AdjustSource { DowntimeLimit = limit.ToDuration() })),
            Adjustment.SwitchPolicy { Policy: { } policy } to => SwitchPolicy(to, policy),
            _ => throw new UnreachableException($"No arm for {command.Adjustment}."),
        };
        return verdict.Change is not { Decision: { } draft } change ? verdict
            : verdict with { Change = change with { Decision = draft with { RequestId = command.RequestId, MadeAt = now } } };
    }

    private WishVerdict SwitchPolicy(Adjustment.SwitchPolicy to, PolicyInForce policy)
    {
        var document = policy.Document;
        var nonLive = migration.Mode is MigrationMode.NonLive;
        var endsInPostCopy = document.Steps is [.., { Action: LadderAction.PostCopy }];
        if (DocumentRules.ViolationsFor(document, migration.Spec.VfioDevices.Count > 0, nonLive).Count > 0
            || (endsInPostCopy && !track.Terms.PostCopyPossible))
        {
            return WishVerdict.Refused(WishOutcome.PostCopyImpossible);
        }

        // The caller's promise stays; the new policy's own cap may be lower or higher than the old one's.
        var asked = migration.Request.MaxDowntime?.ToTimeSpan() ?? document.MaxDowntime;
        var budget = asked < document.MaxDowntime ? asked : document.MaxDowntime;
        var cap = migration.Request.MaxBytesPerSecond > 0 ? migration.MaxBytesPerSecond : document.Bandwidth.Max?.BytesPerSecond ?? 0;
        var terms = track.Terms with { Document = document, Budget = budget };
        var state = ConvergencePolicy.SwitchDocument(terms, track.State, track.Elapsed);
        var adjustment = new AdjustSource
        {
            DowntimeLimit = state.Limit.ToDuration(),
            MaxBytesPerSecond = (ulong)(migration with { MaxBytesPerSecond = cap }).RateCap,
        };
        if (document.Bandwidth.SwitchOver is { } switchOver)
        {
            adjustment.SwitchoverBytesPerSecond = (ulong)switchOver.BytesPerSecond;
        }

        var switched = migration with
        {
            Policy = to.Name,
            PolicyRevision = to.Revision,
            MaxDowntime = budget,
            MaxBytesPerSecond = cap,
        };
        var decision = new Decision
        {
            Action = DecisionAction.SwitchPolicy,
            DowntimeLimit = state.Limit.ToDuration(),
            Inputs =
            {
                [PolicyBefore] = migration.Policy,
                [RevisionBefore] = migration.PolicyRevision.ToString(CultureInfo.InvariantCulture),
            },
        };
        return Granted(switched, state, decision, Decisions.Adjust(migration, adjustment)) with { Policy = policy };
    }

    private WishVerdict Granted(Migration to, ConvergenceState state, Decision decision, WordedCommand command)
    {
        decision.Origin = DecisionOrigin.Caller;
        decision.Rule = "caller";
        decision.Reason = "asked for by a caller";
        decision.Elapsed = track.Elapsed.ToDuration();
        decision.ReadingSequence = track.Latest?.Sequence ?? 0;
        return new WishVerdict(WishOutcome.Granted)
        {
            Change = new RecordChange(to) { Decision = new DecisionDraft(decision, null, 0), Commands = [command] },
            State = state,
        };
    }
}

/// <summary>What comes of a wish: a step of progress, a change of the record, or nothing.</summary>
internal sealed record WishVerdict(WishOutcome Outcome)
{
    public static WishVerdict GrantedBefore { get; } = new(WishOutcome.Granted);

    public ProgressStep? Step { get; init; }

    public RecordChange? Change { get; init; }

    /// <summary>What policy goes on from; null leaves it.</summary>
    public ConvergenceState? State { get; init; }

    /// <summary>Another policy from here on; null leaves it.</summary>
    public PolicyInForce? Policy { get; init; }

    public static WishVerdict Refused(WishOutcome outcome) => new(outcome);
}
