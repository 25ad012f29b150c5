using Grpc.Core;
using Orchestrator.Rpc.Errors;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Guests;

/// <summary>Parses, asks, answers. Decides nothing.</summary>
internal sealed class GuestGrpcService(
    GuestStore guests, GuestAdmission admission, GuestStartAdmission starts, GuestRunAdmission runs, GuestMessages messages)
    : GuestService.GuestServiceBase
{
    private static readonly TimeSpan s_longestGrace = TimeSpan.FromMinutes(10);

    public override async Task<DefineGuestResponse> DefineGuest(DefineGuestRequest request, ServerCallContext context)
    {
        if (!GuestDefinition.TryParse(request, out var definition, out var violations))
        {
            throw Refusal.InvalidRequest(violations);
        }

        return new DefineGuestResponse { Guest = await WordAsync(admission.DefineAsync(definition, context.CancellationToken), context) };
    }

    public override async Task<StartGuestResponse> StartGuest(StartGuestRequest request, ServerCallContext context)
    {
        var violations = new Violations();
        var guestId = violations.Name("guest_id", request.GuestId);
        var hostId = violations.Name("host_id", request.HostId);
        Refuse(violations);
        return new StartGuestResponse
        {
            Guest = await WordAsync(starts.StartAsync(guestId, hostId, request.Paused, context.CancellationToken), context),
        };
    }

    public override async Task<StopGuestResponse> StopGuest(StopGuestRequest request, ServerCallContext context)
    {
        var violations = new Violations();
        var guestId = violations.Name("guest_id", request.GuestId);
        var grace = violations.Duration("grace", request.Grace, TimeSpan.Zero, s_longestGrace) ?? TimeSpan.Zero;
        Refuse(violations);
        return new StopGuestResponse { Guest = await WordAsync(runs.StopAsync(guestId, grace, context.CancellationToken), context) };
    }

    public override async Task<PauseGuestResponse> PauseGuest(PauseGuestRequest request, ServerCallContext context) => new()
    {
        Guest = await WordAsync(runs.PauseAsync(ReadId(request.GuestId), context.CancellationToken), context),
    };

    public override async Task<ResumeGuestResponse> ResumeGuest(ResumeGuestRequest request, ServerCallContext context) => new()
    {
        Guest = await WordAsync(runs.ResumeAsync(ReadId(request.GuestId), context.CancellationToken), context),
    };

    public override async Task<RemoveGuestResponse> RemoveGuest(RemoveGuestRequest request, ServerCallContext context)
    {
        await admission.RemoveAsync(ReadId(request.GuestId), context.CancellationToken);
        return new RemoveGuestResponse();
    }

    public override async Task<GetGuestResponse> GetGuest(GetGuestRequest request, ServerCallContext context) => new()
    {
        Guest = await WordAsync(FindAsync(ReadId(request.GuestId), context.CancellationToken), context),
    };

    public override async Task<ListGuestsResponse> ListGuests(ListGuestsRequest request, ServerCallContext context)
    {
        var violations = new Violations();
        var hostId = request.HostId.Length == 0 ? "" : violations.Name("host_id", request.HostId);
        var size = violations.PageSize("page_size", request.PageSize, 100, 1000);
        var after = PageToken.Read(violations, "page_token", request.PageToken);
        Refuse(violations);

        // One more than asked for tells whether there is another page.
        var found = await guests.ListAsync(hostId, after, size + 1, context.CancellationToken);
        return new ListGuestsResponse
        {
            Guests = { await messages.OfAsync([.. found.Take(size)], context.CancellationToken) },
            NextPageToken = found.Count > size ? PageToken.For(found[size - 1].GuestId) : "",
        };
    }

    private static string ReadId(string guestId)
    {
        var violations = new Violations();
        violations.Name("guest_id", guestId);
        Refuse(violations);
        return guestId;
    }

    private static void Refuse(Violations violations)
    {
        if (violations.Any)
        {
            throw Refusal.InvalidRequest(violations);
        }
    }

    private async Task<StoredGuest> FindAsync(string guestId, CancellationToken cancellation) =>
        await guests.FindAsync(guestId, cancellation) ?? throw GuestErrors.Unknown(guestId);

    private async Task<Guest> WordAsync(Task<StoredGuest> guest, ServerCallContext context) =>
        await messages.OfAsync(await guest, context.CancellationToken);
}
