using Google.Protobuf.WellKnownTypes;
using Orchestrator.Policy.Evacuation;
using Orchestrator.V1;
using PlannedMove = Orchestrator.Policy.Evacuation.PlannedMove;
using PolicyMode = Orchestrator.Policy.Evacuation.EvacuationCancelMode;
using PolicyPlan = Orchestrator.Policy.Evacuation.EvacuationPlan;
using PolicyTreatment = Orchestrator.Policy.Evacuation.GuestTreatment;

namespace Orchestrator.ControlPlane.Evacuations;

/// <summary>Words evacuations for callers.</summary>
internal static class EvacuationMessages
{
    public static V1.Evacuation Of(Evacuation evacuation)
    {
        var restarted = evacuation.Spec.Overrides.Where(wish => wish.Treatment is V1.GuestTreatment.Restart)
            .Select(wish => wish.GuestId).ToHashSet(StringComparer.Ordinal);
        return new V1.Evacuation
        {
            EvacuationId = evacuation.EvacuationId.ToString(),
            Spec = evacuation.Spec,
            RequestedBy = evacuation.Request.RequestedBy,
            State = State(evacuation.State.Phase),
            CreatedAt = evacuation.CreatedAt.ToTimestamp(),
            EndedAt = evacuation.EndedAt?.ToTimestamp(),
            Revision = (ulong)evacuation.Revision,
            Epoch = (ulong)evacuation.Epoch,
            Guests = { evacuation.State.Guests.Select(guest => Guest(evacuation.EvacuationId, guest, restarted.Contains(guest.GuestId))) },
            Hosts =
            {
                evacuation.State.Hosts.Select(host => new V1.EvacuationHost
                {
                    HostId = host.HostId, State = State(host.Phase), WasCordoned = host.WasCordoned,
                }),
            },
            Plan = evacuation.Plan,
            Eta = Eta(evacuation),
            LateGuestIds = { evacuation.Plan.LateGuestIds },
            CancelMode = evacuation.State.Phase is EvacuationPhase.Cancelling or EvacuationPhase.Cancelled
                ? Mode(evacuation.State.CancelMode) : V1.EvacuationCancelMode.Unspecified,
            Message = evacuation.Message,
        };
    }

    public static V1.EvacuationPlan Of(PolicyPlan plan) => new()
    {
        Moves = { plan.Moves.Select(Of) },
        Stuck =
        {
            plan.Stuck.Select(guest => new V1.StuckGuest { GuestId = guest.GuestId, SourceHostId = guest.SourceHostId, Message = guest.Message }),
        },
        SkippedGuestIds = { plan.SkippedGuestIds },
        Total = plan.Total.ToDuration(),
        BandwidthBound = plan.BandwidthBound.ToDuration(),
        LateGuestIds = { plan.LateGuestIds },
        Waves = (uint)plan.Waves,
    };

    public static string Word(EvacuationPhase phase) => phase switch
    {
        EvacuationPhase.Running => "goes on",
        EvacuationPhase.Paused => "is paused",
        EvacuationPhase.Cancelling => "is being cancelled",
        EvacuationPhase.Cancelled => "has been cancelled",
        EvacuationPhase.Completed => "has completed",
        EvacuationPhase.Incomplete => "has ended incomplete",
    };

    private static V1.PlannedMove Of(PlannedMove move) => new()
    {
        GuestId = move.GuestId,
        SourceHostId = move.SourceHostId,
        TargetHostId = move.TargetHostId,
        Treatment = move.Treatment switch
        {
            PolicyTreatment.Migrate => V1.GuestTreatment.Migrate,
            PolicyTreatment.Skip => V1.GuestTreatment.Skip,
            PolicyTreatment.Restart => V1.GuestTreatment.Restart,
        },
        Wave = (uint)move.Wave,
        StartsAfter = move.StartsAfter.ToDuration(),
        Duration = move.Duration.ToDuration(),
        Downtime = move.Downtime?.ToDuration(),
        Bytes = (ulong)move.Bytes.Bytes,
        Policy = move.Policy,
    };

    private static V1.EvacuationGuest Guest(Guid evacuationId, GuestStanding guest, bool restarted) => new()
    {
        GuestId = guest.GuestId,
        SourceHostId = guest.SourceHostId,
        State = State(guest.Phase),
        TargetHostId = guest.TargetHostId ?? "",
        Attempts = (uint)guest.Attempts,
        MigrationId = guest.Attempts > 0 && !restarted ? EvacuationMoves.IdOf(evacuationId, guest.GuestId, guest.Attempts).ToString() : "",
        NextAttemptAt = guest.NextAttemptAt?.ToTimestamp(),
        Message = guest.Message,
        StateSince = guest.Since.ToTimestamp(),
    };

    // In a pause nobody knows when it goes on.
    private static Timestamp? Eta(Evacuation evacuation) =>
        evacuation.State.Phase is EvacuationPhase.Running or EvacuationPhase.Cancelling
        && evacuation.Plan.Total?.ToTimeSpan() is { } total && total > TimeSpan.Zero
            ? (evacuation.PlannedAt + total).ToTimestamp()
            : null;

    private static V1.EvacuationState State(EvacuationPhase phase) => phase switch
    {
        EvacuationPhase.Running => V1.EvacuationState.Running,
        EvacuationPhase.Paused => V1.EvacuationState.Paused,
        EvacuationPhase.Cancelling => V1.EvacuationState.Cancelling,
        EvacuationPhase.Cancelled => V1.EvacuationState.Cancelled,
        EvacuationPhase.Completed => V1.EvacuationState.Completed,
        EvacuationPhase.Incomplete => V1.EvacuationState.Incomplete,
    };

    private static EvacuationHostState State(HostPhase phase) => phase switch
    {
        HostPhase.Waiting => EvacuationHostState.Waiting,
        HostPhase.Emptying => EvacuationHostState.Emptying,
        HostPhase.Empty => EvacuationHostState.Empty,
        HostPhase.Returned => EvacuationHostState.Returned,
    };

    private static EvacuationGuestState State(GuestPhase phase) => phase switch
    {
        GuestPhase.Waiting => EvacuationGuestState.Waiting,
        GuestPhase.Moving => EvacuationGuestState.Moving,
        GuestPhase.Moved => EvacuationGuestState.Moved,
        GuestPhase.BackingOff => EvacuationGuestState.BackingOff,
        GuestPhase.Stuck => EvacuationGuestState.Stuck,
        GuestPhase.Failed => EvacuationGuestState.Failed,
        GuestPhase.Skipped => EvacuationGuestState.Skipped,
        GuestPhase.Gone => EvacuationGuestState.Gone,
        GuestPhase.Returning => EvacuationGuestState.Returning,
        GuestPhase.Returned => EvacuationGuestState.Returned,
    };

    private static V1.EvacuationCancelMode Mode(PolicyMode mode) => mode switch
    {
        PolicyMode.StopHere => V1.EvacuationCancelMode.StopHere,
        PolicyMode.BringBack => V1.EvacuationCancelMode.BringBack,
    };
}
