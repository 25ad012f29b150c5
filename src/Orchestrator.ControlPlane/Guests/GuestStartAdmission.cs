using System.Collections.Concurrent;
using Grpc.Core;
using Microsoft.Extensions.Options;
using Orchestrator.Agent.V1;
using Orchestrator.ControlPlane.Hosts;

namespace Orchestrator.ControlPlane.Guests;

/// <summary>
/// Starts guests. The intention is written down before the agent is told, so that at most one host is ever told, and a start whose
/// outcome is not known is repeated on that same host until it is.
/// </summary>
internal sealed class GuestStartAdmission(
    GuestStore guests, HostStore hosts, AgentLinks links, IOptions<AgentOptions> options, TimeProvider clock)
{
    // One command per guest and control plane: the refusal of a second one says nothing about the first.
    private readonly ConcurrentDictionary<string, Task> _commanding = new(StringComparer.Ordinal);

    /// <exception cref="RpcException">The refusals of StartGuest in guests.proto.</exception>
    public async Task<StoredGuest> StartAsync(string guestId, string hostId, bool paused, CancellationToken cancellation)
    {
        while (true)
        {
            if (_commanding.TryGetValue(guestId, out var other))
            {
                await other.WaitAsync(cancellation);
                continue;
            }

            var guest = await guests.FindAsync(guestId, cancellation) ?? throw GuestErrors.Unknown(guestId);
            var host = await hosts.FindAsync(hostId, cancellation) ?? throw GuestErrors.HostUnknown(hostId);
            var left = guest.HostId is { } present && present != hostId && await hosts.FindAsync(present, cancellation) is { Liveness.IsDead: true };
            if (RunsThere(guest, host, left))
            {
                return guest;
            }

            if (await ClaimAndCommandAsync(guest, host, paused, cancellation) is { } started)
            {
                return started;
            }
        }
    }

    /// <summary>Starts that an earlier control plane or a lost connection left without an outcome and whose host can be asked.</summary>
    public async Task<IReadOnlyList<StoredGuest>> ListUnfinishedAsync(CancellationToken cancellation) =>
    [
        .. (await guests.ListStartingSinceAsync(clock.GetUtcNow() - options.Value.StartWithin, cancellation))
            .Where(guest => guest.HostId is { } hostId && links.IsConnected(hostId)),
    ];

    /// <summary>Tells the host of an unfinished start once more.</summary>
    /// <exception cref="RpcException">It did not start the guest, or did not say; what is known has been written down.</exception>
    public Task RepeatAsync(StoredGuest unfinished) => AloneAsync(
        unfinished.GuestId,
        async () => await RenewAsync(unfinished) is { } renewed ? await CommandAsync(renewed, renewed.HostId ?? "") : null);

    /// <param name="left">The guest is on another host, which is dead: it runs nowhere.</param>
    /// <returns>True when the guest is where it is wanted; false when it can be started there.</returns>
    private bool RunsThere(StoredGuest guest, RegisteredHost host, bool left)
    {
        if (guest.ActiveMigrationId is { } migrationId)
        {
            throw GuestErrors.Migrating(guest.GuestId, migrationId);
        }

        if (host.Liveness.IsDead)
        {
            throw GuestErrors.HostDead(host.HostId);
        }

        if (guest.HostId is { } present && !left)
        {
            if (!links.IsConnected(present))
            {
                throw GuestErrors.StateUnknown(guest.GuestId, present);
            }

            if (present != host.HostId)
            {
                throw GuestErrors.Elsewhere(guest.GuestId, present);
            }
        }

        if (!left && guest.State is (StoredGuestState.Running or StoredGuestState.Paused))
        {
            return true;
        }

        if (!left && guest.State == StoredGuestState.Starting && clock.GetUtcNow() - guest.StateSince < options.Value.StartWithin)
        {
            throw GuestErrors.AgentUnreachable(host.HostId, "it has been told to start the guest and has not answered yet");
        }

        // A start that was admitted before the cordon is finished all the same.
        if (host.Cordoned && (left || guest.State != StoredGuestState.Starting))
        {
            throw GuestErrors.HostCordoned(host.HostId);
        }

        return links.IsConnected(host.HostId)
            ? false
            : throw GuestErrors.AgentUnreachable(host.HostId, "there is no connection to it");
    }

    /// <returns>Null when somebody else was first: read again and decide again.</returns>
    private Task<StoredGuest?> ClaimAndCommandAsync(
        StoredGuest guest, RegisteredHost host, bool paused, CancellationToken cancellation) => AloneAsync(
        guest.GuestId,
        async () =>
        {
            var claimed = guest.State == StoredGuestState.Starting && guest.HostId == host.HostId
                ? await RenewAsync(guest)
                : await guests.ClaimAsync(guest, host.HostId, paused, clock.GetUtcNow(), cancellation);

            // From here on the caller's going away changes nothing: what was begun is seen to its end.
            return claimed is null ? null : await CommandAsync(claimed, host.HostId);
        });

    // While a start may be on its way nobody stops the guest, lest the stop overtake it; so the time counts from the latest telling.
    private Task<StoredGuest?> RenewAsync(StoredGuest starting) =>
        guests.WriteAsync(starting, starting with { StateSince = clock.GetUtcNow() }, CancellationToken.None);

    private async Task<StoredGuest?> AloneAsync(string guestId, Func<Task<StoredGuest?>> command)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        if (!_commanding.TryAdd(guestId, done.Task))
        {
            return null;
        }

        try
        {
            return await command();
        }
        finally
        {
            _commanding.TryRemove(guestId, out _);
            done.SetResult();
        }
    }

    private async Task<StoredGuest?> CommandAsync(StoredGuest claimed, string hostId)
    {
        var client = links.ClientFor(hostId) ?? throw GuestErrors.AgentUnreachable(hostId, "it is not registered any more");
        var answer = await AgentQuestion.AskAsync(client.StartGuestAsync(
            new StartGuestRequest { GuestId = claimed.GuestId, Spec = claimed.Spec, Paused = claimed.StartsPaused },
            deadline: (clock.GetUtcNow() + options.Value.StartWithin).UtcDateTime));
        if (answer.Response is { } response)
        {
            return await WriteAsync(claimed, GuestObservation.Apply(claimed, response.Guest, clock.GetUtcNow()));
        }

        if (answer.RefusedBecause is null)
        {
            throw GuestErrors.AgentUnreachable(hostId, answer.Problem);
        }

        // Only when the host itself says that the guest is not there may it be started elsewhere.
        var list = await AgentQuestion.AskAsync(client.ListGuestsAsync(
            new ListGuestsRequest(), deadline: (clock.GetUtcNow() + options.Value.AnswerWithin).UtcDateTime));
        if (list.Response is { } there)
        {
            var seen = there.Guests.FirstOrDefault(guest => guest.GuestId == claimed.GuestId);
            var now = clock.GetUtcNow();
            await WriteAsync(
                claimed,
                seen is null or { RunState: RunState.Gone or RunState.Shutdown, Incoming: false }
                    ? GuestObservation.ShutOff(claimed, now)
                    : GuestObservation.Apply(claimed, seen, now));
        }

        throw GuestErrors.StartFailed(claimed.GuestId, hostId, answer.Problem);
    }

    private async Task<StoredGuest?> WriteAsync(StoredGuest read, StoredGuest now) =>
        await guests.WriteAsync(read, now, CancellationToken.None) ?? await guests.FindAsync(read.GuestId, CancellationToken.None);
}
