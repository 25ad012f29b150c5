using Grpc.Core;

namespace Orchestrator.ControlPlane.Guests;

/// <summary>Writes guests down and forgets them again.</summary>
internal sealed class GuestAdmission(GuestStore guests, TimeProvider clock)
{
    /// <exception cref="RpcException">The refusals of DefineGuest in guests.proto.</exception>
    public async Task<StoredGuest> DefineAsync(GuestDefinition definition, CancellationToken cancellation) =>
        await guests.DefineAsync(definition, clock.GetUtcNow(), cancellation) switch
        {
            DefineGuestOutcome.Defined or DefineGuestOutcome.DefinedBefore =>
                await guests.FindAsync(definition.GuestId, cancellation) ?? throw GuestErrors.Unknown(definition.GuestId),
            DefineGuestOutcome.Exists => throw GuestErrors.Exists(definition.GuestId),
        };

    /// <exception cref="RpcException">The refusals of RemoveGuest in guests.proto.</exception>
    public async Task RemoveAsync(string guestId, CancellationToken cancellation)
    {
        StoredGuest guest;
        do
        {
            guest = await guests.FindAsync(guestId, cancellation) ?? throw GuestErrors.Unknown(guestId);
            if (guest.HostId is { } hostId)
            {
                throw GuestErrors.Running(guestId, hostId);
            }
        }
        while (!await guests.RemoveAsync(guest, cancellation));
    }
}
