using Grpc.Core;
using Microsoft.Extensions.Options;
using Orchestrator.Agent.V1;

namespace Orchestrator.ControlPlane.Hosts;

/// <summary>Makes a host known: asks its agent who it is, writes it down, begins to talk to it; and the way back.</summary>
internal sealed class HostRegistration(HostStore hosts, AgentLinks links, IOptions<AgentOptions> options, TimeProvider clock)
{
    /// <exception cref="RpcException">The refusals of RegisterHost in hosts.proto.</exception>
    public async Task<RegisteredHost> RegisterAsync(RegisterHostCommand command, CancellationToken cancellation)
    {
        var (hostId, endpoint) = command.Address;
        var known = await hosts.FindAsync(hostId, cancellation);
        if (known is not null && known.Address.Endpoint != endpoint)
        {
            throw HostErrors.Exists(hostId, known.Address.Endpoint);
        }

        // A repeated request is answered whether or not the agent is there.
        var description = known?.Description ?? await AskAsync(command.Address, cancellation);
        var now = clock.GetUtcNow();
        var outcome = await hosts.RegisterAsync(
            new RegisteredHost(command.Address, command.Labels, Cordoned: false, "", now, now, description), cancellation);
        var present = await hosts.FindAsync(hostId, cancellation);
        if (outcome == RegisterHostOutcome.Exists || present is null)
        {
            throw HostErrors.Exists(hostId, present?.Address.Endpoint ?? "another endpoint");
        }

        if (!present.Liveness.IsDead)
        {
            links.Add(command.Address);
        }

        return present;
    }

    /// <summary>Forgets it and talks to its agent no more.</summary>
    /// <exception cref="RpcException">The refusals of RemoveHost in hosts.proto.</exception>
    public async Task RemoveAsync(string hostId, CancellationToken cancellation)
    {
        switch (await hosts.RemoveAsync(hostId, cancellation))
        {
            case RemoveHostOutcome.Removed:
                links.Remove(hostId);
                break;
            case RemoveHostOutcome.Unknown:
                throw HostErrors.Unknown(hostId);
            case RemoveHostOutcome.InUse:
                throw HostErrors.InUse(hostId);
        }
    }

    private async Task<V1.HostDescription> AskAsync(AgentAddress address, CancellationToken cancellation)
    {
        using var channel = AgentLink.OpenChannel(address.Endpoint, options.Value);
        var answer = await AgentQuestion.AskAsync(new AgentService.AgentServiceClient(channel).DescribeHostAsync(
            new DescribeHostRequest(),
            deadline: (clock.GetUtcNow() + options.Value.AnswerWithin).UtcDateTime,
            cancellationToken: cancellation));
        cancellation.ThrowIfCancellationRequested();
        var description = answer.Response is { } response
            ? response.Description ?? new V1.HostDescription()
            : throw HostErrors.AgentUnreachable(address.HostId, address.Endpoint, answer.Problem);
        return description.HostId == address.HostId
            ? description
            : throw HostErrors.AgentIsAnotherHost(address.HostId, address.Endpoint, description.HostId);
    }
}
