using Grpc.Core;
using Orchestrator.ControlPlane.Migrations.Admission;
using Orchestrator.Rpc.Errors;

namespace Orchestrator.ControlPlane.Migrations;

/// <summary>Every way the migration API says no. Reasons are those of MigrationError in migrations.proto.</summary>
internal static class MigrationErrors
{
    private const string Domain = "orchestrator.v1";

    private static readonly TimeSpan s_restartTakes = TimeSpan.FromSeconds(2);

    /// <summary>Of a start that was not admitted.</summary>
    public static RpcException Of(AdmissionResult refused, StartMigrationCommand command) => refused.Outcome switch
    {
        AdmissionOutcome.Admitted or AdmissionOutcome.AdmittedBefore => Unknown(command.MigrationId),
        AdmissionOutcome.Exists => Exists(command.MigrationId),
        AdmissionOutcome.GuestUnknown => GuestUnknown(command.GuestId),
        AdmissionOutcome.TargetUnknown => TargetUnknown(command.TargetHostId),
        AdmissionOutcome.PolicyUnknown => PolicyUnknown(command.Policy, (uint)command.PolicyRevision),
        AdmissionOutcome.GuestAlreadyMigrating => GuestAlreadyMigrating(command.GuestId, refused.ActiveMigrationId),
        AdmissionOutcome.GuestNotRunning or AdmissionOutcome.TargetCordoned or AdmissionOutcome.TargetIsSource
            or AdmissionOutcome.PostCopyImpossible =>
            Precondition(refused.Outcome, command.GuestId, command.TargetHostId),
        AdmissionOutcome.ClassUnknown => ClassUnknown(command.PriorityClass, refused.Classes),
    };

    public static RpcException Unknown(Guid migrationId) => Refusal.Because(
        StatusCode.NotFound, Domain, "MIGRATION_UNKNOWN", $"Migration {migrationId} is not known.", ("migration_id", $"{migrationId}"));

    public static RpcException Exists(Guid migrationId) => Refusal.Because(
        StatusCode.AlreadyExists,
        Domain,
        "MIGRATION_EXISTS",
        $"Migration {migrationId} was started with other contents. Choose a new id.",
        ("migration_id", $"{migrationId}"));

    public static RpcException GuestUnknown(string guestId) => Refusal.Because(
        StatusCode.NotFound, Domain, "GUEST_UNKNOWN", $"Guest {guestId} is not known.", ("guest_id", guestId));

    public static RpcException TargetUnknown(string hostId) => Refusal.Because(
        StatusCode.NotFound, Domain, "TARGET_UNKNOWN", $"Host {hostId} is not known.", ("host_id", hostId));

    public static RpcException PolicyUnknown(string policy, uint revision) => Refusal.Because(
        StatusCode.NotFound,
        Domain,
        "POLICY_UNKNOWN",
        policy.Length == 0 ? "The default policy is not known; the server's settings name another that is not stored."
            : revision == 0 ? $"Policy {policy} is not known."
            : $"Policy {policy} has no revision {revision}.",
        ("policy", policy));

    public static RpcException GuestAlreadyMigrating(string guestId, Guid? active) => Refusal.Because(
        StatusCode.FailedPrecondition,
        Domain,
        "GUEST_ALREADY_MIGRATING",
        $"Guest {guestId} is migrating already. Wait for that to end or cancel it.",
        ("guest_id", guestId),
        ("active_migration_id", $"{active}"));

    public static RpcException ClassUnknown(string name, IReadOnlyList<string> known) => Refusal.Because(
        StatusCode.InvalidArgument,
        Domain,
        "CLASS_UNKNOWN",
        $"priority_class: the limits have no class \"{name}\"; there are {string.Join(", ", known)}.",
        ("priority_class", name),
        ("known_classes", string.Join(",", known)));

