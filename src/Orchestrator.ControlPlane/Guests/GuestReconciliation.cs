using System.Collections.Concurrent;
using Grpc.Core;
using Orchestrator.Agent.V1;
using Orchestrator.ControlPlane.Hosts;

namespace Orchestrator.ControlPlane.Guests;

/// <summary>
/// Brings the ledger to what a host says about its guests. A list that differs may simply be older than the ledger, so the host is asked
/// again after the ledger was read, and what was written after that reading stands.
/// </summary>
internal sealed partial class GuestReconciliation(
    GuestStore guests, GuestRunAdmission runs, AgentLinks links, TimeProvider clock, ILogger<GuestReconciliation> logger)
{
    private const int Attempts = 5;
    private static readonly TimeSpan s_answerWithin = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<(string HostId, string GuestId), string> _told = new();

    public async Task ReconcileAllAsync(CancellationToken cancellation)
    {
        foreach (var hostId in links.ConnectedHosts())
        {
            await ReconcileAsync(hostId, null, cancellation);
        }
    }

    /// <param name="pushed">What the host sent by itself; null = ask it.</param>
    public async Task ReconcileAsync(string hostId, IReadOnlyList<AgentGuest>? pushed, CancellationToken cancellation)
    {
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            IReadOnlyList<AgentGuest>? list = attempt == 0 ? pushed : null;
            list ??= await AskAsync(hostId, cancellation);
            if (list is null || await AgreesAsync(hostId, list, cancellation))
            {
                return;
            }
        }
    }

    /// <returns>False when something was written by others on the way and all is to be looked at again.</returns>
    private async Task<bool> AgreesAsync(string hostId, IReadOnlyList<AgentGuest> list, CancellationToken cancellation)
    {
        var known = await guests.ListOnHostAsync(hostId, [.. list.Select(guest => guest.GuestId)], cancellation);
        TellOfStrangers(hostId, list, known);
        var now = clock.GetUtcNow();
        var differing = known.Where(guest => Differs(hostId, guest, Find(list, guest), now)).ToList();
        if (differing.Count == 0)
        {
            return true;
        }

        if (await AskAsync(hostId, cancellation) is not { } fresh)
        {
            return true;
        }

        var agrees = true;
        foreach (var guest in differing)
        {
            var seen = Find(fresh, guest);
            if (Differs(hostId, guest, seen, now))
            {
                agrees &= await SettleAsync(hostId, guest, seen, cancellation);
            }
        }

        return agrees;
    }

    private static AgentGuest? Find(IReadOnlyList<AgentGuest> list, StoredGuest guest) =>
        list.FirstOrDefault(seen => seen.GuestId == guest.GuestId);

    private static bool Differs(string hostId, StoredGuest guest, AgentGuest? seen, DateTimeOffset at) =>
        guest.ActiveMigrationId is null
        && (guest.HostId == hostId
            ? !ReferenceEquals(GuestObservation.Apply(guest, seen, at), guest) || GuestObservation.PoweredDown(guest, seen)
            : guest.HostId is null && Runs(seen));

    private static bool Runs(AgentGuest? seen) => seen is { Incoming: false, RunState: RunState.Running or RunState.Paused };

    private async Task<bool> SettleAsync(string hostId, StoredGuest guest, AgentGuest? seen, CancellationToken cancellation)
    {
        if (guest.HostId is null)
        {
            // It runs, whatever was thought; the ledger must say so before somebody starts it a second time.
            LogAdopted(hostId, guest.GuestId);
            var adopted = guest with { HostId = hostId, State = StoredGuestState.Starting, StateSince = clock.GetUtcNow() };
            return await guests.WriteAsync(guest, GuestObservation.Apply(adopted, seen, clock.GetUtcNow()), cancellation) is not null;
        }

        if (GuestObservation.PoweredDown(guest, seen))
        {
            LogPoweredDown(hostId, guest.GuestId);
            try
            {
                await runs.StopAsync(guest.GuestId, TimeSpan.Zero, cancellation);
            }
            catch (RpcException refused)
            {
                LogNotRemoved(hostId, guest.GuestId, refused.Status.Detail);
            }

            return true;
        }

        var now = GuestObservation.Apply(guest, seen, clock.GetUtcNow());
        if (await guests.WriteAsync(guest, now, cancellation) is null)
        {
            return false;
        }

        if (now.State != guest.State)
        {
            LogChanged(hostId, guest.GuestId, guest.State, now.State);
        }

        return true;
    }

    private async Task<IReadOnlyList<AgentGuest>?> AskAsync(string hostId, CancellationToken cancellation)
    {
        if (links.ClientFor(hostId) is not { } client || !links.IsConnected(hostId))
        {
            return null;
        }

        var answer = await AgentQuestion.AskAsync(client.ListGuestsAsync(
            new ListGuestsRequest(), deadline: (clock.GetUtcNow() + s_answerWithin).UtcDateTime, cancellationToken: cancellation));
        return answer.Response?.Guests;
    }

    private void TellOfStrangers(string hostId, IReadOnlyList<AgentGuest> list, IReadOnlyList<StoredGuest> known)
    {
        foreach (var seen in list.Where(Runs))
        {
            var guest = known.FirstOrDefault(guest => guest.GuestId == seen.GuestId);
            var problem = guest is null ? "unknown"
                : guest is { ActiveMigrationId: null, HostId: { } elsewhere } && elsewhere != hostId ? elsewhere
                : "";
            var told = _told.TryGetValue((hostId, seen.GuestId), out var before) ? before : "";
            if (problem == told)
            {
                continue;
            }

            _told[(hostId, seen.GuestId)] = problem;
            if (problem == "unknown")
            {
                LogStranger(hostId, seen.GuestId);
            }
            else if (problem.Length > 0)
            {
                LogTwoCopies(hostId, seen.GuestId, problem);
            }
        }
    }

    [LoggerMessage(1, LogLevel.Information, "Host {HostId}: guest {GuestId} was {Before} and is {Now}.")]
    private partial void LogChanged(string hostId, string guestId, StoredGuestState before, StoredGuestState now);

    [LoggerMessage(2, LogLevel.Warning, "Host {HostId}: guest {GuestId} runs there, which the ledger had shut off; writing it down.")]
    private partial void LogAdopted(string hostId, string guestId);

    [LoggerMessage(3, LogLevel.Information, "Host {HostId}: guest {GuestId} powered itself down.")]
    private partial void LogPoweredDown(string hostId, string guestId);

    [LoggerMessage(4, LogLevel.Warning, "Host {HostId}: guest {GuestId} powered itself down, and what is left of it could not be removed: {Problem}")]
    private partial void LogNotRemoved(string hostId, string guestId, string problem);

    [LoggerMessage(5, LogLevel.Warning, "Host {HostId}: guest {GuestId} runs there and is not known; define it or stop it on the host.")]
    private partial void LogStranger(string hostId, string guestId);

    [LoggerMessage(6, LogLevel.Error, "Host {HostId}: guest {GuestId} runs there, but belongs to host {Owner}. Look at both hosts now.")]
    private partial void LogTwoCopies(string hostId, string guestId, string owner);
}
