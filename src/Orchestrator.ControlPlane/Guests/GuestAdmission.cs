using Grpc.Core;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Guests;

/// <summary>Writes guests down and forgets them again.</summary>
internal sealed class GuestAdmission(GuestStore guests, TimeProvider clock)
{
    /// <exception cref="RpcException">The refusals of DefineGuest in guests.proto.</exception>
    public async Task<StoredGuest> DefineAsync(string guestId, MachineSpec spec, CancellationToken cancellation) =>
        await guests.DefineAsync(guestId, spec, clock.GetUtcNow(), cancellation) switch
        {
            DefineGuestOutcome.Defined or DefineGuestOutcome.DefinedBefore =>
                await guests.FindAsync(guestId, cancellation) ?? throw GuestErrors.Unknown(guestId),
            DefineGuestOutcome.Exists => throw GuestErrors.Exists(guestId),
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
