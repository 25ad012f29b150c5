using Grpc.Core;
using Microsoft.Extensions.Options;
using Orchestrator.Agent.V1;
using Orchestrator.ControlPlane.Hosts;
using Duration = Google.Protobuf.WellKnownTypes.Duration;

namespace Orchestrator.ControlPlane.Guests;

/// <summary>Stops guests, pauses them and lets them run on, at their owners' wish.</summary>
internal sealed class GuestRunAdmission(GuestStore guests, AgentLinks links, IOptions<AgentOptions> options, TimeProvider clock)
{
    /// <exception cref="RpcException">The refusals of StopGuest in guests.proto.</exception>
    public async Task<StoredGuest> StopAsync(string guestId, TimeSpan grace, CancellationToken cancellation)
    {
        while (true)
        {
            var guest = await guests.FindAsync(guestId, cancellation) ?? throw GuestErrors.Unknown(guestId);
            if (guest.ActiveMigrationId is { } migrationId)
            {
                throw GuestErrors.Migrating(guestId, migrationId);
            }

            if (guest.HostId is not { } hostId)
            {
                return guest;
            }

            if (!links.IsConnected(hostId) || links.ClientFor(hostId) is not { } client)
            {
                // It went off with its host, if that is vouched for.
                return await guests.ReleaseFromDeadAsync(guest, clock.GetUtcNow(), cancellation)
                    ?? throw GuestErrors.StateUnknown(guestId, hostId);
            }

            // Its start may still be on its way to the agent, and a stop that overtook it would stop nothing.
            if (guest.State == StoredGuestState.Starting && clock.GetUtcNow() - guest.StateSince < options.Value.StartWithin)
            {
                throw GuestErrors.AgentUnreachable(hostId, "it has been told to start the guest and has not answered yet");
            }

            // The wish is written down first: a guest that is gone after it was shut off, and one that is gone without it has crashed.
            var marked = guest.Stopping ? guest : await guests.WriteAsync(guest, guest with { Stopping = true }, cancellation);
            if (marked is not null && await CommandStopAsync(marked, client, grace, cancellation) is { } stopped)
            {
                return stopped;
            }
        }
    }

    /// <exception cref="RpcException">The refusals of PauseGuest in guests.proto.</exception>
    public async Task<StoredGuest> PauseAsync(string guestId, CancellationToken cancellation)
    {
        var (guest, hostId, client) = await FindRunningAsync(guestId, resume: false, cancellation);
        var answer = await AgentQuestion.AskAsync(client.PauseGuestAsync(
            new PauseGuestRequest { GuestId = guestId }, deadline: Deadline(), cancellationToken: cancellation));
        return await OutcomeAsync(guest, hostId, answer.Response?.Guest, answer, cancellation);
    }

    /// <exception cref="RpcException">The refusals of ResumeGuest in guests.proto.</exception>
    public async Task<StoredGuest> ResumeAsync(string guestId, CancellationToken cancellation)
    {
        var (guest, hostId, client) = await FindRunningAsync(guestId, resume: true, cancellation);
        var answer = await AgentQuestion.AskAsync(client.ResumeGuestAsync(
            new ResumeGuestRequest { GuestId = guestId }, deadline: Deadline(), cancellationToken: cancellation));
        return await OutcomeAsync(guest, hostId, answer.Response?.Guest, answer, cancellation);
    }

    /// <returns>Null when somebody else wrote meanwhile: read again and decide again.</returns>
    private async Task<StoredGuest?> CommandStopAsync(
        StoredGuest marked, AgentService.AgentServiceClient client, TimeSpan grace, CancellationToken cancellation)
    {
        var hostId = marked.HostId ?? "";
        var answer = await AgentQuestion.AskAsync(client.StopGuestAsync(
            new StopGuestRequest { GuestId = marked.GuestId, Grace = Duration.FromTimeSpan(grace) },
            deadline: (clock.GetUtcNow() + grace + options.Value.StartWithin).UtcDateTime,
            cancellationToken: cancellation));
        if (answer.Response is not null || answer.RefusedBecause == "GUEST_UNKNOWN")
        {
            return await guests.WriteAsync(marked, GuestObservation.ShutOff(marked, clock.GetUtcNow()), cancellation);
        }

        if (answer.RefusedBecause is null)
        {
            cancellation.ThrowIfCancellationRequested();
            throw GuestErrors.AgentUnreachable(hostId, answer.Problem);
        }

        await guests.WriteAsync(marked, marked with { Stopping = false }, cancellation);
        throw GuestErrors.AgentRefused(marked.GuestId, hostId, answer.Problem);
    }

    private DateTime Deadline() => (clock.GetUtcNow() + options.Value.AnswerWithin).UtcDateTime;

    private async Task<(StoredGuest Guest, string HostId, AgentService.AgentServiceClient Client)> FindRunningAsync(
        string guestId, bool resume, CancellationToken cancellation)
    {
        var guest = await guests.FindAsync(guestId, cancellation) ?? throw GuestErrors.Unknown(guestId);
        if (guest.ActiveMigrationId is { } migrationId)
        {
            throw resume && guest.MigrationKeepsStopped
                ? GuestErrors.ResumeRefused(guestId, migrationId)
                : GuestErrors.Migrating(guestId, migrationId);
        }

        if (guest.State is not (StoredGuestState.Running or StoredGuestState.Paused) || guest.HostId is not { } hostId)
        {
            throw GuestErrors.NotRunning(guestId, guest.State.ToString());
        }

        return links.IsConnected(hostId) && links.ClientFor(hostId) is { } client
            ? (guest, hostId, client)
            : throw GuestErrors.AgentUnreachable(hostId, "there is no connection to it");
    }

    private async Task<StoredGuest> OutcomeAsync<T>(
        StoredGuest guest, string hostId, AgentGuest? seen, AgentAnswer<T> answer, CancellationToken cancellation)
        where T : class
    {
        if (answer.Response is null)
        {
            cancellation.ThrowIfCancellationRequested();
            throw answer.RefusedBecause is null
                ? GuestErrors.AgentUnreachable(hostId, answer.Problem)
                : GuestErrors.AgentRefused(guest.GuestId, hostId, answer.Problem);
        }

        // When somebody else wrote meanwhile, a later word of the agent than this one stands there or is on its way.
        var now = seen is null ? guest : GuestObservation.Apply(guest, seen, clock.GetUtcNow());
        return await guests.WriteAsync(guest, now, cancellation)
            ?? await guests.FindAsync(guest.GuestId, cancellation)
            ?? throw GuestErrors.Unknown(guest.GuestId);
    }
}
