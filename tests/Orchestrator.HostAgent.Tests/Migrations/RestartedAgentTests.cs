using Orchestrator.Agent.V1;
using Orchestrator.BootGuest;
using Orchestrator.HostAgent.Tests.Fleet;

namespace Orchestrator.HostAgent.Tests.Migrations;

/// <summary>Agents go away and come back in the middle of a migration; guests and engines do not notice.</summary>
[Collection(QemuTests.Name)]
public sealed class RestartedAgentTests : IAsyncLifetime
{
    private TwoHosts _hosts = null!;

    public async Task InitializeAsync() => _hosts = await TwoHosts.StartAsync();

    public async Task DisposeAsync() => await _hosts.DisposeAsync();

    [Fact]
    public async Task BothInMidCopy_TheMigrationIsTakenUpAndCompletes()
    {
        await _hosts.StartGuestAsync(TwoHosts.SpecOf(workingSet: 16, rate: 16, fill: 16));
        var prepare = _hosts.PrepareCommand();
        var prepared = await _hosts.Target.ExecuteAsync(prepare);
        await _hosts.OpenTargetConsoleAsync();
        var start = _hosts.StartCommand(prepared.ListenUri, bandwidth: 12 * TwoHosts.Mebibyte, downtimeMs: 10);
        await _hosts.Source.ExecuteAsync(start);
        var before = await _hosts.SourceUntilAsync(report => report.Numbers is { TransferredBytes: > 2 * TwoHosts.Mebibyte });
        var pids = (_hosts.Source.Guest(TwoHosts.GuestId).Record.Process, _hosts.Target.Guest(TwoHosts.GuestId).Record.Process);

        await _hosts.Source.StopAsync();
        await _hosts.Target.StopAsync();
        await _hosts.Target.StartAsync();
        await _hosts.Source.StartAsync();

        Assert.Equal(pids, (_hosts.Source.Guest(TwoHosts.GuestId).Record.Process, _hosts.Target.Guest(TwoHosts.GuestId).Record.Process));
        var after = await _hosts.SourceUntilAsync(report => report.Numbers is { TransferredBytes: > 2 * TwoHosts.Mebibyte });
        Assert.True(after.Sequence > before.Sequence);
        Assert.Equal(SessionState.Running, after.SessionState);
        Assert.Equal(start.CommandId, after.LastCommandId);
        Assert.True(after.Elapsed.ToTimeSpan() > before.Elapsed.ToTimeSpan());
        Assert.True((await _hosts.Source.ExecuteAsync(start)).Repeated);
        var repeated = await _hosts.Target.ExecuteAsync(prepare);
        Assert.True(repeated.Repeated);
        Assert.Equal(prepared.ListenUri, repeated.ListenUri);

        await _hosts.Source.ExecuteAsync(_hosts.Command(request => request.AdjustSource = new AdjustSource { MaxBytesPerSecond = 0 }));
        await _hosts.TargetUntilAsync(report => report.ResumedAt is not null);
        var trace = await _hosts.TraceAsync();
        Assert.True(trace.Verdict == GuestVerdict.Intact, trace.ToString());
    }

    [Fact]
    public async Task SourceAwayAtTheSwitchOver_ItIsMadeUpForWhenItIsBack()
    {
        await _hosts.StartGuestAsync(TwoHosts.SpecOf(workingSet: 16, rate: 16, fill: 16));
        await _hosts.BeginAsync(bandwidth: 24 * TwoHosts.Mebibyte, downtimeMs: 2000);

        // The engine comes to its stop with nobody there to let it on, and the guest waits.
        await _hosts.Source.StopAsync();
        await TwoHosts.EngineUntilAsync(_hosts.Source, "pre-switchover");
        await _hosts.Source.StartAsync();

        await _hosts.TargetUntilAsync(report => report.ResumedAt is not null);
        var trace = await _hosts.TraceAsync();
        Assert.True(trace.Verdict == GuestVerdict.Intact, trace.ToString());
    }

    [Fact]
    public async Task TargetAwayAtTheHandOver_TheGuestRunsWhenItIsBack()
    {
        await _hosts.StartGuestAsync(TwoHosts.SpecOf(workingSet: 16, rate: 16, fill: 16));
        await _hosts.BeginAsync(bandwidth: 24 * TwoHosts.Mebibyte, downtimeMs: 2000);
        await _hosts.Target.StopAsync();
        await _hosts.SourceUntilAsync(report => report.Outcome == SessionOutcome.Completed);

        // The source's own restart does not lose the hand-over either.
        await _hosts.Source.StopAsync();
        await _hosts.Source.StartAsync();
        await _hosts.Target.StartAsync();

        await _hosts.TargetUntilAsync(report => report.ResumedAt is not null);
        var trace = await _hosts.TraceAsync();
        Assert.True(trace.Verdict == GuestVerdict.Intact, trace.ToString());
        Assert.Equal(RunState.Postmigrate, await TwoHosts.RunStateAsync(_hosts.Source));
    }
}
