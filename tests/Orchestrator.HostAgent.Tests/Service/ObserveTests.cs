using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Grpc.Net.Client;
using Orchestrator.Agent.V1;
using Orchestrator.HostAgent.Tests.Fleet;

namespace Orchestrator.HostAgent.Tests.Service;

/// <summary>An agent without guests, as its observers see it.</summary>
[Collection(QemuTests.Name)]
public sealed class ObserveTests : IAsyncLifetime
{
    private TestAgent _agent = null!;

    public async Task InitializeAsync() =>
        _agent = await TestAgent.StartAsync("h1", TestFolder.Next(), "127.0.0.1");

    public async Task DisposeAsync() => await _agent.DisposeAsync();

    [Fact]
    public async Task Observe_ThePresentFirst_ThenAHeartbeat()
    {
        using var stream = Observe(TimeSpan.FromMilliseconds(50));
        var first = await NextAsync(stream);
        Assert.Equal("h1", first.HostId);
        Assert.NotEmpty(first.AgentInstanceId);
        Assert.True(first.HasGuests);
        Assert.Empty(first.Guests);

        var heartbeat = await NextAsync(stream);
        Assert.False(heartbeat.HasGuests);
        Assert.Empty(heartbeat.Reports);
        Assert.Equal(first.AgentInstanceId, heartbeat.AgentInstanceId);
    }

    [Fact]
    public async Task Observe_AnotherAgentInstance_IsToldApart()
    {
        // A channel of its own, which outlives the agent.
        using var channel = GrpcChannel.ForAddress(_agent.Endpoint);
        using var before = new AgentService.AgentServiceClient(channel).Observe(
            new ObserveRequest { Interval = TimeSpan.FromSeconds(60).ToDuration() }, deadline: DateTime.MaxValue);
        var first = await NextAsync(before);
        var stopping = _agent.StopAsync();
        var cutOff = await Assert.ThrowsAsync<RpcException>(async () =>
        {
            while (true)
            {
                await NextAsync(before);
            }
        });
        await stopping;
        Assert.Equal((StatusCode.Unavailable, "SHUTTING_DOWN"), (cutOff.StatusCode, TwoHosts.ReasonOf(cutOff)));

        await _agent.StartAsync();
        using var after = Observe(TimeSpan.FromSeconds(60));
        Assert.NotEqual(first.AgentInstanceId, (await NextAsync(after)).AgentInstanceId);
    }

    [Fact]
    public async Task Requests_ThatAreUnsound_NameTheirFields()
    {
        Assert.Equal(["interval"], await FieldsAsync(async () => await NextAsync(Observe(TimeSpan.FromMilliseconds(1)))));
        Assert.Equal(["migration_id"], await FieldsAsync(async () => await _agent.Client.PollAsync(new PollRequest { MigrationId = "x" })));
        Assert.Equal(
            ["migration_id", "command_id", "command"], await FieldsAsync(async () => await _agent.Client.ExecuteAsync(new ExecuteRequest())));
    }

    [Fact]
    public async Task SessionsNeverSeen_AreUnknown_AndLeaveNothingBehind()
    {
        var id = Guid.NewGuid().ToString();
        Assert.Empty((await _agent.Client.PollAsync(new PollRequest { MigrationId = id })).Reports);
        var refused = await Assert.ThrowsAsync<RpcException>(
            async () => await _agent.Client.ExecuteAsync(new ExecuteRequest { MigrationId = id, CommandId = 1, CancelSource = new CancelSource() }));
        Assert.Equal("SESSION_UNKNOWN", TwoHosts.ReasonOf(refused));
        var handOver = await Assert.ThrowsAsync<RpcException>(
            async () => await _agent.Client.HandOverAsync(new HandOverRequest { MigrationId = id, SourceEngineStatus = "completed" }));
        Assert.Equal((StatusCode.NotFound, "SESSION_UNKNOWN"), (handOver.StatusCode, TwoHosts.ReasonOf(handOver)));
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(_agent.RuntimeFolder, "migrations")));
        Assert.Empty((await _agent.Client.PollAsync(new PollRequest())).Reports);
    }

    private static async Task<IEnumerable<string>> FieldsAsync(Func<Task> call) =>
        Rpc.Errors.Refusal.FindDetail<Google.Rpc.BadRequest>(await Assert.ThrowsAsync<RpcException>(call))!.FieldViolations
            .Select(violation => violation.Field);

    private AsyncServerStreamingCall<ObserveResponse> Observe(TimeSpan interval) =>
        _agent.Client.Observe(new ObserveRequest { Interval = interval.ToDuration() }, deadline: DateTime.MaxValue);

    private static async Task<ObserveResponse> NextAsync(AsyncServerStreamingCall<ObserveResponse> stream)
    {
        Assert.True(await stream.ResponseStream.MoveNext(CancellationToken.None).WaitAsync(TestAgent.Bound));
        return stream.ResponseStream.Current;
    }
}
