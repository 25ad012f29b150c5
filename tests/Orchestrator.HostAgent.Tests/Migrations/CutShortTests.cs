using Orchestrator.Agent.V1;
using Orchestrator.BootGuest;
using Orchestrator.HostAgent.Migrations;
using Orchestrator.HostAgent.Tests.Fleet;

namespace Orchestrator.HostAgent.Tests.Migrations;

/// <summary>
/// An agent dies between the beginning of a command and its answer: the journal ends in the middle, and what the engine did of it has to be
/// found out.
/// </summary>
[Collection(QemuTests.Name)]
public sealed class CutShortTests : IAsyncLifetime
{
    private TwoHosts _hosts = null!;

    public async Task InitializeAsync()
    {
        _hosts = await TwoHosts.StartAsync();
        try
        {
            await _hosts.StartGuestAsync(TwoHosts.SpecOf(workingSet: 16, rate: 16, fill: 16));
        }
        catch
        {
            // What fails here is not disposed by xunit.
            await _hosts.DisposeAsync();
            throw;
        }
    }

    public async Task DisposeAsync() => await _hosts.DisposeAsync();

    [Theory]
    [InlineData("listening")]
    [InlineData("answered")]
    public async Task PrepareTarget_TheEngineListensAlready_ItIsTakenAsItIs(string lost)
    {
        var prepare = _hosts.PrepareCommand();
        var prepared = await _hosts.Target.ExecuteAsync(prepare);

        await CrashAsync(_hosts.Target, SessionRole.Target, lost);

        var resolved = await _hosts.Target.ExecuteAsync(prepare);
        Assert.Equal(prepared.ListenUri, resolved.ListenUri);
        await _hosts.OpenTargetConsoleAsync();
        await _hosts.Source.ExecuteAsync(_hosts.StartCommand(resolved.ListenUri));
        await _hosts.TargetUntilAsync(report => report.ResumedAt is not null);
    }

    [Theory]
    [InlineData("started")]
    [InlineData("answered")]
    public async Task StartSource_TheEngineMigratesAlready_ItIsFollowed(string lost)
    {
        var prepared = await _hosts.Target.ExecuteAsync(_hosts.PrepareCommand());
        await _hosts.OpenTargetConsoleAsync();
        var start = _hosts.StartCommand(prepared.ListenUri, bandwidth: 8 * TwoHosts.Mebibyte, downtimeMs: 2000);
        await _hosts.Source.ExecuteAsync(start);

        await CrashAsync(_hosts.Source, SessionRole.Source, lost);

        Assert.Equal(SessionState.Running, (await _hosts.Source.ExecuteAsync(start)).Report.SessionState);
        await _hosts.TargetUntilAsync(report => report.ResumedAt is not null);
        var trace = await _hosts.TraceAsync();
        Assert.True(trace.Verdict == GuestVerdict.Intact, trace.ToString());
    }

    [Fact]
    public async Task StartSource_NothingReachedTheEngine_ItIsStartedAfterAll()
    {
        var prepared = await _hosts.Target.ExecuteAsync(_hosts.PrepareCommand());
        var start = _hosts.StartCommand("tcp:127.0.0.2:1", handOver: false);
        await _hosts.Source.ExecuteAsync(start);
        await _hosts.SourceUntilAsync(report => report.Outcome == SessionOutcome.Failed);

        // The engine's last word is a failure, as it would be of an attempt before; now the address is one that answers.
        start.StartSource.TargetUri = prepared.ListenUri;
        await CrashAsync(_hosts.Source, SessionRole.Source, "started", line => line.Replace("tcp:127.0.0.2:1\"", $"{prepared.ListenUri}\"", StringComparison.Ordinal));

        await _hosts.SourceUntilAsync(report => report.Outcome == SessionOutcome.Completed);
        Assert.True((await _hosts.Source.ExecuteAsync(start)).Repeated);
    }

    [Fact]
    public async Task CancelSource_NothingReachedTheEngine_ItIsCancelledAfterAll()
    {
        await _hosts.BeginAsync(bandwidth: 4 * TwoHosts.Mebibyte, downtimeMs: 10);
        var cancel = _hosts.Command(request => request.CancelSource = new CancelSource());
        await _hosts.SourceUntilAsync(report => report.Numbers is { TransferredBytes: > TwoHosts.Mebibyte });
        await CrashAsync(_hosts.Source, SessionRole.Source, lost: null, append: new JournalEntry.Begun(TimeProvider.System.GetUtcNow(), cancel));

        var ended = await _hosts.SourceUntilAsync(report => report.SessionState == SessionState.Ended);
        Assert.Equal(SessionOutcome.Cancelled, ended.Outcome);
        var answer = await _hosts.Source.ExecuteAsync(cancel);
        Assert.Equal(SessionOutcome.Cancelled, answer.Report.Outcome);
        await _hosts.NextBeatAsync(_hosts.Source);
    }

    [Fact]
    public async Task HandOver_WrittenAndNotCarriedOut_TheGuestRunsAfterAll()
    {
        await _hosts.BeginAsync(handOver: false);
        await _hosts.TargetUntilAsync(report => report.Outcome == SessionOutcome.Completed);
        await CrashAsync(
            _hosts.Target, SessionRole.Target, lost: null, append: new JournalEntry.HandedOver(TimeProvider.System.GetUtcNow(), 1, "completed"));

        var report = await _hosts.TargetUntilAsync(report => report.ResumedAt is not null);
        Assert.Equal(SessionOutcome.Completed, report.Outcome);
        await _hosts.NextBeatAsync(_hosts.Target);
    }

    [Fact]
    public async Task JournalDamaged_NothingIsDoneOnAGuess()
    {
        await _hosts.BeginAsync(bandwidth: 2 * TwoHosts.Mebibyte, downtimeMs: 10);
        await _hosts.Source.StopAsync();
        var lines = await File.ReadAllLinesAsync(JournalOf(_hosts.Source, SessionRole.Source));
        lines[1] = "{";
        await File.WriteAllLinesAsync(JournalOf(_hosts.Source, SessionRole.Source), lines);
        await _hosts.Source.StartAsync();

        var refused = await Assert.ThrowsAsync<Grpc.Core.RpcException>(
            () => _hosts.Source.ExecuteAsync(_hosts.Command(request => request.CancelSource = new CancelSource())));
        Assert.Equal("WRONG_STATE", TwoHosts.ReasonOf(refused));
        Assert.Contains("line 2", refused.Status.Detail, StringComparison.Ordinal);
        await _hosts.NextBeatAsync(_hosts.Source);
    }

    /// <summary>The agent ends, its journal as if it had died before writing the first entry of that kind, and another takes up.</summary>
    private async Task CrashAsync(
        TestAgent agent, SessionRole role, string? lost, Func<string, string>? change = null, JournalEntry? append = null)
    {
        await agent.StopAsync();
        var path = JournalOf(agent, role);
        var kept = (await File.ReadAllLinesAsync(path))
            .TakeWhile(line => lost is null || !line.StartsWith($"{{\"kind\":\"{lost}\"", StringComparison.Ordinal)).Select(line => change?.Invoke(line) ?? line);
        await File.WriteAllLinesAsync(path, kept.ToList());
        if (append is not null)
        {
            using var journal = Journal.Open(Path.GetDirectoryName(path)!).Journal;
            journal.Append(append);
        }

        await agent.StartAsync();
    }

    private string JournalOf(TestAgent agent, SessionRole role) =>
        Path.Combine(agent.RuntimeFolder, "migrations", $"{_hosts.MigrationId}-{(role == SessionRole.Source ? "source" : "target")}", Journal.FileName);
}
