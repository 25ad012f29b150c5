using Microsoft.Extensions.Options;
using Orchestrator.ControlPlane.Guests;
using Orchestrator.ControlPlane.Hosts;
using Orchestrator.ControlPlane.Migrations.Ledger;
using Orchestrator.ControlPlane.Notices;
using Orchestrator.ControlPlane.Policies;
using Orchestrator.ControlPlane.Queue;
using Orchestrator.Policy.Convergence;
using Orchestrator.PolicyMessages;
using Orchestrator.V1;
using MigrationPhase = Orchestrator.Policy.Lifecycle.MigrationPhase;

namespace Orchestrator.ControlPlane.Migrations.Admission;

/// <summary>Starts a migration: checks, and writes it into the queue. The same request again is the same migration.</summary>
internal sealed class MigrationAdmission(AdmissionFacts facts, MigrationStore migrations, TimeProvider clock)
{
    /// <summary>By which a request's times are judged.</summary>
    public DateTimeOffset Now => clock.GetUtcNow();

    public async Task<AdmissionResult> AdmitAsync(StartMigrationCommand command, CancellationToken cancellation)
    {
        while (true)
        {
            if (await migrations.FindAsync(command.MigrationId, cancellation) is { } before)
            {
                return Repeat(command, before);
            }

            var (refusal, migration) = await CheckAsync(command, cancellation);
            if (refusal is not null || migration is null)
            {
                return refusal ?? new AdmissionResult(AdmissionOutcome.GuestUnknown, null);
            }

            switch (await migrations.AdmitAsync(migration, cancellation))
            {
                case AdmitOutcome.Admitted:
                    return new AdmissionResult(AdmissionOutcome.Admitted, migration);
                case AdmitOutcome.GuestAlreadyMigrating:
                    return await MigratingAsync(command.GuestId, null, cancellation);
                case AdmitOutcome.AdmittedBefore:
                    // Somebody was faster; what they wrote decides.
                    break;
            }
        }
    }

    private static AdmissionResult Repeat(StartMigrationCommand command, Migration before) => new(
        command.Request.Equals(before.Request) ? AdmissionOutcome.AdmittedBefore : AdmissionOutcome.Exists, before);

    /// <summary>Refuses what can never work. What may pass is waited for in the queue: an agent that does not answer, a full host.</summary>
    private async Task<(AdmissionResult? Refusal, Migration? Migration)> CheckAsync(
        StartMigrationCommand command, CancellationToken cancellation)
    {
        if (await facts.FindGuestAsync(command.GuestId, cancellation) is not { } guest)
        {
            return Refuse(AdmissionOutcome.GuestUnknown);
        }

        var target = command.TargetHostId.Length > 0 ? await facts.FindHostAsync(command.TargetHostId, cancellation) : null;
        if (target is null && command.TargetHostId.Length > 0)
        {
            return Refuse(AdmissionOutcome.TargetUnknown);
        }

        if (await facts.FindPolicyAsync(command.Policy, command.PolicyRevision, cancellation) is not { } policy)
        {
            return Refuse(AdmissionOutcome.PolicyUnknown);
        }

        var classes = await facts.ListClassesAsync(cancellation);
        if (!classes.Contains(command.PriorityClass))
        {
            return (new AdmissionResult(AdmissionOutcome.ClassUnknown, null) { Classes = classes }, null);
        }

        if (guest.ActiveMigrationId is { } active)
        {
            return (await MigratingAsync(command.GuestId, active, cancellation), null);
        }

        if (guest.State is not (StoredGuestState.Running or StoredGuestState.Paused) || guest.Stopping || guest.HostId is not { } source)
        {
            return Refuse(AdmissionOutcome.GuestNotRunning);
        }

        var document = PolicyDocumentParser.ParseStored(policy.Document);
        var nonLive = command.Mode is MigrationMode.NonLive;
        AdmissionOutcome? refusal =
            source == command.TargetHostId ? AdmissionOutcome.TargetIsSource
            : target is { Cordoned: true } ? AdmissionOutcome.TargetCordoned
            : DocumentRules.ViolationsFor(document, guest.Spec.VfioDevices.Count > 0, nonLive).Count > 0 ? AdmissionOutcome.PostCopyImpossible
            : null;
        return refusal is { } why ? Refuse(why) : (null, Write(command, guest, source, policy, document));

        static (AdmissionResult?, Migration?) Refuse(AdmissionOutcome outcome) => (new AdmissionResult(outcome, null), null);
    }

