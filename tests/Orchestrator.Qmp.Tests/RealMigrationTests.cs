namespace Orchestrator.Qmp.Tests;

/// <summary>
/// A guest moves between two real QEMUs on this machine. It has 64 MiB and runs its firmware, which is enough for every
/// status; what takes long is slowed down by the bandwidth.
/// </summary>
public sealed class RealMigrationTests : IAsyncLifetime, IDisposable
{
    /// <summary>Bytes per second. Even all zero pages, 9 bytes each, need more than half a minute at that.</summary>
    private const ulong Crawl = 4_096;

    private readonly QemuProcess _sourceProcess = new();
    private readonly QemuProcess _targetProcess = new("-incoming", "defer");
    private QemuMonitor? _source;
    private QemuMonitor? _target;

    private QemuMonitor Source => _source!;

    private QemuMonitor Target => _target!;

    public async Task InitializeAsync()
    {
        _source = await _sourceProcess.OpenAsync();
        _target = await _targetProcess.OpenAsync();
        await Source.ContinueAsync(default).InTime();
        await EnableAsync("events", "return-path");
    }

    public async Task DisposeAsync()
    {
        await (_source?.DisposeAsync() ?? ValueTask.CompletedTask);
        await (_target?.DisposeAsync() ?? ValueTask.CompletedTask);
    }

    public void Dispose()
    {
        _sourceProcess.Dispose();
        _targetProcess.Dispose();
    }

    [Fact]
    public async Task Migrate_ToTheEnd_CompletesOnBothSidesAndTheSourceStaysStopped()
    {
        await StartAsync(new MigrationParameters { MaxBandwidthBytesPerSecond = 0 });
        var statuses = await Source.StatusesUntilAsync(status => status.IsTerminal);
        await Target.StatusesUntilAsync(status => status.IsTerminal);
        var migration = await Source.QueryMigrateAsync(default).InTime();
        var again = await RefusalAsync(Source.MigrateAsync(_targetProcess.MigrationUri, false, default));
        var twice = await RefusalAsync(Source.ContinueAsync(default));

        Assert.Equal(MigrationStatus.Setup, statuses[0]);
        Assert.Equal(MigrationStatus.Completed, statuses[^1]);
        Assert.Empty(migration.Unreadable);
        Assert.Equal((0UL, 4096UL), (migration.Ram?.RemainingBytes, migration.Ram?.PageSizeBytes));
        Assert.True(migration.DowntimeMilliseconds <= migration.TotalTimeMilliseconds, migration.ToString());
        Assert.Equal((MigrationRefusal.MigratedAway, MigrationRefusal.MigratedAway), (again, twice));
        Assert.Equal(RunState.PostMigrate, (await Source.QueryStatusAsync(default).InTime()).State);
        Assert.Equal(MigrationStatus.Completed, (await Target.QueryMigrateAsync(default).InTime()).Status);
    }

    [Fact]
    public async Task Cancel_WhileActive_LeavesTheSourceRunningAndTheTargetByItsVersion()
    {
        await StartAsync(new MigrationParameters { MaxBandwidthBytesPerSecond = Crawl });
        await Source.StatusesUntilAsync(MigrationStatus.Active);
        var active = await Source.QueryMigrateAsync(default).InTime();
        var second = await RefusalAsync(Source.MigrateAsync(_targetProcess.MigrationUri, false, default));
        var capability = await RefusalAsync(Source.SetCapabilitiesAsync(new Dictionary<string, bool> { ["multifd"] = true }, default));
        var postcopy = await RefusalAsync(Source.StartPostcopyAsync(default));
        await Source.SetParametersAsync(new MigrationParameters { DowntimeLimitMilliseconds = 7 }, default).InTime();
        await Source.MigrateCancelAsync(default).InTime();
        var statuses = await Source.StatusesUntilAsync(status => status.IsTerminal);

        Assert.Empty(active.Unreadable);
        Assert.Equal(Source.Features.SystemWideRemaining, active.RemainingBytes.HasValue);
        Assert.Equal(
            (MigrationRefusal.AlreadyRunning, MigrationRefusal.AlreadyRunning, MigrationRefusal.PostcopyNotEnabled),
            (second, capability, postcopy));
        Assert.Equal([MigrationStatus.Cancelling, MigrationStatus.Cancelled], statuses);
        Assert.Equal(RunState.Running, (await Source.QueryStatusAsync(default).InTime()).State);
        await Source.MigrateCancelAsync(default).InTime();
        if (Target.Features.ExitOnErrorArgument)
        {
            await Target.StatusesUntilAsync(MigrationStatus.Failed);
            Assert.NotNull((await Target.QueryMigrateAsync(default).InTime()).ErrorDescription);
        }
        else
        {
            await Target.Closed.InTime();
        }
    }

