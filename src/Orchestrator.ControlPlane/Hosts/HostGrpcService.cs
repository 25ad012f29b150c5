using System.Globalization;
using Grpc.Core;
using Orchestrator.Rpc.Errors;
using Orchestrator.V1;
using Host = Orchestrator.V1.Host;

namespace Orchestrator.ControlPlane.Hosts;

/// <summary>Parses, asks, answers. Decides nothing.</summary>
internal sealed class HostGrpcService(
    HostRegistration registration, HostStore hosts, HostDeaths deaths, HostMessages messages, HostLivenessStore liveness) : HostService.HostServiceBase
{
    private const int MaxReasonCharacters = 500;

    public override async Task<RegisterHostResponse> RegisterHost(RegisterHostRequest request, ServerCallContext context)
    {
        if (!RegisterHostCommand.TryParse(request, out var command, out var violations))
        {
            throw Refusal.InvalidRequest(violations);
        }

        var host = await registration.RegisterAsync(command, context.CancellationToken);
        return new RegisterHostResponse { Host = await messages.OfAsync(host, context.CancellationToken) };
    }

    public override async Task<GetHostResponse> GetHost(GetHostRequest request, ServerCallContext context)
    {
        var hostId = ReadId(request.HostId);
        return new GetHostResponse { Host = await FindAsync(hostId, context.CancellationToken) };
    }

    public override async Task<ListHostsResponse> ListHosts(ListHostsRequest request, ServerCallContext context)
    {
        var violations = new Violations();
        var size = violations.PageSize("page_size", request.PageSize, 100, 1000);
        var after = PageToken.Read(violations, "page_token", request.PageToken);
        Refuse(violations);

        // One more than asked for tells whether there is another page.
        var found = await hosts.ListAsync(after, size + 1, context.CancellationToken);
        return new ListHostsResponse
        {
            Hosts = { await messages.OfAsync([.. found.Take(size)], context.CancellationToken) },
            NextPageToken = found.Count > size ? PageToken.For(found[size - 1].HostId) : "",
        };
    }

    public override async Task<CordonHostResponse> CordonHost(CordonHostRequest request, ServerCallContext context)
    {
        var violations = new Violations();
        var hostId = violations.Name("host_id", request.HostId);
        var reason = violations.Text("reason", request.Reason, MaxReasonCharacters);
        Refuse(violations);
        await SetCordonAsync(hostId, cordoned: true, reason, context);
        return new CordonHostResponse { Host = await FindAsync(hostId, context.CancellationToken) };
    }

    public override async Task<UncordonHostResponse> UncordonHost(UncordonHostRequest request, ServerCallContext context)
    {
        var hostId = ReadId(request.HostId);
        await SetCordonAsync(hostId, cordoned: false, "", context);
        return new UncordonHostResponse { Host = await FindAsync(hostId, context.CancellationToken) };
    }

    public override async Task<RemoveHostResponse> RemoveHost(RemoveHostRequest request, ServerCallContext context)
    {
        var hostId = ReadId(request.HostId);
        await registration.RemoveAsync(hostId, context.CancellationToken);
        return new RemoveHostResponse();
    }

    public override async Task<DeclareHostDeadResponse> DeclareHostDead(DeclareHostDeadRequest request, ServerCallContext context)
    {
        var (hostId, reason) = ReadReasoned(request.HostId, request.Reason);
        var host = await deaths.DeclareAsync(hostId, reason, context.Peer, context.CancellationToken);
        return new DeclareHostDeadResponse { Host = await messages.OfAsync(host, context.CancellationToken) };
    }

    public override async Task<FenceHostResponse> FenceHost(FenceHostRequest request, ServerCallContext context)
    {
        var (hostId, reason) = ReadReasoned(request.HostId, request.Reason);
        var (host, output) = await deaths.FenceAsync(hostId, reason, context.Peer, context.CancellationToken);
        return new FenceHostResponse { Host = await messages.OfAsync(host, context.CancellationToken), Output = output };
    }

    public override async Task<ReadmitHostResponse> ReadmitHost(ReadmitHostRequest request, ServerCallContext context)
    {
        var host = await deaths.ReadmitAsync(ReadId(request.HostId), context.Peer, context.CancellationToken);
        return new ReadmitHostResponse { Host = await messages.OfAsync(host, context.CancellationToken) };
    }

    public override async Task<ListHostEventsResponse> ListHostEvents(ListHostEventsRequest request, ServerCallContext context)
    {
        var violations = new Violations();
        if (request.HostId.Length > 0)
        {
            violations.Name("host_id", request.HostId);
        }

        var size = violations.PageSize("page_size", request.PageSize, 100, 1000);
        var token = PageToken.Read(violations, "page_token", request.PageToken);
        long? before = long.TryParse(token, NumberStyles.None, CultureInfo.InvariantCulture, out var last) ? last : null;
        if (token.Length > 0 && before is null)
        {
            violations.Add("page_token", "is no token of an earlier page");
        }

        Refuse(violations);
        var found = await liveness.ListEventsAsync(request.HostId, before, size + 1, context.CancellationToken);
        return new ListHostEventsResponse
        {
            Events = { found.Take(size).Select(entry => entry.Event) },
            NextPageToken = found.Count > size ? PageToken.For(found[size - 1].EventId.ToString(CultureInfo.InvariantCulture)) : "",
        };
    }

    private static string ReadId(string hostId)
    {
        var violations = new Violations();
        violations.Name("host_id", hostId);
        Refuse(violations);
        return hostId;
    }

    private static void Refuse(Violations violations)
    {
        if (violations.Any)
        {
            throw Refusal.InvalidRequest(violations);
        }
    }

    private async Task SetCordonAsync(string hostId, bool cordoned, string reason, ServerCallContext context)
    {
        if (!await hosts.SetCordonAsync(hostId, cordoned, reason, context.Peer, context.CancellationToken))
        {
            throw HostErrors.Unknown(hostId);
        }
    }

    private static (string HostId, string Reason) ReadReasoned(string hostId, string reason)
    {
        var violations = new Violations();
        violations.Name("host_id", hostId);
        if (string.IsNullOrWhiteSpace(violations.Text("reason", reason, MaxReasonCharacters)))
        {
            violations.Add("reason", $"is missing; 1 to {MaxReasonCharacters} characters that say how you know");
        }

        Refuse(violations);
        return (hostId, reason.Trim());
    }

    private async Task<Host> FindAsync(string hostId, CancellationToken cancellation) =>
        await hosts.FindAsync(hostId, cancellation) is { } host
            ? await messages.OfAsync(host, cancellation)
            : throw HostErrors.Unknown(hostId);
}