    private Migration Write(
        StartMigrationCommand command, StoredGuest guest, string source, StoredPolicy policy, ConvergenceDocument document)
    {
        var at = clock.GetUtcNow();
        var migration = new Migration
        {
            MigrationId = command.MigrationId,
            GuestId = command.GuestId,
            SourceHostId = source,
            TargetHostId = command.TargetHostId,
            Request = command.Request,
            Spec = guest.Spec,
            Policy = policy.Name,
            PolicyRevision = policy.Revision,
            Mode = command.Mode,
            MaxDowntime = command.MaxDowntime is { } asked && asked < document.MaxDowntime ? asked : document.MaxDowntime,
            Deadline = command.Deadline,
            MaxBytesPerSecond = command.MaxBytesPerSecond > 0 ? command.MaxBytesPerSecond : document.Bandwidth.Max?.BytesPerSecond ?? 0,
            RequestedBy = command.RequestedBy,
            GuestWasRunning = guest.State is StoredGuestState.Running,
            PriorityClass = command.PriorityClass,
            EvacuationId = command.EvacuationId,
            NotBefore = command.NotBefore,
            Phase = MigrationPhase.Queued,
            PhaseSince = at,
            CreatedAt = at,
            Revision = 1,
            Epoch = 0,
            LastTransition = 2,
        };

        // The request's terms go before the guest's own.
        return (command.Notice ?? guest.Notice) is { } terms ? migration with { Notice = StoredNotice.Open(migration, terms) } : migration;
    }

    /// <param name="active">Null = look it up.</param>
    private async Task<AdmissionResult> MigratingAsync(string guestId, Guid? active, CancellationToken cancellation) =>
        new(AdmissionOutcome.GuestAlreadyMigrating, null)
        {
            ActiveMigrationId = active ?? await migrations.FindRunningOfAsync(guestId, cancellation),
        };
}

/// <summary>What admission looks up in the other features' stores.</summary>
internal sealed class AdmissionFacts(
    GuestStore guests, HostStore hosts, PolicyStore policies, LimitsStore limits, IOptions<DefaultPolicyOptions> defaults)
{
    /// <summary>Names of the priority classes there are.</summary>
    public async Task<IReadOnlyList<string>> ListClassesAsync(CancellationToken cancellation) =>
        [.. (await limits.ReadAsync(cancellation)).Limits.Classes.Select(known => known.Name)];

    public Task<StoredGuest?> FindGuestAsync(string guestId, CancellationToken cancellation) => guests.FindAsync(guestId, cancellation);

    public Task<RegisteredHost?> FindHostAsync(string hostId, CancellationToken cancellation) => hosts.FindAsync(hostId, cancellation);

    /// <summary>A policy for a new migration, or for one that changes to it: one that was deleted is none.</summary>
    /// <param name="name">Empty = the default.</param>
    /// <param name="revision">0 = the newest.</param>
    public async Task<StoredPolicy?> FindPolicyAsync(string name, int revision, CancellationToken cancellation) =>
        await policies.FindAsync(name.Length > 0 ? name : defaults.Value.DefaultPolicy, revision, cancellation) is { Deleted: false } policy
            ? policy
            : null;
}

/// <param name="Migration">Set when admitted, now or before, and when the id belongs to another.</param>
internal sealed record AdmissionResult(AdmissionOutcome Outcome, Migration? Migration)
{
    /// <summary>Of a guest that is migrating already.</summary>
    public Guid? ActiveMigrationId { get; init; }

    /// <summary>Those there are, when the one asked for is not among them.</summary>
    public IReadOnlyList<string> Classes { get; init; } = [];
}

internal enum AdmissionOutcome
{
    Admitted,
    AdmittedBefore,

    /// <summary>The id belongs to a migration with other contents.</summary>
    Exists,
    GuestUnknown,
    TargetUnknown,
    PolicyUnknown,
    GuestAlreadyMigrating,
    GuestNotRunning,
    TargetCordoned,
    TargetIsSource,
    PostCopyImpossible,
    ClassUnknown,
}
