using Google.Protobuf.WellKnownTypes;
using Orchestrator.ControlPlane.Hosts;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Guests;

/// <summary>Words a guest for a caller. A guest whose host cannot be asked just now is UNKNOWN, whatever the ledger last knew.</summary>
internal static class GuestMessage
{
    public static Guest Of(StoredGuest guest, AgentLinks links)
    {
        var state = guest.HostId is { } host && !links.IsConnected(host) ? GuestState.Unknown : Of(guest.State);
        var since = state == GuestState.Unknown && links.LastSeen(guest.HostId ?? "") is { } heard && heard > guest.StateSince
            ? heard
            : guest.StateSince;
        return new Guest
        {
            GuestId = guest.GuestId,
            Spec = guest.Spec,
            State = state,
            HostId = guest.HostId ?? "",
            ActiveMigrationId = guest.ActiveMigrationId?.ToString() ?? "",
            DefinedAt = guest.DefinedAt.ToTimestamp(),
            StateSince = since.ToTimestamp(),
            SerialSocket = guest.SerialSocket,
            Labels = { guest.Labels.ToDictionary() },
            Placement = guest.Placement.CalculateSize() > 0 ? guest.Placement : null,
            Notice = guest.Notice,
        };
    }

    private static GuestState Of(StoredGuestState state) => state switch
    {
        StoredGuestState.ShutOff => GuestState.ShutOff,
        StoredGuestState.Starting => GuestState.Starting,
        StoredGuestState.Running => GuestState.Running,
        StoredGuestState.Paused => GuestState.Paused,
        StoredGuestState.Crashed => GuestState.Crashed,
    };
}
