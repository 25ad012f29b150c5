using Google.Protobuf.WellKnownTypes;
using Microsoft.Extensions.Options;
using Orchestrator.ControlPlane.Hosts;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Guests;

/// <summary>
/// Words guests for callers, from the ledger alone: every replica says the same. A guest whose host is not heard is UNKNOWN, whatever the
/// ledger last knew; one whose host is dead has gone with it.
/// </summary>
internal sealed class GuestMessages(HostStore hosts, IOptions<HostLivenessOptions> options, TimeProvider clock)
{
    public async Task<Guest> OfAsync(StoredGuest guest, CancellationToken cancellation) => (await OfAsync([guest], cancellation))[0];

    public async Task<IReadOnlyList<Guest>> OfAsync(IReadOnlyList<StoredGuest> guests, CancellationToken cancellation)
    {
        var ids = guests.Select(guest => guest.HostId).OfType<string>().Distinct().ToList();
        var liveness = ids.Count == 0 ? new Dictionary<string, HostLiveness>() : await hosts.ListLivenessAsync(ids, cancellation);
        var now = clock.GetUtcNow();
        return [.. guests.Select(guest => Of(guest, liveness.GetValueOrDefault(guest.HostId ?? ""), now))];
    }

    private Guest Of(StoredGuest guest, HostLiveness? host, DateTimeOffset now)
    {
        var (state, since) = host switch
        {
            null => (Of(guest.State), guest.StateSince),
            { IsDead: true, DeadAt: var deadAt } => (GuestState.Crashed, Later(guest.StateSince, deadAt ?? now)),
            _ when host.StateBy(options.Value) != HostState.Connected => (GuestState.Unknown, Later(guest.StateSince, now - host.Silence)),
            _ => (Of(guest.State), guest.StateSince),
        };
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

    private static DateTimeOffset Later(DateTimeOffset one, DateTimeOffset other) => one > other ? one : other;

    private static GuestState Of(StoredGuestState state) => state switch
    {
        StoredGuestState.ShutOff => GuestState.ShutOff,
        StoredGuestState.Starting => GuestState.Starting,
        StoredGuestState.Running => GuestState.Running,
        StoredGuestState.Paused => GuestState.Paused,
        StoredGuestState.Crashed => GuestState.Crashed,
    };
}
