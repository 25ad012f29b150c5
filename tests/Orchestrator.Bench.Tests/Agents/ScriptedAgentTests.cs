using Google.Rpc;
using Grpc.Core;
using Grpc.Net.Client;
using Orchestrator.Agent.V1;
using Orchestrator.Bench.Agents;
using Orchestrator.Rpc.Errors;
using StatusCode = Grpc.Core.StatusCode;

namespace Orchestrator.Bench.Tests.Agents;

/// <summary>The scripted agents against what agent.proto promises of a real one.</summary>
public sealed class ScriptedAgentTests : IAsyncLifetime, IDisposable
{
    private const string MigrationId = "3f2b8c1e-7d7a-4a57-9c55-0d3f5a1b2c3d";

    private static readonly TimeSpan s_bound = TimeSpan.FromSeconds(30);
    private readonly CancellationTokenSource _patience = new(s_bound);
    private ScriptedFleet _fleet = null!;
    private GrpcChannel _sourceChannel = null!;
    private GrpcChannel _targetChannel = null!;

    private AgentService.AgentServiceClient Source => new(_sourceChannel);

    private AgentService.AgentServiceClient Target => new(_targetChannel);

    public async Task InitializeAsync()
    {
        _fleet = await ScriptedFleet.StartAsync(2, HostShape.Usual, _ => CopyPlan.Drawn(1, TimeSpan.FromSeconds(10)), TimeProvider.System, _patience.Token);
        _sourceChannel = GrpcChannel.ForAddress(_fleet.EndpointOf(_fleet.Hosts[0]));
        _targetChannel = GrpcChannel.ForAddress(_fleet.EndpointOf(_fleet.Hosts[1]));
    }

    public async Task DisposeAsync()
    {
        await _patience.CancelAsync();
        _sourceChannel.Dispose();
        _targetChannel.Dispose();
        await _fleet.DisposeAsync();
    }

    public void Dispose() => _patience.Dispose();

    [Fact]
    public async Task DescribeHost_AtEachPort_IsThatHost()
    {
        Assert.Equal("host-001", (await Source.DescribeHostAsync(new DescribeHostRequest())).Description.HostId);
        Assert.Equal("host-002", (await Target.DescribeHostAsync(new DescribeHostRequest())).Description.HostId);
    }

    [Fact]
    public async Task Execute_TheSameCommandTwice_IsAnsweredFromTheJournal()
    {
        var first = await Target.ExecuteAsync(Prepare(1));
        var again = await Target.ExecuteAsync(Prepare(1));

        Assert.False(first.Repeated);
        Assert.True(again.Repeated);
        Assert.Equal(first.ListenUri, again.ListenUri);
        Assert.Equal(SessionState.Listening, again.Report.SessionState);
    }

    [Fact]
    public async Task Execute_UnderAnOlderEpoch_IsRefused()
    {
        await Target.ExecuteAsync(Prepare(2));

        var refusal = await Assert.ThrowsAsync<RpcException>(async () => await Target.ExecuteAsync(Prepare(1)));

        Assert.Equal(StatusCode.FailedPrecondition, refusal.StatusCode);
        Assert.Equal(("agent.v1", "EPOCH_STALE"), Named(refusal));
    }

    [Fact]
    public async Task Observe_ACopy_NumbersItsReportsWithoutAGapAndNotesWhenTheyLeft()
    {
        using var call = Source.Observe(new ObserveRequest(), cancellationToken: _patience.Token);
        Assert.True(await call.ResponseStream.MoveNext(_patience.Token));
        Assert.True(call.ResponseStream.Current.HasGuests);
        await Target.ExecuteAsync(Prepare(1));
        await Source.ExecuteAsync(Start());

        var sequences = new List<ulong>();
        while (sequences.Count < 4 && await call.ResponseStream.MoveNext(_patience.Token))
        {
            sequences.AddRange(call.ResponseStream.Current.Reports.Select(report => report.Sequence));
        }

        Assert.Equal(Enumerable.Range(1, sequences.Count).Select(number => (ulong)number), sequences);
        Assert.NotNull(_fleet.Hosts[0].FindSource(MigrationId)!.Wire.SentAt(4));
        Assert.Null(_fleet.Hosts[0].FindSource(MigrationId)!.Wire.SentAt(4000));
        Assert.Equal(SessionState.Running, (await Target.PollAsync(new PollRequest { MigrationId = MigrationId })).Reports.Single().SessionState);
    }

