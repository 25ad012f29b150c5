using System.Collections.Concurrent;
using System.Threading.Channels;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orchestrator.Agent.V1;
using Orchestrator.Rpc.Errors;
using Orchestrator.Rpc.Serving;
using EngineDescription = Orchestrator.V1.EngineDescription;
using HostDescription = Orchestrator.V1.HostDescription;
using MachineSpec = Orchestrator.V1.MachineSpec;

namespace Orchestrator.ControlPlane.Tests;

/// <summary>
/// An agent on a real server on loopback that keeps guests in a dictionary and does as it is told. What it does otherwise, a test says.
/// </summary>
internal sealed class ScriptedAgent : IAsyncDisposable
{
    private readonly ConcurrentDictionary<Channel<ObserveResponse>, bool> _streams = new();
    private WebApplication _app = null!;

    private ScriptedAgent(string hostId) => HostId = hostId;

    public string HostId { get; set; }

    public string InstanceId { get; set; } = Guid.NewGuid().ToString();

    public string Endpoint { get; private set; } = "";

    /// <summary>As a machine that is gone without a word: streams stay open and nothing comes.</summary>
    public bool Mute { get; set; }

    public ConcurrentDictionary<string, AgentGuest> Guests { get; } = new(StringComparer.Ordinal);

    /// <summary>Commands in the order of their arrival, e.g. "start web-1".</summary>
    public ConcurrentQueue<string> Commands { get; } = new();

    /// <summary>Runs before a start is carried out; throws to refuse it.</summary>
    public Func<StartGuestRequest, Task> OnStart { get; set; } = _ => Task.CompletedTask;

    /// <summary>Runs before a stop is carried out.</summary>
    public Func<StopGuestRequest, Task> OnStop { get; set; } = _ => Task.CompletedTask;

    /// <summary>Runs before a resume is carried out.</summary>
    public Func<ResumeGuestRequest, Task> OnResume { get; set; } = _ => Task.CompletedTask;

    /// <summary>Carries out a migration's command; throws to refuse it.</summary>
    public Func<ExecuteRequest, ExecuteResponse> OnExecute { get; set; } =
        _ => throw new RpcException(new Status(StatusCode.Unimplemented, "this agent has no migrations"));

    /// <summary>What a poll answers.</summary>
    public Func<PollRequest, IEnumerable<MigrationReport>> OnPoll { get; set; } = _ => [];

    public int Streams => _streams.Count;

    /// <param name="endpoint">Null = a free port; else where an earlier one was.</param>
    public static async Task<ScriptedAgent> StartAsync(string hostId, string? endpoint = null)
    {
        var agent = new ScriptedAgent(hostId);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.AddRpc(
            ListenAddress.Parse(endpoint ?? "http://127.0.0.1:0", false, out var problem) ?? throw new InvalidOperationException(problem),
            AgentService.Descriptor);
        builder.Services.AddSingleton(agent);
        agent._app = builder.Build();
        agent._app.MapGrpcService<Service>();
        await agent._app.StartAsync();
        agent.Endpoint = agent._app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        return agent;
    }

    public static RpcException Refuse(string reason, string message) => Refusal.Because(StatusCode.Aborted, "agent.v1", reason, message);

    /// <summary>Puts a guest there as if it had always been, and tells everybody.</summary>
    public void Set(string guestId, RunState state, string machineType = "pc-q35-7.2", bool incoming = false)
    {
        Guests[guestId] = new AgentGuest
        {
            GuestId = guestId,
            Spec = new MachineSpec { MachineType = machineType },
            RunState = state,
            SerialSocket = $"/run/{guestId}.serial",
            Incoming = incoming,
        };
        TellGuests();
    }

    public void Remove(string guestId)
    {
        Guests.TryRemove(guestId, out _);
        TellGuests();
    }

    public void Tell(params IEnumerable<MigrationReport> reports) => Send(new ObserveResponse { Reports = { reports } });

    public void TellGuests() => Send(new ObserveResponse { HasGuests = true, Guests = { Guests.Values } });

    /// <summary>Breaks the streams as a restart of the agent does.</summary>
    public void Drop()
    {
        foreach (var stream in _streams.Keys)
        {
            stream.Writer.TryComplete();
        }
    }

    public async ValueTask DisposeAsync()
    {
        Drop();
        await _app.DisposeAsync();
    }

