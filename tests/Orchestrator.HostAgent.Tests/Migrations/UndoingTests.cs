using System.Net;
using System.Net.Sockets;
using Grpc.Core;
using Orchestrator.Agent.V1;
using Orchestrator.BootGuest;
using Orchestrator.HostAgent.Tests.Fleet;

namespace Orchestrator.HostAgent.Tests.Migrations;

/// <summary>A migration comes to nothing: the guest is at the source, as it was.</summary>
[Collection(QemuTests.Name)]
public sealed class UndoingTests : IAsyncLifetime
{
    private TwoHosts _hosts = null!;

    public async Task InitializeAsync() => _hosts = await TwoHosts.StartAsync();

    public async Task DisposeAsync() => await _hosts.DisposeAsync();

    [Fact]
    public async Task Cancelled_TheGuestRunsOn_AndTheSameMigrationCanBeTriedAgain()
    {
        await BeginSlowlyAsync();
        var copying = await _hosts.SourceUntilAsync(report => report.Numbers is { TransferredBytes: > 2 * TwoHosts.Mebibyte });
        var cancel = _hosts.Command(request => request.CancelSource = new CancelSource());
        var cancelled = await _hosts.Source.ExecuteAsync(cancel);
        Assert.Equal(SessionOutcome.Cancelled, cancelled.Report.Outcome);
        Assert.Equal(RunState.Running, cancelled.Report.RunState);
        Assert.True(cancelled.Report.Numbers.TransferredBytes >= copying.Numbers.TransferredBytes);
        Assert.True((await _hosts.Source.ExecuteAsync(cancel)).Repeated);
        await _hosts.NextBeatAsync(_hosts.Source);

        var lost = await _hosts.TargetUntilAsync(report => report.SessionState == SessionState.Ended);
        Assert.Equal(SessionOutcome.Failed, lost.Outcome);
        await _hosts.Target.ExecuteAsync(_hosts.Command(request => request.AbandonTarget = new AbandonTarget()));
        Assert.Equal(RunState.Unspecified, await TwoHosts.RunStateAsync(_hosts.Target));

        await _hosts.BeginAsync(downtimeMs: 1000);
        await _hosts.TargetUntilAsync(report => report.ResumedAt is not null);
        var trace = await _hosts.TraceAsync();
        Assert.True(trace.Verdict == GuestVerdict.Intact, trace.ToString());
    }

    [Fact]
    public async Task TargetEngineKilled_TheGuestRunsOn()
    {
        await BeginSlowlyAsync();
        await _hosts.SourceUntilAsync(report => report.Numbers is { TransferredBytes: > 2 * TwoHosts.Mebibyte });
        _hosts.Target.Guest(TwoHosts.GuestId).Record.Process!.Kill();

        var source = await _hosts.SourceUntilAsync(report => report.SessionState == SessionState.Ended);
        Assert.Equal(SessionOutcome.Failed, source.Outcome);
        Assert.NotEmpty(source.ErrorDescription);
        Assert.Equal(RunState.Running, source.RunState);
        await _hosts.NextBeatAsync(_hosts.Source);
        var target = await _hosts.TargetUntilAsync(report => report.SessionState == SessionState.Ended);
        Assert.Equal(SessionOutcome.EngineLost, target.Outcome);
        Assert.Equal(RunState.Gone, target.RunState);

        await _hosts.Target.ExecuteAsync(_hosts.Command(request => request.AbandonTarget = new AbandonTarget()));
        var closed = await _hosts.Source.ExecuteAsync(_hosts.Command(request => request.AbandonSource = new AbandonSource()));
        Assert.Equal(SessionState.Closed, closed.Report.SessionState);
        Assert.Equal(RunState.Running, await TwoHosts.RunStateAsync(_hosts.Source));
    }

