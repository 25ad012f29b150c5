using Grpc.Core;
using Orchestrator.Agent.V1;
using Orchestrator.Rpc.Errors;

namespace Orchestrator.Bench.Agents;

/// <summary>The agents of all hosts: which one is asked is told by the port.</summary>
internal sealed class ScriptedAgentService(ScriptedFleet fleet) : AgentService.AgentServiceBase
{
    // agent.proto, ObserveRequest.interval.
    private static readonly TimeSpan s_usualInterval = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan s_shortestInterval = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan s_longestInterval = TimeSpan.FromSeconds(60);

    public override Task<DescribeHostResponse> DescribeHost(DescribeHostRequest request, ServerCallContext context) =>
        Task.FromResult(new DescribeHostResponse { Description = Host(context).Describe() });

    public override Task<StartGuestResponse> StartGuest(StartGuestRequest request, ServerCallContext context) =>
        Task.FromResult(new StartGuestResponse { Guest = Host(context).StartGuest(request) });

    public override Task<StopGuestResponse> StopGuest(StopGuestRequest request, ServerCallContext context)
    {
        Host(context).StopGuest(request.GuestId);
        return Task.FromResult(new StopGuestResponse());
    }

    public override Task<PauseGuestResponse> PauseGuest(PauseGuestRequest request, ServerCallContext context) =>
        Task.FromResult(new PauseGuestResponse { Guest = Host(context).Set(request.GuestId, RunState.Paused) });

    public override Task<ResumeGuestResponse> ResumeGuest(ResumeGuestRequest request, ServerCallContext context) =>
        Task.FromResult(new ResumeGuestResponse { Guest = Host(context).Set(request.GuestId, RunState.Running) });

    public override Task<ListGuestsResponse> ListGuests(ListGuestsRequest request, ServerCallContext context) =>
        Task.FromResult(new ListGuestsResponse { Guests = { Host(context).Guests() } });

    public override Task<ExecuteResponse> Execute(ExecuteRequest request, ServerCallContext context) =>
        Task.FromResult(Host(context).Execute(request));

    public override Task<PollResponse> Poll(PollRequest request, ServerCallContext context) =>
        Task.FromResult(new PollResponse { Reports = { Host(context).Poll(request.MigrationId) } });

    public override Task Observe(ObserveRequest request, IServerStreamWriter<ObserveResponse> responseStream, ServerCallContext context)
    {
        var violations = new Violations();
        var interval = violations.Duration("interval", request.Interval, s_shortestInterval, s_longestInterval) ?? s_usualInterval;
        return violations.Any
            ? throw Refusal.InvalidRequest(violations)
            : Host(context).ObserveAsync(interval, request.ReplicaId, responseStream, context.CancellationToken);
    }

    private ScriptedHost Host(ServerCallContext context) => fleet.AtPort(context.GetHttpContext().Connection.LocalPort);
}
