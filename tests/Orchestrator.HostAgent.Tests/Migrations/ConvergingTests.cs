using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Orchestrator.Agent.V1;
using Orchestrator.BootGuest;
using Orchestrator.HostAgent.Tests.Fleet;

namespace Orchestrator.HostAgent.Tests.Migrations;

/// <summary>A guest that dirties more than the link takes: what is commanded to make it converge.</summary>
[Collection(QemuTests.Name)]
public sealed class ConvergingTests : IAsyncLifetime
{
    private const ulong Bandwidth = 12 * TwoHosts.Mebibyte;

    private TwoHosts _hosts = null!;

    public async Task InitializeAsync() => _hosts = await TwoHosts.StartAsync();

    public async Task DisposeAsync() => await _hosts.DisposeAsync();

    [Fact]
    public async Task Paused_ItConvergesAndRunsOnTheTarget()
    {
        await BeginAsync();
        await _hosts.SourceUntilAsync(report => report.Numbers is { Pass: >= 3 });
        Assert.Equal("ENGINE", (await _hosts.Source.PollAsync(_hosts.MigrationId, SessionRole.Source)).EngineStatus == "active" ? "ENGINE" : "");

        var paused = await _hosts.Source.ExecuteAsync(_hosts.Command(request => request.PauseSource = new PauseSource()));
        Assert.True(paused.Report.PausedToConverge);
        Assert.True(paused.Report.WasRunning);
        await _hosts.TargetUntilAsync(report => report.ResumedAt is not null);
        var trace = await _hosts.TraceAsync();
        Assert.True(trace.Verdict == GuestVerdict.Intact, trace.ToString());
    }

    [Fact]
    public async Task PauseTakenBack_TheGuestGoesOnAtTheSource()
    {
        await BeginAsync();
        await _hosts.SourceUntilAsync(report => report.Numbers is { Pass: >= 2 });
        await _hosts.Source.ExecuteAsync(_hosts.Command(request => request.AdjustSource = new AdjustSource { MaxBytesPerSecond = 1 * TwoHosts.Mebibyte }));
        await _hosts.Source.ExecuteAsync(_hosts.Command(request => request.PauseSource = new PauseSource()));
        Assert.Equal(RunState.Paused, await TwoHosts.RunStateAsync(_hosts.Source));

        var resumed = await _hosts.Source.ExecuteAsync(_hosts.Command(request => request.ResumeSource = new ResumeSource()));
        Assert.False(resumed.Report.PausedToConverge);
        await _hosts.NextBeatAsync(_hosts.Source);

        // Cancelled while it is paused once more, it is brought back.
        await _hosts.Source.ExecuteAsync(_hosts.Command(request => request.PauseSource = new PauseSource()));
        var cancelled = await _hosts.Source.ExecuteAsync(_hosts.Command(request => request.CancelSource = new CancelSource()));
        Assert.Equal(SessionOutcome.Cancelled, cancelled.Report.Outcome);
        Assert.False(cancelled.Report.PausedToConverge);
        await _hosts.NextBeatAsync(_hosts.Source);
    }

    [Fact]
    public async Task LimitRaised_TheReportsSayItAndItCompletes()
    {
        await BeginAsync();
        var first = await _hosts.SourceUntilAsync(report => report.Numbers is { Pass: >= 3, BandwidthBytesPerSecond: > 0 });
        Assert.InRange(first.Numbers.BandwidthBytesPerSecond, Bandwidth / 2, Bandwidth * 2);
        Assert.Equal(Bandwidth, first.Numbers.MaxBytesPerSecond);
        Assert.False(first.Numbers.FirstPass);

        await _hosts.Source.ExecuteAsync(_hosts.Command(request => request.AdjustSource = new AdjustSource
        {
            DowntimeLimit = TimeSpan.FromSeconds(20).ToDuration(),
        }));
        var ended = await _hosts.SourceUntilAsync(report => report.SessionState == SessionState.Ended);
        Assert.Equal(SessionOutcome.Completed, ended.Outcome);
        Assert.Equal(TimeSpan.FromSeconds(20), ended.Numbers.DowntimeLimit.ToTimeSpan());
        await _hosts.TargetUntilAsync(report => report.ResumedAt is not null);
    }

    [Fact]
    public async Task Throttled_TheReportsSayHowMuch()
    {
        _hosts.Terms.ThrottlePossible = true;
        await BeginAsync();
        var before = await _hosts.SourceUntilAsync(report => report.Numbers is { Pass: >= 3 });
        Assert.InRange(before.Numbers.ThrottlePercent, 0u, 1u);

        await _hosts.Source.ExecuteAsync(_hosts.Command(request => request.AdjustSource = new AdjustSource
        {
            Throttle = new ThrottleBounds { InitialPercent = 40, IncrementPercent = 20, MaxPercent = 70 },
        }));
        var throttled = await _hosts.SourceUntilAsync(report => report.Numbers is { ThrottlePercent: > 1 });
        Assert.Equal(40u, throttled.Numbers.ThrottlePercent);
        await _hosts.Source.ExecuteAsync(_hosts.Command(request => request.CancelSource = new CancelSource()));
    }

    [Fact]
    public async Task WhatTheTermsExclude_IsRefusedByName()
    {
        await BeginAsync();
        var throttle = await Assert.ThrowsAsync<RpcException>(() => _hosts.Source.ExecuteAsync(_hosts.Command(request =>
            request.AdjustSource = new AdjustSource { Throttle = new ThrottleBounds { InitialPercent = 10, IncrementPercent = 10, MaxPercent = 20 } })));
        Assert.Equal("CAPABILITY_MISSING", TwoHosts.ReasonOf(throttle));
        var postCopy = await Assert.ThrowsAsync<RpcException>(() => _hosts.Source.ExecuteAsync(_hosts.Command(request =>
            request.StartPostCopy = new StartPostCopy())));
        Assert.Equal("CAPABILITY_MISSING", TwoHosts.ReasonOf(postCopy));
        Assert.Equal(
            "WRONG_STATE",
            TwoHosts.ReasonOf(await Assert.ThrowsAsync<RpcException>(() => _hosts.Source.ExecuteAsync(_hosts.Command(request =>
                request.FinishSource = new FinishSource())))));
        Assert.Equal(
            "WRONG_STATE",
            TwoHosts.ReasonOf(await Assert.ThrowsAsync<RpcException>(async () =>
                await _hosts.Source.Client.StopGuestAsync(new StopGuestRequest { GuestId = TwoHosts.GuestId }))));
        await _hosts.NextBeatAsync(_hosts.Source);
    }

    /// <summary>A migration that does not converge by itself.</summary>
    private async Task BeginAsync()
    {
        await _hosts.StartGuestAsync(TwoHosts.SpecOf(workingSet: 16, rate: 256, fill: 4, memory: 64));
        await _hosts.BeginAsync(bandwidth: Bandwidth, downtimeMs: 10);
    }
}
