using Grpc.Core;
using Orchestrator.Agent.V1;
using Orchestrator.BootGuest;
using Orchestrator.HostAgent.Tests.Fleet;

namespace Orchestrator.HostAgent.Tests.Migrations;

/// <summary>One guest moves between two agents with real engines.</summary>
[Collection(QemuTests.Name)]
public sealed class MovingAGuestTests : IAsyncLifetime
{
    private TwoHosts _hosts = null!;

    public async Task InitializeAsync() => _hosts = await TwoHosts.StartAsync();

    public async Task DisposeAsync() => await _hosts.DisposeAsync();

    [Fact]
    public async Task UnderLoad_TheGuestArrivesWhole_AndEveryCommandRepeats()
    {
        var disk = Path.Combine(_hosts.Source.RuntimeFolder, "shared,disk.raw");
        await File.WriteAllBytesAsync(disk, new byte[1 << 20]);
        var spec = TwoHosts.SpecOf(workingSet: 24, rate: 32, fill: 16);
        spec.Disks.Add(new V1.Disk { Path = disk, Format = "raw" });
        await _hosts.StartGuestAsync(spec);
        var prepare = _hosts.PrepareCommand();
        var prepared = await _hosts.Target.ExecuteAsync(prepare);
        await _hosts.OpenTargetConsoleAsync();
        await RepeatsAsync(_hosts.Target, prepare, prepared);
        var start = _hosts.StartCommand(prepared.ListenUri, bandwidth: 48 * TwoHosts.Mebibyte, downtimeMs: 500);
        await RepeatsAsync(_hosts.Source, start, await _hosts.Source.ExecuteAsync(start));

        var source = await _hosts.SourceUntilAsync(report => report.SessionState == SessionState.Ended);
        Assert.Equal(SessionOutcome.Completed, source.Outcome);
        Assert.Equal("completed", source.EngineStatus);
        Assert.True(source.Numbers.TransferredBytes > 32 * TwoHosts.Mebibyte, source.Numbers.ToString());
        Assert.NotNull(source.Numbers.Downtime);
        var target = await _hosts.TargetUntilAsync(report => report is { ResumedAt: not null, SessionState: SessionState.Ended });
        Assert.Equal(SessionOutcome.Completed, target.Outcome);
        Assert.NotEmpty(target.EngineVersion);
        Assert.Equal(source.EngineVersion, target.EngineVersion);
        Assert.True(target.ResumedAt > source.StoppedAt, $"{source.StoppedAt} {target.ResumedAt}");

        // The control plane says the same as the source's agent did, and finds it done.
        var handOver = _hosts.Command(request => request.HandOverTarget = new HandOverTarget());
        var handedOver = await _hosts.Target.ExecuteAsync(handOver);
        Assert.Equal(target.ResumedAt, handedOver.Report.ResumedAt);
        await RepeatsAsync(_hosts.Target, handOver, handedOver);

        var trace = await _hosts.TraceAsync();
        Assert.True(trace.Verdict == GuestVerdict.Intact, trace.ToString());
        Assert.Equal(RunState.Postmigrate, await TwoHosts.RunStateAsync(_hosts.Source));
        Assert.Equal(RunState.Running, await TwoHosts.RunStateAsync(_hosts.Target));
        await RefusesAsync(AgentError.WrongState, _hosts.Target, request => request.AbandonTarget = new AbandonTarget());
        await RefusesAsync(AgentError.WrongState, _hosts.Source, request => request.CancelSource = new CancelSource());
        await Assert.ThrowsAsync<RpcException>(async () => await _hosts.Source.Client.ResumeGuestAsync(new ResumeGuestRequest { GuestId = TwoHosts.GuestId }));

        var finish = _hosts.Command(request => request.FinishSource = new FinishSource());
        await RepeatsAsync(_hosts.Source, finish, await _hosts.Source.ExecuteAsync(finish));
        Assert.Equal(RunState.Unspecified, await TwoHosts.RunStateAsync(_hosts.Source));
        Assert.False(Directory.Exists(_hosts.Source.Folder(TwoHosts.GuestId).Path));
        var finishTarget = _hosts.Command(request => request.FinishTarget = new FinishTarget());
        await RepeatsAsync(_hosts.Target, finishTarget, await _hosts.Target.ExecuteAsync(finishTarget));

        // An ordinary guest of its new host.
        await _hosts.Target.Client.PauseGuestAsync(new PauseGuestRequest { GuestId = TwoHosts.GuestId });
        Assert.Equal(RunState.Paused, await TwoHosts.RunStateAsync(_hosts.Target));
        await _hosts.Target.Client.StopGuestAsync(new StopGuestRequest { GuestId = TwoHosts.GuestId });
        Assert.Equal(RunState.Unspecified, await TwoHosts.RunStateAsync(_hosts.Target));
    }