    public static RpcException Precondition(AdmissionOutcome outcome, string guestId, string hostId)
    {
        var (reason, message) = outcome switch
        {
            AdmissionOutcome.GuestNotRunning => ("GUEST_NOT_RUNNING", $"Guest {guestId} is not running, or its state is not known."),
            AdmissionOutcome.TargetCordoned => ("TARGET_CORDONED", $"Host {hostId} is cordoned. Uncordon it or choose another."),
            AdmissionOutcome.TargetIsSource => ("TARGET_IS_SOURCE", $"Guest {guestId} is on host {hostId} already."),
            AdmissionOutcome.PostCopyImpossible => (
                "POST_COPY_IMPOSSIBLE",
                $"The policy can end only in post-copy, which is not possible for guest {guestId}: it has a VFIO device or the mode is NON_LIVE."),
            _ => throw new ArgumentOutOfRangeException(nameof(outcome), outcome, "No precondition of a start."),
        };
        return Refusal.Because(StatusCode.FailedPrecondition, Domain, reason, message, ("guest_id", guestId), ("host_id", hostId));
    }

    public static RpcException PastPointOfNoReturn(Guid migrationId) => Refusal.Because(
        StatusCode.FailedPrecondition,
        Domain,
        "PAST_POINT_OF_NO_RETURN",
        $"Migration {migrationId} has begun to switch over: the target may hold the newest memory and there is nothing to go back to.",
        ("migration_id", $"{migrationId}"));

    public static RpcException Ended(Guid migrationId) => Refusal.Because(
        StatusCode.FailedPrecondition, Domain, "MIGRATION_ENDED", $"Migration {migrationId} has ended.", ("migration_id", $"{migrationId}"));

    public static RpcException NotCopying(Guid migrationId) => Refusal.Because(
        StatusCode.FailedPrecondition,
        Domain,
        "NOT_COPYING",
        $"Migration {migrationId} is not copying memory: it can be changed only then.",
        ("migration_id", $"{migrationId}"));

    public static RpcException LimitAboveBudget(Guid migrationId, TimeSpan budget) => Refusal.Because(
        StatusCode.FailedPrecondition,
        Domain,
        "LIMIT_ABOVE_BUDGET",
        FormattableString.Invariant($"Migration {migrationId} was promised a downtime of at most {budget.TotalMilliseconds} ms."),
        ("budget_ms", FormattableString.Invariant($"{budget.TotalMilliseconds}")));

    public static RpcException PostCopyImpossible(Guid migrationId) => Refusal.Because(
        StatusCode.FailedPrecondition,
        Domain,
        "POST_COPY_IMPOSSIBLE",
        $"Migration {migrationId} cannot go to post-copy: its guest has a VFIO device, its mode is NON_LIVE, or its sides were not prepared for it.",
        ("migration_id", $"{migrationId}"));

    public static RpcException ReadingsGone(Guid migrationId) => Refusal.Because(
        StatusCode.FailedPrecondition,
        Domain,
        "READINGS_GONE",
        $"Migration {migrationId} has no readings to replay: it never copied, they are older than they are kept, or an earlier release wrote them.",
        ("migration_id", $"{migrationId}"));

    public static RpcException ShuttingDown() => Refusal.RetryLater(
        StatusCode.Unavailable, Domain, "SHUTTING_DOWN", "The server is going down; call again. Migrations go on.", s_restartTakes);

    /// <summary>The supervisor is being begun anew: nothing was written, or the same request finds that it was.</summary>
    public static RpcException NotAnswered(Guid migrationId) => Refusal.RetryLater(
        StatusCode.Unavailable, Domain, "SHUTTING_DOWN", $"Migration {migrationId} cannot be changed at this moment; call again.", s_restartTakes);

    public static RpcException CommanderSilent(Guid migrationId) => Refusal.RetryLater(
        StatusCode.Unavailable,
        Domain,
        "COMMANDER_SILENT",
        $"The replica that commands migration {migrationId} did not answer in time; ask again with the same request_id.",
        s_restartTakes);

    public static RpcException WatcherTooSlow() => Refusal.RetryLater(
        StatusCode.ResourceExhausted,
        Domain,
        "WATCHER_TOO_SLOW",
        "The watcher read too slowly and was dropped; call again, the snapshot catches up.",
        TimeSpan.Zero);
}
