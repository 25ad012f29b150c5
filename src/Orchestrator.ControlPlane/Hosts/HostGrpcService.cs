using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Orchestrator.Rpc.Errors;
using Orchestrator.V1;
using Host = Orchestrator.V1.Host;

namespace Orchestrator.ControlPlane.Hosts;

/// <summary>Parses, asks, answers. Decides nothing.</summary>
internal sealed class HostGrpcService(HostRegistration registration, HostStore hosts, AgentLinks links) : HostService.HostServiceBase
{
    private const int MaxReasonCharacters = 500;

    public override async Task<RegisterHostResponse> RegisterHost(RegisterHostRequest request, ServerCallContext context)
    {
        if (!RegisterHostCommand.TryParse(request, out var command, out var violations))
        {
            throw Refusal.InvalidRequest(violations);
        }

        return new RegisterHostResponse { Host = ToMessage(await registration.RegisterAsync(command, context.CancellationToken)) };
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
            Hosts = { found.Take(size).Select(ToMessage) },
            NextPageToken = found.Count > size ? PageToken.For(found[size - 1].HostId) : "",
        };
    }

    public override async Task<CordonHostResponse> CordonHost(CordonHostRequest request, ServerCallContext context)
    {
        var violations = new Violations();
        var hostId = violations.Name("host_id", request.HostId);
        var reason = violations.Text("reason", request.Reason, MaxReasonCharacters);
        Refuse(violations);
        await SetCordonAsync(hostId, cordoned: true, reason, context.CancellationToken);
        return new CordonHostResponse { Host = await FindAsync(hostId, context.CancellationToken) };
    }

    public override async Task<UncordonHostResponse> UncordonHost(UncordonHostRequest request, ServerCallContext context)
    {
        var hostId = ReadId(request.HostId);
        await SetCordonAsync(hostId, cordoned: false, "", context.CancellationToken);
        return new UncordonHostResponse { Host = await FindAsync(hostId, context.CancellationToken) };
    }

    public override async Task<RemoveHostResponse> RemoveHost(RemoveHostRequest request, ServerCallContext context)
    {
        var hostId = ReadId(request.HostId);
        switch (await hosts.RemoveAsync(hostId, context.CancellationToken))
        {
            case RemoveHostOutcome.Removed:
                links.Remove(hostId);
                return new RemoveHostResponse();
            case RemoveHostOutcome.Unknown:
                throw HostErrors.Unknown(hostId);
            case RemoveHostOutcome.InUse:
                throw HostErrors.InUse(hostId);
            default:
                throw new System.Diagnostics.UnreachableException();
        }
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

    private async Task SetCordonAsync(string hostId, bool cordoned, string reason, CancellationToken cancellation)
    {
        if (!await hosts.SetCordonAsync(hostId, cordoned, reason, cancellation))
        {
            throw HostErrors.Unknown(hostId);
        }
    }

    private async Task<Host> FindAsync(string hostId, CancellationToken cancellation) =>
        await hosts.FindAsync(hostId, cancellation) is { } host ? ToMessage(host) : throw HostErrors.Unknown(hostId);

    private Host ToMessage(RegisteredHost host)
    {
        var lastSeen = links.LastSeen(host.HostId) is { } seen && seen > host.LastSeenAt ? seen : host.LastSeenAt;
        return new Host
        {
            HostId = host.HostId,
            AgentEndpoint = host.Address.Endpoint,
            Labels = { host.Labels.ToDictionary() },
            State = links.IsConnected(host.HostId) ? HostState.Connected : HostState.Suspect,
            Cordoned = host.Cordoned,
            CordonReason = host.CordonReason,
            RegisteredAt = host.RegisteredAt.ToTimestamp(),
            LastSeenAt = lastSeen.ToTimestamp(),
            Description = host.Description,
        };
    }
}
