using System.Collections.Concurrent;
using System.Threading.Channels;
using Grpc.Core;
using Orchestrator.Agent.V1;
using Orchestrator.ControlPlane.Migrations.Supervision;
using Orchestrator.Policy.Lifecycle;
using Orchestrator.Rpc.Errors;

namespace Orchestrator.ControlPlane.Tests.Migrations;

/// <summary>The agents of all hosts, played by the test: it takes each command as it comes and says what becomes of it.</summary>
internal sealed class PlayedAgents : IAgentCalls
{
    private readonly ConcurrentDictionary<string, PlayedAgent> _agents = new();

    public PlayedAgent this[string hostId] => _agents.GetOrAdd(hostId, _ => new PlayedAgent());

    public bool IsConnected(string hostId) => this[hostId].IsConnected;

    public bool IsDead(string hostId) => this[hostId].IsDead;

    public Task ForgetReadmittedAsync(CancellationToken cancellation)
    {
        foreach (var readmitted in _agents.Values.Where(agent => agent.ReadmittedElsewhere))
        {
            readmitted.IsDead = false;
        }

        return Task.CompletedTask;
    }

    public string? EndpointOf(string hostId) => $"http://{hostId}:7444";

    public Task<ExecuteResponse> ExecuteAsync(string hostId, ExecuteRequest request, CancellationToken cancellation) =>
        this[hostId].ExecuteAsync(request, cancellation);

    public Task<PollResponse> PollAsync(string hostId, PollRequest request, CancellationToken cancellation) =>
        this[hostId].PollAsync(request);
}

internal sealed class PlayedAgent
{
    private readonly Channel<PlayedCall> _calls = Channel.CreateUnbounded<PlayedCall>();
    private readonly ConcurrentQueue<PlayedCall> _seen = new();
    private volatile MigrationReport[] _reports = [];

    public bool IsConnected { get; set; } = true;

    public bool IsDead { get; set; }

    /// <summary>It is dead no more, which this replica has not heard yet.</summary>
    public bool ReadmittedElsewhere { get; set; }

    /// <summary>Answers by itself when it gives an answer; null leaves the call to the test.</summary>
    public Func<ExecuteRequest, ExecuteResponse?> Play { get; set; } = _ => null;

    /// <summary>Every command that arrived, in order.</summary>
    public IEnumerable<ExecuteRequest> Seen => _seen.Select(call => call.Request);

    public int Polls;

    /// <summary>What a poll answers: the last report that the test gave to anybody.</summary>
    public void Say(params MigrationReport[] reports) => _reports = reports;

    /// <summary>Every word of a new commander; answered by itself.</summary>
    public ConcurrentQueue<ExecuteRequest> Attended { get; } = new();

    public async Task<PlayedCall> NextAsync(AgentCommandKind kind)
    {
        using var bound = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        try
        {
            var call = await _calls.Reader.ReadAsync(bound.Token);
            Assert.Equal(kind.ToString(), call.Request.CommandCase.ToString());
            return call;
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException($"No {kind} came; so far: {string.Join(", ", Seen.Select(request => request.CommandCase))}.");
        }
    }

    public bool HasNext => _calls.Reader.TryPeek(out _);

    public Task<ExecuteResponse> ExecuteAsync(ExecuteRequest request, CancellationToken cancellation)
    {
        if (request.Attend is not null)
        {
            Attended.Enqueue(request);
            return Task.FromResult(new ExecuteResponse { Report = _reports.LastOrDefault() });
        }

        var call = new PlayedCall(this, request, cancellation);
        _seen.Enqueue(call);
        if (Play(request) is { } answer)
        {
            return Task.FromResult(answer);
        }

        _calls.Writer.TryWrite(call);
        return call.Answer;
    }

    public Task<PollResponse> PollAsync(PollRequest request)
    {
        Interlocked.Increment(ref Polls);
        return Task.FromResult(new PollResponse { Reports = { _reports.Where(report => report.MigrationId == request.MigrationId) } });
    }
}

/// <summary>One command that waits for the test's answer.</summary>
internal sealed class PlayedCall
{
    private readonly TaskCompletionSource<ExecuteResponse> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private readonly PlayedAgent _agent;

    public PlayedCall(PlayedAgent agent, ExecuteRequest request, CancellationToken cancellation)
    {
        _agent = agent;
        Request = request;
        cancellation.Register(() => _answer.TrySetException(new RpcException(new Status(StatusCode.Cancelled, "let go"))));
    }

    public ExecuteRequest Request { get; }

    public Task<ExecuteResponse> Answer => _answer.Task;

    public void Done(MigrationReport? report = null, string listenUri = "")
    {
        if (report is not null)
        {
            _agent.Say(report);
        }

        Assert.True(_answer.TrySetResult(new ExecuteResponse { Report = report, ListenUri = listenUri }));
    }

    public void Refuse(string reason, string message = "its words") =>
        Assert.True(_answer.TrySetException(Refusal.Because(StatusCode.FailedPrecondition, "agent.v1", reason, message)));

    public void Fail(StatusCode code) => Assert.True(_answer.TrySetException(new RpcException(new Status(code, "no answer"))));
}