    [Fact]
    public async Task SourceEngineKilled_BothSidesSayWhatTheyLost()
    {
        await BeginSlowlyAsync();
        await _hosts.SourceUntilAsync(report => report.Numbers is { TransferredBytes: > 2 * TwoHosts.Mebibyte });
        _hosts.Source.Guest(TwoHosts.GuestId).Record.Process!.Kill();

        var source = await _hosts.SourceUntilAsync(report => report.SessionState == SessionState.Ended);
        Assert.Equal(SessionOutcome.EngineLost, source.Outcome);
        Assert.True(source.Numbers.TransferredBytes > 0);
        var target = await _hosts.TargetUntilAsync(report => report.SessionState == SessionState.Ended);
        Assert.Equal(SessionOutcome.Failed, target.Outcome);
        Assert.Equal(RunState.Gone, await TwoHosts.RunStateAsync(_hosts.Source));
    }

    [Fact]
    public async Task TargetPortTaken_IsRefusedInTheEnginesWordsAndNothingIsLeft()
    {
        await _hosts.StartGuestAsync(TwoHosts.SpecOf(workingSet: 8, rate: 8, fill: 4));
        using var taken = new TcpListener(IPAddress.Parse("127.0.0.2"), 0);
        taken.Start();

        var prepare = _hosts.PrepareCommand(port: (uint)((IPEndPoint)taken.LocalEndpoint).Port);
        var refused = await Assert.ThrowsAsync<RpcException>(() => _hosts.Target.ExecuteAsync(prepare));
        Assert.Equal("ENGINE_REFUSED", TwoHosts.ReasonOf(refused));
        Assert.Contains("in use", refused.Status.Detail, StringComparison.Ordinal);
        Assert.Equal(RunState.Unspecified, await TwoHosts.RunStateAsync(_hosts.Target));
        Assert.False(Directory.Exists(_hosts.Target.Folder(TwoHosts.GuestId).Path));
        var again = await Assert.ThrowsAsync<RpcException>(() => _hosts.Target.ExecuteAsync(prepare));
        Assert.Equal(refused.Status.Detail, again.Status.Detail);

        await _hosts.BeginAsync();
        await _hosts.TargetUntilAsync(report => report.ResumedAt is not null);
    }

    [Fact]
    public async Task NobodyListens_TheSourceSaysWhyAndTheGuestRunsOn()
    {
        await _hosts.StartGuestAsync(TwoHosts.SpecOf(workingSet: 8, rate: 8, fill: 4));
        await _hosts.Source.ExecuteAsync(_hosts.StartCommand("tcp:127.0.0.2:1", handOver: false));
        var ended = await _hosts.SourceUntilAsync(report => report.SessionState == SessionState.Ended);
        Assert.Equal(SessionOutcome.Failed, ended.Outcome);
        Assert.Contains("refused", ended.ErrorDescription, StringComparison.OrdinalIgnoreCase);
        await _hosts.NextBeatAsync(_hosts.Source);
    }

    [Fact]
    public async Task Fence_LetsNoOldCommanderIn()
    {
        _hosts.Epoch = 5;
        await BeginSlowlyAsync();
        var adjust = _hosts.Command(request => request.AdjustSource = new AdjustSource { MaxBytesPerSecond = 4 * TwoHosts.Mebibyte });
        await _hosts.Source.ExecuteAsync(adjust);

        // Its successor repeats the last command, and from then on the old one is out.
        adjust.Epoch = 6;
        Assert.True((await _hosts.Source.ExecuteAsync(adjust)).Repeated);
        await RefusedAsync("EPOCH_STALE", _hosts.Command(request => request.CancelSource = new CancelSource()));

        _hosts.Epoch = 6;
        adjust.AdjustSource.MaxBytesPerSecond = 1;
        await RefusedAsync("COMMAND_STALE", adjust);
        var old = adjust.Clone();
        old.CommandId = 1;
        await RefusedAsync("COMMAND_STALE", old);
        await _hosts.Source.ExecuteAsync(_hosts.Command(request => request.CancelSource = new CancelSource()));

        async Task RefusedAsync(string reason, ExecuteRequest request) => Assert.Equal(
            reason, TwoHosts.ReasonOf(await Assert.ThrowsAsync<RpcException>(() => _hosts.Source.ExecuteAsync(request))));
    }

    private async Task BeginSlowlyAsync()
    {
        await _hosts.StartGuestAsync(TwoHosts.SpecOf(workingSet: 16, rate: 16, fill: 16));
        await _hosts.BeginAsync(bandwidth: 4 * TwoHosts.Mebibyte, downtimeMs: 10);
    }
}
