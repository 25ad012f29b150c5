using Orchestrator.Agent.V1;
using Orchestrator.HostAgent.Tests.Fleet;

namespace Orchestrator.HostAgent.Tests.Migrations;

/// <summary>What the agent measures at a real engine while it copies: a guest that writes 16 MiB over and over, 32 MiB in a second.</summary>
[Collection(QemuTests.Name)]
public sealed class ProbingTests : IAsyncLifetime
{
    private const int WorkingSet = 16;
    private const int Rate = 32;

    private TwoHosts _hosts = null!;

    public async Task InitializeAsync() => _hosts = await TwoHosts.StartAsync();

    public async Task DisposeAsync() => await _hosts.DisposeAsync();

    [Fact]
    public async Task FirstPass_ReportsSayWhatIsDirtiedInIntervalsOfSeveralLengths()
    {
        await BeginAsync();
        Dictionary<TimeSpan, TransferNumbers> probed = [];
        while (probed.Count < 2)
        {
            var report = await ProbedAsync(probe => !probed.ContainsKey(probe.Interval.ToTimeSpan()));
            probed[report.Numbers.DirtyProbe.Interval.ToTimeSpan()] = report.Numbers;
            Assert.True(report.Numbers.FirstPass);
            Assert.False(report.Numbers.HasDirtyBytesPerSecond);
            Assert.True(report.Numbers.DirtyProbe.Elapsed.ToTimeSpan() <= report.Elapsed.ToTimeSpan(), report.ToString());
        }

        Assert.All(probed, one => Assert.InRange(one.Value.DirtyProbe.Bytes, Dirtied(one.Key) / 2, Dirtied(one.Key) * 2));
    }

    [Fact]
    public async Task Paused_NoneIsBegunUntilItGoesOn()
    {
        await BeginAsync();
        await ProbedAsync(_ => true);
        var paused = await _hosts.Source.ExecuteAsync(_hosts.Command(request => request.PauseSource = new PauseSource()));
        await using var monitor = await TwoHosts.OpenSpareMonitorAsync(_hosts.Source);
        await ElapsedAsync(paused.Report, seconds: 1);
        var last = await AskAsync();

        // Longer than one and the pause after it.
        await ElapsedAsync(paused.Report, seconds: 8);
        Assert.Equal(last, await AskAsync());

        var resumed = await _hosts.Source.ExecuteAsync(_hosts.Command(request => request.ResumeSource = new ResumeSource()));
        var next = await ProbedAsync(probe => probe.Elapsed.ToTimeSpan() > resumed.Report.Elapsed.ToTimeSpan());
        var probe = next.Numbers.DirtyProbe;
        Assert.True(probe.Elapsed.ToTimeSpan() - probe.Interval.ToTimeSpan() > paused.Report.Elapsed.ToTimeSpan(), next.ToString());

        // Which measuring it was: a new one has another time.
        async Task<long> AskAsync()
        {
            var reply = await monitor.ExecuteAsync("query-dirty-rate", null, CancellationToken.None).WaitAsync(TestAgent.Bound);
            return reply.GetProperty("start-time").GetInt64();
        }
    }

    [Fact]
    public async Task AgentRestarted_ItBeginsAnew()
    {
        await BeginAsync();
        await ProbedAsync(_ => true);

        await _hosts.Source.StopAsync();
        await _hosts.Source.StartAsync();
        var back = await _hosts.Source.PollAsync(_hosts.MigrationId, SessionRole.Source);
        var next = await ProbedAsync(probe => probe.Elapsed.ToTimeSpan() > back.Elapsed.ToTimeSpan());
        Assert.InRange(
            next.Numbers.DirtyProbe.Bytes, Dirtied(next.Numbers.DirtyProbe.Interval.ToTimeSpan()) / 2, Dirtied(next.Numbers.DirtyProbe.Interval.ToTimeSpan()) * 2);
    }

    [Fact]
    public async Task Cancelled_ALaterAttemptIsProbedToo()
    {
        await BeginAsync();
        await ProbedAsync(_ => true);
        await _hosts.Source.ExecuteAsync(_hosts.Command(request => request.CancelSource = new CancelSource()));
        await _hosts.Target.ExecuteAsync(_hosts.Command(request => request.AbandonTarget = new AbandonTarget()));

        await _hosts.BeginAsync(bandwidth: TwoHosts.Mebibyte, downtimeMs: 10);
        var first = await _hosts.SourceUntilAsync(report => report.SessionState == SessionState.Running && report.Numbers is not null);
        Assert.True(first.Numbers.DirtyProbe is null || first.Numbers.DirtyProbe.Elapsed.ToTimeSpan() <= first.Elapsed.ToTimeSpan(), first.ToString());
        await ProbedAsync(_ => true);
    }

    private static ulong Dirtied(TimeSpan interval) => (ulong)(Math.Min(WorkingSet, Rate * interval.TotalSeconds) * TwoHosts.Mebibyte);

    /// <summary>A first pass of half a minute.</summary>
    private async Task BeginAsync()
    {
        await _hosts.StartGuestAsync(TwoHosts.SpecOf(WorkingSet, Rate, fill: 16, memory: 64));
        await _hosts.BeginAsync(bandwidth: TwoHosts.Mebibyte, downtimeMs: 10);
    }

    private Task<MigrationReport> ProbedAsync(Func<DirtyProbe, bool> isIt) =>
        _hosts.SourceUntilAsync(report => report.Numbers is { DirtyProbe: { } probe } && isIt(probe));

    private Task<MigrationReport> ElapsedAsync(MigrationReport since, double seconds) =>
        _hosts.SourceUntilAsync(report => report.Elapsed.ToTimeSpan() > since.Elapsed.ToTimeSpan() + TimeSpan.FromSeconds(seconds));
}