    private void Send(ObserveResponse message)
    {
        message.HostId = HostId;
        message.AgentInstanceId = InstanceId;
        foreach (var stream in _streams.Keys)
        {
            stream.Writer.TryWrite(message);
        }
    }

    private sealed class Service(ScriptedAgent agent, TimeProvider? clock = null) : AgentService.AgentServiceBase
    {
        public override Task<DescribeHostResponse> DescribeHost(DescribeHostRequest request, ServerCallContext context) =>
            Task.FromResult(new DescribeHostResponse
            {
                Description = new HostDescription
                {
                    HostId = agent.HostId,
                    AgentInstanceId = agent.InstanceId,
                    AgentVersion = "scripted",
                    MemoryTotalBytes = 64UL << 30,
                    Cpus = 8,
                    Engines = { new EngineDescription { Kind = "qemu", Version = "7.2.22", Accelerators = { "tcg" } } },
                },
            });

        public override async Task<StartGuestResponse> StartGuest(StartGuestRequest request, ServerCallContext context)
        {
            agent.Commands.Enqueue($"start {request.GuestId}");
            await agent.OnStart(request);
            if (!agent.Guests.ContainsKey(request.GuestId))
            {
                var type = request.Spec.MachineType == "q35" ? "pc-q35-7.2" : request.Spec.MachineType;
                agent.Set(request.GuestId, request.Paused ? RunState.Paused : RunState.Running, type);
            }

            return new StartGuestResponse { Guest = agent.Guests[request.GuestId] };
        }

        public override async Task<StopGuestResponse> StopGuest(StopGuestRequest request, ServerCallContext context)
        {
            agent.Commands.Enqueue($"stop {request.GuestId}");
            await agent.OnStop(request);
            agent.Remove(request.GuestId);
            return new StopGuestResponse();
        }

        public override Task<PauseGuestResponse> PauseGuest(PauseGuestRequest request, ServerCallContext context)
        {
            agent.Commands.Enqueue($"pause {request.GuestId}");
            agent.Set(request.GuestId, RunState.Paused);
            return Task.FromResult(new PauseGuestResponse { Guest = agent.Guests[request.GuestId] });
        }

        public override async Task<ResumeGuestResponse> ResumeGuest(ResumeGuestRequest request, ServerCallContext context)
        {
            agent.Commands.Enqueue($"resume {request.GuestId}");
            await agent.OnResume(request);
            agent.Set(request.GuestId, RunState.Running);
            return new ResumeGuestResponse { Guest = agent.Guests[request.GuestId] };
        }

        public override Task<ListGuestsResponse> ListGuests(ListGuestsRequest request, ServerCallContext context) =>
            Task.FromResult(new ListGuestsResponse { Guests = { agent.Guests.Values } });

        public override Task<ExecuteResponse> Execute(ExecuteRequest request, ServerCallContext context) =>
            Task.FromResult(agent.OnExecute(request));

        public override Task<PollResponse> Poll(PollRequest request, ServerCallContext context) =>
            Task.FromResult(new PollResponse { Reports = { agent.OnPoll(request) } });

        public override async Task Observe(ObserveRequest request, IServerStreamWriter<ObserveResponse> responseStream, ServerCallContext context)
        {
            var stream = Channel.CreateUnbounded<ObserveResponse>();
            stream.Writer.TryWrite(new ObserveResponse
            {
                HostId = agent.HostId,
                AgentInstanceId = agent.InstanceId,
                HasGuests = true,
                Guests = { agent.Guests.Values },
            });
            agent._streams[stream] = true;
            using var beat = new PeriodicTimer(request.Interval.ToTimeSpan(), clock ?? TimeProvider.System);
            try
            {
                while (!stream.Reader.Completion.IsCompleted)
                {
                    while (!agent.Mute && stream.Reader.TryRead(out var message))
                    {
                        await responseStream.WriteAsync(message, context.CancellationToken);
                    }

                    if (!agent.Mute)
                    {
                        await responseStream.WriteAsync(
                            new ObserveResponse { HostId = agent.HostId, AgentInstanceId = agent.InstanceId }, context.CancellationToken);
                    }

                    await beat.WaitForNextTickAsync(context.CancellationToken);
                }
            }
            finally
            {
                agent._streams.TryRemove(stream, out _);
            }
        }
    }
}
