using Google.Protobuf.WellKnownTypes;
using Orchestrator.ControlPlane.Guests;
using Orchestrator.ControlPlane.Hosts;
using Orchestrator.ControlPlane.Migrations;
using Orchestrator.ControlPlane.Migrations.Admission;
using Orchestrator.ControlPlane.Migrations.Wishes;
using Orchestrator.ControlPlane.Replicas;
using Orchestrator.Policy.Evacuation;
using Orchestrator.Rpc.Errors;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Evacuations.Conducting;

/// <summary>The doors through which evacuations act: those that callers use.</summary>
internal sealed record ActionDoors
{
    public required HostStore Hosts { get; init; }

    public required GuestStore Guests { get; init; }

    public required GuestRunAdmission Runs { get; init; }

    public required GuestStartAdmission Starts { get; init; }

    public required EvacuationMigrations Migrations { get; init; }

    public required MigrationWishes Wishes { get; init; }

    public required ReplicaLease Lease { get; init; }

    public required EvacuationOptions Options { get; init; }

    public required ILogger Logger { get; init; }
}

/// <summary>Starts an evacuation's migrations. The same attempt again is the same migration.</summary>
internal sealed class EvacuationMigrations(MigrationAdmission admission, GuestStore guests, TimeProvider clock)
{
    /// <returns>Why it was refused; null = it is there, now or before.</returns>
    public async Task<string?> BeginAsync(Evacuation evacuation, ConductorAction.Begin begin, CancellationToken cancellation)
    {
        if (await guests.FindAsync(begin.GuestId, cancellation) is not { } guest)
        {
            return $"Guest {begin.GuestId} is not known.";
        }

        if (!StartMigrationCommand.TryParse(Request(evacuation, begin, guest), clock.GetUtcNow(), out var command, out var violations))
        {
            return Refusal.InvalidRequest(violations).Status.Detail;
        }

        var result = await admission.AdmitAsync(command with { EvacuationId = evacuation.EvacuationId }, cancellation);
        return result.Outcome is AdmissionOutcome.Admitted or AdmissionOutcome.AdmittedBefore or AdmissionOutcome.Exists
            ? null
            : MigrationErrors.Of(result, command).Status.Detail;
    }

    private static StartMigrationRequest Request(Evacuation evacuation, ConductorAction.Begin begin, StoredGuest guest)
    {
        var asked = evacuation.Request.RequestedBy.Length > 0
            ? $"evacuation {evacuation.EvacuationId}, by {evacuation.Request.RequestedBy}" : $"evacuation {evacuation.EvacuationId}";
        return new StartMigrationRequest
        {
            MigrationId = EvacuationMoves.IdOf(evacuation.EvacuationId, begin.GuestId, begin.Attempt).ToString(),
            GuestId = begin.GuestId,
            TargetHostId = begin.TargetHostId,
            Policy = begin.Policy,
            MaxDowntime = begin.MaxDowntime?.ToDuration(),
            RequestedBy = asked[..Math.Min(asked.Length, StartMigrationCommand.MaxRequestedByCharacters)],
            PriorityClass = EvacuationScope.ClassOf(evacuation.Spec),

            // A guest's own terms go before the evacuation's.
            Notice = guest.Notice is null ? evacuation.Spec.Notice : null,
        };
    }
}