    [Fact]
    public async Task PausedByItsOwner_StaysPausedOnTheTarget()
    {
        await _hosts.StartGuestAsync(TwoHosts.SpecOf(workingSet: 8, rate: 8, fill: 4));
        await _hosts.Source.Client.PauseGuestAsync(new PauseGuestRequest { GuestId = TwoHosts.GuestId });

        var started = await _hosts.BeginAsync(runAfter: false);
        Assert.False(started.Report.WasRunning);
        await _hosts.SourceUntilAsync(report => report.Outcome == SessionOutcome.Completed);
        await _hosts.Target.ExecuteAsync(_hosts.Command(request => request.HandOverTarget = new HandOverTarget()));
        await _hosts.Target.ExecuteAsync(_hosts.Command(request => request.FinishTarget = new FinishTarget()));
        Assert.Equal(RunState.Paused, await TwoHosts.RunStateAsync(_hosts.Target));
        Assert.Null((await _hosts.Target.PollAsync(_hosts.MigrationId, SessionRole.Target)).ResumedAt);

        await _hosts.Target.Client.ResumeGuestAsync(new ResumeGuestRequest { GuestId = TwoHosts.GuestId });
        var trace = await _hosts.TraceAsync();
        Assert.True(trace.Verdict == GuestVerdict.Intact, trace.ToString());
    }

    [Fact]
    public async Task NonLive_TheGuestStandsStillUntilItIsThere()
    {
        await _hosts.StartGuestAsync(TwoHosts.SpecOf(workingSet: 32, rate: 512, fill: 32));
        var started = await _hosts.BeginAsync(bandwidth: 24 * TwoHosts.Mebibyte, nonLive: true);
        Assert.True(started.Report.WasRunning);
        Assert.Equal(RunState.Paused, await TwoHosts.RunStateAsync(_hosts.Source));

        var refused = await Assert.ThrowsAsync<RpcException>(
            async () => await _hosts.Source.Client.ResumeGuestAsync(new ResumeGuestRequest { GuestId = TwoHosts.GuestId }));
        Assert.Equal("RESUME_REFUSED", TwoHosts.ReasonOf(refused));

        await _hosts.TargetUntilAsync(report => report.ResumedAt is not null);
        var trace = await _hosts.TraceAsync();
        Assert.True(trace.Verdict == GuestVerdict.Intact, trace.ToString());
    }

    [Fact]
    public async Task HandOver_IsBelievedOnlyWithAProofAndANewEnoughEpoch()
    {
        _hosts.Epoch = 7;
        await _hosts.StartGuestAsync(TwoHosts.SpecOf(workingSet: 8, rate: 8, fill: 4));
        await _hosts.BeginAsync(handOver: false);
        await _hosts.SourceUntilAsync(report => report.Outcome == SessionOutcome.Completed);
        await _hosts.TargetUntilAsync(report => report.Outcome == SessionOutcome.Completed);
        Assert.Equal(RunState.Paused, await TwoHosts.RunStateAsync(_hosts.Target));
        await RefusesAsync(AgentError.WrongState, _hosts.Target, request => request.FinishTarget = new FinishTarget());

        Assert.Equal("WRONG_STATE", TwoHosts.ReasonOf(await Assert.ThrowsAsync<RpcException>(() => HandOverAsync(7, "active"))));
        Assert.Equal("EPOCH_STALE", TwoHosts.ReasonOf(await Assert.ThrowsAsync<RpcException>(() => HandOverAsync(6, "completed"))));
        Assert.Equal(RunState.Paused, await TwoHosts.RunStateAsync(_hosts.Target));

        var first = await HandOverAsync(7, "completed");
        var second = await HandOverAsync(8, "completed");
        Assert.NotNull(first.ResumedAt);
        Assert.Equal(first.ResumedAt, second.ResumedAt);
        Assert.Equal(RunState.Running, await TwoHosts.RunStateAsync(_hosts.Target));

        async Task<MigrationReport> HandOverAsync(ulong epoch, string status) => (await _hosts.Target.Client.HandOverAsync(
            new HandOverRequest { MigrationId = _hosts.MigrationId.ToString(), Epoch = epoch, SourceEngineStatus = status })).Report;
    }

    private static async Task RepeatsAsync(TestAgent agent, ExecuteRequest request, ExecuteResponse answer)
    {
        Assert.False(answer.Repeated);
        var again = await agent.ExecuteAsync(request);
        Assert.True(again.Repeated);
        again.Repeated = false;
        Assert.Equal(answer, again);
    }

    private async Task RefusesAsync(AgentError why, TestAgent agent, Action<ExecuteRequest> set)
    {
        var request = _hosts.Command(set);
        var first = await Assert.ThrowsAsync<RpcException>(() => agent.ExecuteAsync(request));
        var second = await Assert.ThrowsAsync<RpcException>(() => agent.ExecuteAsync(request));
        Assert.Equal(why.ToString().ToUpperInvariant(), TwoHosts.ReasonOf(first)?.Replace("_", "", StringComparison.Ordinal));
        Assert.Equal(first.Status.Detail, second.Status.Detail);
    }
}