    [Fact]
    public async Task Execute_ANewLimit_IsNotedOnceAndReported()
    {
        var limit = TimeSpan.FromMilliseconds(77);
        await Source.ExecuteAsync(Start());
        var adjusted = await Source.ExecuteAsync(Adjust(limit));
        var wire = _fleet.Hosts[0].FindSource(MigrationId)!.Wire;
        var cameAt = wire.LimitCameAt(limit);

        await Source.ExecuteAsync(Adjust(limit));

        Assert.NotNull(cameAt);
        Assert.Equal(cameAt, wire.LimitCameAt(limit));
        Assert.Equal(limit, adjusted.Report.Numbers.DowntimeLimit.ToTimeSpan());
        Assert.Equal(2UL, adjusted.Report.LastCommandId);
    }

    [Fact]
    public async Task Attend_MovesTheReportsToWhoAttendsAndFencesTheEpochBefore()
    {
        await Source.ExecuteAsync(Start("first", 1));
        using var second = Source.Observe(
            new ObserveRequest { ReplicaId = "second", Interval = Google.Protobuf.WellKnownTypes.Duration.FromTimeSpan(TimeSpan.FromMilliseconds(50)) },
            cancellationToken: _patience.Token);
        for (var message = 0; message < 5; message++)
        {
            Assert.True(await second.ResponseStream.MoveNext(_patience.Token));
            Assert.Empty(second.ResponseStream.Current.Reports);
        }

        var attended = await Source.ExecuteAsync(new ExecuteRequest { MigrationId = MigrationId, Epoch = 2, ReplicaId = "second", Attend = new Attend() });

        Assert.Equal(2UL, attended.Report.Epoch);
        while (second.ResponseStream.Current.Reports.Count == 0)
        {
            Assert.True(await second.ResponseStream.MoveNext(_patience.Token));
        }

        var refusal = await Assert.ThrowsAsync<RpcException>(async () => await Source.ExecuteAsync(Start("first", 1)));
        Assert.Equal(("agent.v1", "EPOCH_STALE"), Named(refusal));
    }

    [Fact]
    public async Task StartSource_ACopyThatEnds_BringsTheGuestToRunOnTheTarget()
    {
        await using var fleet = await ScriptedFleet.StartAsync(
            2, HostShape.Usual, _ => CopyPlan.Drawn(1, TimeSpan.FromSeconds(10)) with { Lasts = TimeSpan.FromMilliseconds(50) }, TimeProvider.System,
            _patience.Token);
        using var source = GrpcChannel.ForAddress(fleet.EndpointOf(fleet.Hosts[0]));
        using var target = GrpcChannel.ForAddress(fleet.EndpointOf(fleet.Hosts[1]));
        var arrivals = new AgentService.AgentServiceClient(target);
        using var call = arrivals.Observe(new ObserveRequest(), cancellationToken: _patience.Token);
        await arrivals.ExecuteAsync(Prepare(1));
        var start = Start("", 1);
        start.StartSource.TargetAgentEndpoint = fleet.EndpointOf(fleet.Hosts[1]);

        await new AgentService.AgentServiceClient(source).ExecuteAsync(start);

        MigrationReport? ended = null;
        while (ended is null && await call.ResponseStream.MoveNext(_patience.Token))
        {
            ended = call.ResponseStream.Current.Reports.FirstOrDefault(report => report.SessionState is SessionState.Ended);
        }

        Assert.Equal((SessionOutcome.Completed, RunState.Running), (ended!.Outcome, ended.RunState));
        Assert.NotNull(ended.ResumedAt);
        Assert.Equal(RunState.Running, fleet.Hosts[1].Guests().Single().RunState);
    }

    private static ExecuteRequest Prepare(ulong epoch) => new()
    {
        MigrationId = MigrationId,
        Epoch = epoch,
        CommandId = 1,
        PrepareTarget = new PrepareTarget { GuestId = "guest", RunAfter = true },
    };

    private ExecuteRequest Start(string replicaId = "", ulong epoch = 1) => new()
    {
        MigrationId = MigrationId,
        Epoch = epoch,
        ReplicaId = replicaId,
        CommandId = 1,
        StartSource = new StartSource
        {
            GuestId = "guest",
            TargetUri = "tcp:127.0.0.1:49152",
            TargetAgentEndpoint = _fleet.EndpointOf(_fleet.Hosts[1]),
            DowntimeLimit = Google.Protobuf.WellKnownTypes.Duration.FromTimeSpan(TimeSpan.FromMilliseconds(30)),
        },
    };

    private static ExecuteRequest Adjust(TimeSpan limit) => new()
    {
        MigrationId = MigrationId,
        Epoch = 1,
        CommandId = 2,
        AdjustSource = new AdjustSource { DowntimeLimit = Google.Protobuf.WellKnownTypes.Duration.FromTimeSpan(limit) },
    };

    private static (string, string) Named(RpcException refusal) =>
        Refusal.FindDetail<ErrorInfo>(refusal) is { } info ? (info.Domain, info.Reason) : ("", "");
}