    [Fact]
    public async Task Continue_HeldInPreSwitchover_Completes()
    {
        await EnableAsync("pause-before-switchover");
        await StartAsync(new MigrationParameters { MaxBandwidthBytesPerSecond = 0 });
        await Source.StatusesUntilAsync(MigrationStatus.PreSwitchover);
        Assert.Equal(MigrationStatus.PreSwitchover, (await Source.QueryMigrateAsync(default).InTime()).Status);
        await Source.MigrateContinueAsync(default).InTime();
        var statuses = await Source.StatusesUntilAsync(status => status.IsTerminal);

        Assert.Equal([MigrationStatus.Device, MigrationStatus.Completed], statuses);
    }

    [Fact]
    public async Task Cancel_HeldInPreSwitchover_BringsTheSourceBack()
    {
        await EnableAsync("pause-before-switchover");
        await StartAsync(new MigrationParameters { MaxBandwidthBytesPerSecond = 0 });
        await Source.StatusesUntilAsync(MigrationStatus.PreSwitchover);
        Assert.False((await Source.QueryStatusAsync(default).InTime()).Running);
        await Source.MigrateCancelAsync(default).InTime();
        await Source.StatusesUntilAsync(MigrationStatus.Cancelled);

        Assert.True((await Source.QueryStatusAsync(default).InTime()).Running);
        Assert.Equal(MigrationRefusal.WrongState, await RefusalAsync(Source.MigrateContinueAsync(default)));
    }

    [Fact]
    public async Task Yank_WhileActive_FailsTheMigrationAndTheSourceRuns()
    {
        await StartAsync(new MigrationParameters { MaxBandwidthBytesPerSecond = Crawl });
        await Source.StatusesUntilAsync(MigrationStatus.Active);
        await Source.YankMigrationAsync(default).InTime();
        await Source.StatusesUntilAsync(MigrationStatus.Failed);

        Assert.NotNull((await Source.QueryMigrateAsync(default).InTime()).ErrorDescription);
        Assert.Equal(RunState.Running, (await Source.QueryStatusAsync(default).InTime()).State);
    }

    [Fact]
    public async Task Postcopy_PausedAndRecovered_Completes()
    {
        await EnableAsync("postcopy-ram");
        await StartAsync(new MigrationParameters { MaxBandwidthBytesPerSecond = Crawl, MaxPostcopyBandwidthBytesPerSecond = Crawl });
        await Source.StatusesUntilAsync(MigrationStatus.Active);
        await Source.StartPostcopyAsync(default).InTime();
        await Source.StatusesUntilAsync(MigrationStatus.PostcopyActive);
        var cancel = await RefusalAsync(Source.MigrateCancelAsync(default));
        var notPaused = await RefusalAsync(Target.MigrateRecoverAsync($"{_targetProcess.MigrationUri}-2", default));
        await Source.MigratePauseAsync(default).InTime();
        await Source.StatusesUntilAsync(MigrationStatus.PostcopyPaused);
        await Target.StatusesUntilAsync(MigrationStatus.PostcopyPaused);
        await Target.MigrateRecoverAsync($"{_targetProcess.MigrationUri}-2", default).InTime();
        await Source.MigrateAsync($"{_targetProcess.MigrationUri}-2", true, default).InTime();
        var recovery = await Source.StatusesUntilAsync(MigrationStatus.PostcopyActive);
        await Source.SetParametersAsync(new MigrationParameters { MaxPostcopyBandwidthBytesPerSecond = 0 }, default).InTime();
        await Source.StatusesUntilAsync(MigrationStatus.Completed);
        await Target.StatusesUntilAsync(MigrationStatus.Completed);

        Assert.Equal((MigrationRefusal.InPostcopy, MigrationRefusal.WrongState), (cancel, notPaused));
        Assert.Equal(
            Source.Features.PostcopyRecoverSetup
                ? [MigrationStatus.PostcopyRecoverSetup, MigrationStatus.PostcopyRecover, MigrationStatus.PostcopyActive]
                : [MigrationStatus.PostcopyRecover, MigrationStatus.PostcopyActive],
            recovery);
        Assert.Equal(MigrationRefusal.MigratedAway, await RefusalAsync(Source.ContinueAsync(default)));
    }

    private async Task EnableAsync(params string[] capabilities)
    {
        var wanted = capabilities.ToDictionary(name => name, _ => true);
        await Source.SetCapabilitiesAsync(wanted, default).InTime();
        await Target.SetCapabilitiesAsync(wanted, default).InTime();
    }

    private async Task StartAsync(MigrationParameters parameters)
    {
        await Source.SetParametersAsync(parameters, default).InTime();
        await Target.MigrateIncomingAsync(_targetProcess.MigrationUri, default).InTime();
        await Source.MigrateAsync(_targetProcess.MigrationUri, false, default).InTime();
    }

    private static async Task<MigrationRefusal> RefusalAsync(Task call) =>
        (await Assert.ThrowsAsync<MigrationRefusedException>(() => call.InTime())).Refusal;
}
