using Grpc.Core;
using Orchestrator.Agent.V1;
using Orchestrator.BootGuest;
using Orchestrator.HostAgent.Tests.Fleet;

namespace Orchestrator.HostAgent.Tests.Migrations;

/// <summary>The guest goes on at the target before all of its memory is there.</summary>
[Collection(QemuTests.Name)]
public sealed class PostCopyTests : IAsyncLifetime
{
    private TwoHosts _hosts = null!;

    public async Task InitializeAsync()
    {
        _hosts = await TwoHosts.StartAsync();
        _hosts.Terms.PostCopyPossible = true;
    }

    public async Task DisposeAsync() => await _hosts.DisposeAsync();

    [Fact]
    public async Task LinkBreaks_BothSidesWait_AndItGoesOnOverAnother()
    {
        await _hosts.StartGuestAsync(TwoHosts.SpecOf(workingSet: 24, rate: 256, fill: 32));
        await _hosts.BeginAsync(bandwidth: 8 * TwoHosts.Mebibyte, downtimeMs: 10, postCopyBandwidth: 4 * TwoHosts.Mebibyte);
        await _hosts.SourceUntilAsync(report => report.Numbers is { TransferredBytes: > 4 * TwoHosts.Mebibyte });
        await _hosts.Source.ExecuteAsync(_hosts.Command(request => request.StartPostCopy = new StartPostCopy()));
        Assert.Equal("WRONG_STATE", await RefusalAsync(_hosts.Source, request => request.CancelSource = new CancelSource()));

        await _hosts.TargetUntilAsync(report => report.ResumedAt is not null);
        await _hosts.NextBeatAsync(_hosts.Target);
        Assert.Equal("WRONG_STATE", await RefusalAsync(_hosts.Target, request => request.AbandonTarget = new AbandonTarget()));

        await _hosts.BreakLinkAsync();
        var source = await _hosts.SourceUntilAsync(report => report.EngineStatus == "postcopy-paused");
        Assert.Equal(SessionState.Running, source.SessionState);
        await _hosts.TargetUntilAsync(report => report.EngineStatus == "postcopy-paused");

        // Neither side alone has the guest, so an agent that comes back now has to find both as they are.
        await _hosts.Target.StopAsync();
        await _hosts.Target.StartAsync();
        var recover = _hosts.Command(request => request.RecoverTarget = new RecoverTarget());
        var listening = await _hosts.Target.ExecuteAsync(recover);
        Assert.StartsWith("tcp:127.0.0.2:", listening.ListenUri, StringComparison.Ordinal);
        Assert.Equal(listening.ListenUri, (await _hosts.Target.ExecuteAsync(recover)).ListenUri);
        await _hosts.Source.ExecuteAsync(_hosts.Command(request => request.RecoverSource = new RecoverSource { TargetUri = listening.ListenUri }));

        var ended = await _hosts.SourceUntilAsync(report => report.SessionState == SessionState.Ended);
        Assert.Equal(SessionOutcome.Completed, ended.Outcome);
        await _hosts.TargetUntilAsync(report => report.Outcome == SessionOutcome.Completed);
        var trace = await _hosts.TraceAsync();
        Assert.True(trace.Verdict == GuestVerdict.Intact, trace.ToString());
        await _hosts.Source.ExecuteAsync(_hosts.Command(request => request.FinishSource = new FinishSource()));
        await _hosts.Target.ExecuteAsync(_hosts.Command(request => request.FinishTarget = new FinishTarget()));
    }

    private async Task<string?> RefusalAsync(TestAgent agent, Action<ExecuteRequest> set) =>
        TwoHosts.ReasonOf(await Assert.ThrowsAsync<RpcException>(() => agent.ExecuteAsync(_hosts.Command(set))));
}
