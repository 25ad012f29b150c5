using Google.Protobuf.WellKnownTypes;
using Microsoft.Extensions.Options;
using Orchestrator.V1;
using Host = Orchestrator.V1.Host;

namespace Orchestrator.ControlPlane.Hosts;

/// <summary>Words hosts for callers, from the ledger alone: every replica says the same.</summary>
internal sealed class HostMessages(HostUseStore uses, IOptions<HostLivenessOptions> options)
{
    public async Task<Host> OfAsync(RegisteredHost host, CancellationToken cancellation) => (await OfAsync([host], cancellation))[0];

    public async Task<IReadOnlyList<Host>> OfAsync(IReadOnlyList<RegisteredHost> hosts, CancellationToken cancellation)
    {
        var use = await uses.ListAsync([.. hosts.Select(host => host.HostId)], cancellation);
        return [.. hosts.Select(host => Of(host, use.GetValueOrDefault(host.HostId) ?? new HostUse()))];
    }

    private Host Of(RegisteredHost host, HostUse use)
    {
        var state = host.Liveness.StateBy(options.Value);
        return new Host
        {
            HostId = host.HostId,
            AgentEndpoint = host.Address.Endpoint,
            Labels = { host.Labels.ToDictionary() },
            State = state,
            StateSince = Since(host, state).ToTimestamp(),
            Cordoned = host.Cordoned,
            CordonReason = host.CordonReason,
            RegisteredAt = host.RegisteredAt.ToTimestamp(),
            LastSeenAt = host.LastSeenAt.ToTimestamp(),
            Description = host.Description,
            DeadReason = host.Liveness.DeadReason,
            Use = use,
        };
    }

    private DateTimeOffset Since(RegisteredHost host, HostState state) => state switch
    {
        HostState.Dead => host.Liveness.DeadAt ?? host.LastSeenAt,
        HostState.Lost => host.LastSeenAt + options.Value.LostAfter,
        HostState.Suspect when host.Liveness.ConnectedSince is null => host.RegisteredAt,
        HostState.Suspect => host.LastSeenAt + options.Value.SuspectSilence,
        HostState.Connected or HostState.Unspecified => host.Liveness.ConnectedSince ?? host.RegisteredAt,
    };
}
