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
    public async Task Migration_UnderLoad_MovesTheGuestWhole()
    {
        await _hosts.StartGuestAsync(TwoHosts.SpecOf(workingSet: 24, rate: 32, fill: 16));
        await _hosts.BeginAsync(bandwidth: 48 * TwoHosts.Mebibyte, downtimeMs: 500);

        var source = await _hosts.SourceUntilAsync(report => report.SessionState == SessionState.Ended);
        Assert.Equal(SessionOutcome.Completed, source.Outcome);
        var target = await _hosts.TargetUntilAsync(report => report.ResumedAt is not null && report.SessionState == SessionState.Ended);
        Assert.Equal(SessionOutcome.Completed, target.Outcome);
        Assert.True(target.ResumedAt >= source.StoppedAt);

        var trace = await _hosts.TraceAsync();
        Assert.True(trace.Verdict == GuestVerdict.Intact, trace.ToString());
        Assert.Equal(RunState.Postmigrate, await TwoHosts.RunStateAsync(_hosts.Source));
        Assert.Equal(RunState.Running, await TwoHosts.RunStateAsync(_hosts.Target));

        await _hosts.Source.ExecuteAsync(_hosts.Command(request => request.FinishSource = new FinishSource()));
        await _hosts.Target.ExecuteAsync(_hosts.Command(request => request.FinishTarget = new FinishTarget()));
        Assert.Equal(RunState.Unspecified, await TwoHosts.RunStateAsync(_hosts.Source));
        Assert.False(Directory.Exists(_hosts.Source.Folder(TwoHosts.GuestId).Path));
    }
}
