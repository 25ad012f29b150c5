using Grpc.Core;
using Microsoft.Extensions.Options;
using Orchestrator.Agent.V1;
using HostEventKind = Orchestrator.V1.HostEventKind;

namespace Orchestrator.ControlPlane.Hosts;

/// <summary>Declares hosts dead, fences them, and takes them back.</summary>
internal sealed class HostDeaths(
    HostStore hosts, HostLivenessStore liveness, AgentLinks links, FencingCommand fencing, HostTimes times)
{
    /// <param name="caller">His address as the server saw it.</param>
    /// <exception cref="RpcException">The refusals of DeclareHostDead in hosts.proto.</exception>
    public async Task<RegisteredHost> DeclareAsync(string hostId, string reason, string caller, CancellationToken cancellation)
    {
        var host = await FindAsync(hostId, cancellation);
        if (!host.Liveness.IsDead)
        {
            await MustBeSilentAsync(host, cancellation);
            await WriteAsync(host, new HostDeed(HostEventKind.DeclaredDead, caller, reason), times.SuspectSilence, cancellation);
        }

        return await FindAsync(hostId, cancellation);
    }

    /// <summary>Once the command runs, the caller's going away changes nothing.</summary>
    /// <exception cref="RpcException">The refusals of FenceHost in hosts.proto.</exception>
    public async Task<(RegisteredHost Host, string Output)> FenceAsync(
        string hostId, string reason, string caller, CancellationToken cancellation)
    {
        var host = await FindAsync(hostId, cancellation);
        if (!fencing.IsConfigured)
        {
            throw HostErrors.FencingNotConfigured(hostId);
        }

        if (host.Liveness.IsDead)
        {
            return (host, "");
        }

        await MustBeSilentAsync(host, cancellation);
        if (host.Liveness.Silence < times.SuspectSilence)
        {
            throw HostErrors.Alive(hostId, $"it was heard {Seconds(host.Liveness.Silence)} s ago");
        }

        var result = await fencing.RunAsync(host.Address);
        if (!result.Succeeded)
        {
            await liveness.TellAsync(
                hostId, new HostDeed(HostEventKind.FencingFailed, caller, $"{reason}: {result.Output}"), CancellationToken.None);
            throw HostErrors.FencingFailed(hostId, result.Output);
        }

        // Whatever its agent said while the command ran, the machine is off now.
        await WriteAsync(host, new HostDeed(HostEventKind.Fenced, caller, reason), TimeSpan.MinValue, CancellationToken.None);
        return (await FindAsync(hostId, CancellationToken.None), result.Output);
    }

    /// <exception cref="RpcException">The refusals of ReadmitHost in hosts.proto.</exception>
    public async Task<RegisteredHost> ReadmitAsync(string hostId, string caller, CancellationToken cancellation)
    {
        var host = await FindAsync(hostId, cancellation);
        if (!host.Liveness.IsDead)
        {
            throw HostErrors.NotDead(hostId);
        }

        // Nobody has told it anything since it was declared dead, so what it runs now it ran then.
        var running = await AskRunningAsync(host.Address, cancellation);
        var outcome = await liveness.ReadmitAsync(hostId, running, caller, cancellation);
        if (outcome.StaleGuests.Count > 0)
        {
            throw HostErrors.HasStaleGuests(hostId, outcome.StaleGuests);
        }

        if (outcome.WasDead is null)
        {
            throw HostErrors.Unknown(hostId);
        }

        await links.SyncAsync(cancellation);
        return await FindAsync(hostId, cancellation);
    }

    private static string Seconds(TimeSpan time) => FormattableString.Invariant($"{time.TotalSeconds:0.#}");

    private async Task<RegisteredHost> FindAsync(string hostId, CancellationToken cancellation) =>
        await hosts.FindAsync(hostId, cancellation) ?? throw HostErrors.Unknown(hostId);

    /// <summary>Asked once more on a connection of its own: ours may be the one thing that is broken.</summary>
    private async Task MustBeSilentAsync(RegisteredHost host, CancellationToken cancellation)
    {
        if (links.IsConnected(host.HostId))
        {
            throw HostErrors.Alive(host.HostId, "its reports come in");
        }

        using var channel = AgentLink.OpenChannel(host.Address.Endpoint, times.Agents);
        var answer = await AgentQuestion.AskAsync(new AgentService.AgentServiceClient(channel).DescribeHostAsync(
            new DescribeHostRequest(), deadline: times.AnswerBy(), cancellationToken: cancellation));
        cancellation.ThrowIfCancellationRequested();
        if (answer.Response?.Description?.HostId == host.HostId)
        {
            throw HostErrors.Alive(host.HostId, "it answers");
        }
    }

    private async Task WriteAsync(RegisteredHost host, HostDeed done, TimeSpan leastSilence, CancellationToken cancellation)
    {
        switch (await liveness.DeclareDeadAsync(host.HostId, done, leastSilence, cancellation))
        {
            case DeclareDeadOutcome.Alive:
                throw HostErrors.Alive(host.HostId, "it was heard a moment ago");
            case DeclareDeadOutcome.Unknown:
                throw HostErrors.Unknown(host.HostId);
            case DeclareDeadOutcome.Declared or DeclareDeadOutcome.DeclaredBefore:
                // The other replicas are told by notification.
                await links.SyncAsync(cancellation);
                break;
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    private async Task<IReadOnlyList<string>> AskRunningAsync(AgentAddress address, CancellationToken cancellation)
    {
        using var channel = AgentLink.OpenChannel(address.Endpoint, times.Agents);
        var agent = new AgentService.AgentServiceClient(channel);
        var description = await AgentQuestion.AskAsync(
            agent.DescribeHostAsync(new DescribeHostRequest(), deadline: times.AnswerBy(), cancellationToken: cancellation));
        var list = await AgentQuestion.AskAsync(
            agent.ListGuestsAsync(new ListGuestsRequest(), deadline: times.AnswerBy(), cancellationToken: cancellation));
        cancellation.ThrowIfCancellationRequested();
        if (description.Response?.Description is not { } said || list.Response is not { } there)
        {
            throw HostErrors.AgentUnreachable(address.HostId, address.Endpoint, $"{description.Problem} {list.Problem}".Trim());
        }

        return said.HostId == address.HostId
            ? [.. there.Guests.Where(MayRun).Select(guest => guest.GuestId)]
            : throw HostErrors.AgentIsAnotherHost(address.HostId, address.Endpoint, said.HostId);
    }

    // One that moved away, or waits for a migration that is not coming any more, never runs there again.
    private static bool MayRun(AgentGuest guest) => !guest.Incoming && guest.RunState switch
    {
        RunState.Running or RunState.Paused or RunState.FinishMigrate or RunState.Error or RunState.Other or RunState.Unspecified => true,
        RunState.Inmigrate or RunState.Postmigrate or RunState.Shutdown or RunState.Gone => false,
    };
}

/// <summary>How long agents are waited for, and how long a host must have been silent to be taken for dead.</summary>
internal sealed class HostTimes(IOptions<AgentOptions> agents, IOptions<HostLivenessOptions> liveness, TimeProvider clock)
{
    public AgentOptions Agents => agents.Value;

    public TimeSpan SuspectSilence => liveness.Value.SuspectSilence;

    public DateTime AnswerBy() => (clock.GetUtcNow() + agents.Value.AnswerWithin).UtcDateTime;
}
