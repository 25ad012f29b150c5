using System.Text.Json.Nodes;

namespace Orchestrator.Qmp.Tests;

/// <summary>One real QEMU: connection, schema, settings and refusals.</summary>
public sealed class RealQemuTests : IDisposable
{
    private readonly QemuProcess _qemu = new();

    public void Dispose() => _qemu.Dispose();

    [Fact]
    public async Task Open_RealSchema_HasTheFeaturesOfItsRelease()
    {
        await using var monitor = await _qemu.OpenAsync();

        Assert.True(monitor.Connection.OutOfBand);
        Assert.True(monitor.Greeting.Major >= 7, monitor.Greeting.ToString());
        Assert.Contains("return-path", monitor.Schema.MigrationCapabilities);
        Assert.Contains("downtime-limit", monitor.Schema.MigrationParameters);
        Assert.Equal(QemuVersions.Of(monitor.Greeting) ?? monitor.Features, monitor.Features);
        Assert.All(monitor.Schema.MigrationStatuses, word => Assert.NotEqual(MigrationStatus.Unknown, MigrationStatuses.Parse(word)));
    }

    [Fact]
    public async Task Query_FreshGuest_IsPreLaunchAndNeverMigrated()
    {
        await using var monitor = await _qemu.OpenAsync();

        Assert.Equal(new VmStatus(RunState.PreLaunch, "prelaunch", false), await monitor.QueryStatusAsync(default).InTime());
        var migration = await monitor.QueryMigrateAsync(default).InTime();
        Assert.Equal((MigrationStatus.None, null), (migration.Status, migration.StatusText));
        Assert.True(Assert.Single(await monitor.QueryCpusAsync(default).InTime()).ThreadId >= _qemu.Id);
    }

    [Fact]
    public async Task ContinueAndStop_Guest_RunsAndPauses()
    {
        await using var monitor = await _qemu.OpenAsync();
        await monitor.ContinueAsync(default).InTime();
        Assert.Equal(RunState.Running, (await monitor.QueryStatusAsync(default).InTime()).State);
        await monitor.StopAsync(default).InTime();
        Assert.Equal(RunState.Paused, (await monitor.QueryStatusAsync(default).InTime()).State);
        await monitor.SystemPowerdownAsync(default).InTime();
        await monitor.AnnounceSelfAsync(default).InTime();

        Assert.Equal([QmpEvent.Resume, QmpEvent.Stop], await NamesUntilAsync(monitor, QmpEvent.Stop));
    }

    [Fact]
    public async Task SetCapabilities_Known_AreReadBack()
    {
        await using var monitor = await _qemu.OpenAsync();
        await monitor.SetCapabilitiesAsync(new Dictionary<string, bool> { ["events"] = true, ["return-path"] = true }, default).InTime();
        await monitor.SetCapabilitiesAsync(new Dictionary<string, bool> { ["return-path"] = false }, default).InTime();
        var capabilities = await monitor.QueryCapabilitiesAsync(default).InTime();

        Assert.Equal((true, false), (capabilities["events"], capabilities["return-path"]));
        Assert.Equal(monitor.Schema.MigrationCapabilities.Order(), capabilities.Keys.Order());
    }

    [Fact]
    public async Task SetCapabilities_ThatExcludeEachOther_AreRejected()
    {
        await using var monitor = await _qemu.OpenAsync();
        var refused = await Assert.ThrowsAsync<MigrationRefusedException>(() => monitor.SetCapabilitiesAsync(
            new Dictionary<string, bool> { ["background-snapshot"] = true, ["postcopy-ram"] = true }, default).InTime());

        Assert.Equal(MigrationRefusal.Rejected, refused.Refusal);
        Assert.Equal(RunState.PreLaunch, refused.Guest?.State);
    }

    [Fact]
    public async Task SetParameters_Extremes_AreReadBack()
    {
        await using var monitor = await _qemu.OpenAsync();
        var before = await monitor.QueryParametersAsync(default).InTime();
        var extremes = new MigrationParameters
        {
            DowntimeLimitMilliseconds = 2_000_000,
            MaxBandwidthBytesPerSecond = ulong.MaxValue,
            MaxPostcopyBandwidthBytesPerSecond = 9_223_372_036_854_775_808,
            MultifdChannels = 255,
            CpuThrottleTailslow = true,
        };
        await monitor.SetParametersAsync(extremes, default).InTime();
        var after = await monitor.QueryParametersAsync(default).InTime();

        Assert.Empty(after.Unreadable);
        Assert.Equal((300, 134_217_728UL), (before.DowntimeLimitMilliseconds, before.MaxBandwidthBytesPerSecond));
        Assert.Equal(
            before with
            {
                DowntimeLimitMilliseconds = 2_000_000,
                MaxBandwidthBytesPerSecond = ulong.MaxValue,
                MaxPostcopyBandwidthBytesPerSecond = 9_223_372_036_854_775_808,
                MultifdChannels = 255,
                CpuThrottleTailslow = true,
                Unreadable = after.Unreadable,
            },
            after);
    }

    [Fact]
    public async Task Migrate_NobodyListens_FailsWithADescription()
    {
        await using var monitor = await _qemu.OpenAsync();
        await monitor.SetCapabilitiesAsync(new Dictionary<string, bool> { ["events"] = true }, default).InTime();
        await monitor.MigrateAsync($"{_qemu.MigrationUri}-nobody", false, default).InTime();
        var statuses = await monitor.StatusesUntilAsync(status => status.IsTerminal);
        var migration = await monitor.QueryMigrateAsync(default).InTime();

        Assert.Equal(
            monitor.Features.FailingStatus
                ? [MigrationStatus.Setup, MigrationStatus.Failing, MigrationStatus.Failed]
                : [MigrationStatus.Setup, MigrationStatus.Failed],
            statuses);
        Assert.Equal(MigrationStatus.Failed, migration.Status);
        Assert.Contains("No such file or directory", migration.ErrorDescription, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Commands_OutOfPlace_AreRefusedForWhatTheyAre()
    {
        await using var monitor = await _qemu.OpenAsync();

        Assert.Equal(MigrationRefusal.Rejected, await RefusalAsync(monitor.MigrateAsync("nonsense:1", false, default)));
        Assert.Equal(MigrationRefusal.WrongState, await RefusalAsync(monitor.MigrateAsync("tcp:127.0.0.1:1", true, default)));
        Assert.Equal(MigrationRefusal.WrongState, await RefusalAsync(monitor.MigrateIncomingAsync(_qemu.MigrationUri, default)));
        Assert.Equal(MigrationRefusal.WrongState, await RefusalAsync(monitor.MigrateContinueAsync(default)));
        Assert.Equal(MigrationRefusal.WrongState, await RefusalAsync(monitor.MigratePauseAsync(default)));
        Assert.Equal(MigrationRefusal.WrongState, await RefusalAsync(monitor.MigrateRecoverAsync("tcp:127.0.0.1:1", default)));
        Assert.Equal(MigrationRefusal.WrongState, await RefusalAsync(monitor.StartPostcopyAsync(default)));
        await monitor.MigrateCancelAsync(default).InTime();
        Assert.Equal(RunState.PreLaunch, (await monitor.QueryStatusAsync(default).InTime()).State);
    }

    [Fact]
    public async Task MigrateIncoming_TwiceAndAsASource_ListensOnceAndTellsWhere()
    {
        using var incoming = new QemuProcess("-incoming", "defer");
        await using var monitor = await incoming.OpenAsync();
        await monitor.MigrateIncomingAsync("tcp:127.0.0.1:0", default).InTime();
        var address = Assert.Single((await monitor.QueryMigrateAsync(default).InTime()).SocketAddresses);

        Assert.Equal(("inet", "127.0.0.1"), (address.Type, address.Host));
        Assert.NotEqual("0", address.Port);
        Assert.Equal(MigrationRefusal.AlreadyRunning, await RefusalAsync(monitor.MigrateIncomingAsync("tcp:127.0.0.1:0", default)));
        Assert.Equal(MigrationRefusal.WrongState, await RefusalAsync(monitor.MigrateAsync("tcp:127.0.0.1:1", false, default)));
        Assert.Equal(RunState.InMigrate, (await monitor.QueryStatusAsync(default).InTime()).State);
    }

    [Fact]
    public async Task MigrateIncoming_AddressThatCannotBeUsed_IsRejectedAndMaySpendTheProcess()
    {
        using var incoming = new QemuProcess("-incoming", "defer");
        await using var monitor = await incoming.OpenAsync();
        Assert.Equal(MigrationRefusal.Rejected, await RefusalAsync(monitor.MigrateIncomingAsync("unix:/no/such/folder/socket", default)));

        var retry = monitor.MigrateIncomingAsync(incoming.MigrationUri, default);
        if (monitor.Greeting.Major >= 10)
        {
            Assert.Equal(MigrationRefusal.Rejected, await RefusalAsync(retry));
        }
        else
        {
            await retry.InTime();
        }
    }

    [Fact]
    public async Task CalcDirtyRate_GuestStandsStill_IsMeasuredAsNothing()
    {
        await using var monitor = await _qemu.OpenAsync();
        var interval = TimeSpan.FromSeconds(1);
        await monitor.CalcDirtyRateAsync(interval, DirtyRate.MostSamplePages, default).InTime();
        var rate = await monitor.QueryDirtyRateAsync(default).InTime();
        Assert.NotEqual(DirtyRateStatus.Measured, rate.Status);
        while (rate.Status != DirtyRateStatus.Measured)
        {
            await Task.Delay(interval / 10, TimeProvider.System);
            rate = await monitor.QueryDirtyRateAsync(default).InTime();
        }

        Assert.Equal((0ul, (long)DirtyRate.MostSamplePages), (rate.ChangedBytes, rate.SamplePages));
        Assert.InRange(rate.Interval!.Value, interval, Bound.Generous);
    }

    [Fact]
    public async Task Connect_MonitorIsTaken_IsBusyUntilItIsFree()
    {
        var first = await _qemu.ConnectAsync();
        var clock = new ManualClock();
        var second = QmpConnection.ConnectAsync(_qemu.SocketPath, clock, CancellationToken.None);
        await clock.ArmedAsync();
        clock.Advance(QmpConnection.GreetingTimeout);
        var busy = await Assert.ThrowsAsync<QmpDisconnectedException>(() => second.InTime());
        await first.ExecuteAsync("query-status", null, default).InTime();
        await first.DisposeAsync();
        await using var third = await _qemu.ConnectAsync().InTime();
        await third.ExecuteAsync("query-status", null, default).InTime();

        Assert.Equal(QmpDisconnectReason.Busy, busy.Reason);
    }

    /// <summary>The client before left commands behind, and QEMU may answer them to the next one.</summary>
    [Fact]
    public async Task Connect_ClientBeforeLeftCommandsBehind_GetsItsOwnRepliesOnly()
    {
        for (var round = 0; round < 10; round++)
        {
            var abandoned = await _qemu.ConnectAsync().InTime();
            var calls = Enumerable.Range(0, 6).Select(_ => abandoned.ExecuteAsync("query-qmp-schema", null, default)).ToList();
            await abandoned.DisposeAsync();
            foreach (var call in calls)
            {
                // Lost with the connection, or just in time.
                await call.ContinueWith(_ => { }, default, TaskContinuationOptions.None, TaskScheduler.Default).InTime();
            }

            await using var next = await _qemu.ConnectAsync().InTime();
            var reply = await next.ExecuteAsync("query-status", null, default).InTime();
            Assert.Equal("prelaunch", reply.GetProperty("status").GetString());
        }
    }

    [Fact]
    public async Task Execute_QemuKilledMidCommand_ThrowsAndCloses()
    {
        await using var connection = await _qemu.ConnectAsync();
        var calls = Enumerable.Range(0, 20).Select(_ => connection.ExecuteAsync("query-qmp-schema", null, default)).ToList();
        _qemu.Kill();

        await Assert.ThrowsAsync<QmpDisconnectedException>(() => calls[^1].InTime());
        await connection.Closed.InTime();
        await Assert.ThrowsAsync<QmpDisconnectedException>(() => connection.ExecuteAsync("query-status", null, default).InTime());
    }

    [Fact]
    public async Task Quit_Qemu_EndsTheProcessAndTheConnection()
    {
        await using var monitor = await _qemu.OpenAsync();
        await monitor.QuitAsync(default).InTime();

        await monitor.Closed.InTime();
        await _qemu.ExitAsync();
        var gone = await Assert.ThrowsAsync<QmpDisconnectedException>(
            () => QmpConnection.ConnectAsync(_qemu.SocketPath, TimeProvider.System, default).InTime());
        Assert.Equal(QmpDisconnectReason.NotListening, gone.Reason);
    }

    [Fact]
    public async Task Execute_Concurrently_EveryReplyIsTheRightOne()
    {
        await using var connection = await _qemu.ConnectAsync();

        await Task.WhenAll(Enumerable.Range(0, 200).Select(async number =>
        {
            if (number % 2 == 0)
            {
                var status = await connection.ExecuteAsync("query-status", null, default);
                Assert.Equal("prelaunch", status.GetProperty("status").GetString());
            }
            else
            {
                var name = await Assert.ThrowsAsync<QmpException>(
                    () => connection.ExecuteAsync($"no-such-command-{number}", new JsonObject { ["x"] = number }, default));
                Assert.Contains($"no-such-command-{number} ", name.Description, StringComparison.Ordinal);
            }
        })).InTime();
    }

    private static async Task<MigrationRefusal> RefusalAsync(Task call) =>
        (await Assert.ThrowsAsync<MigrationRefusedException>(() => call.InTime())).Refusal;

    private static async Task<List<string>> NamesUntilAsync(QemuMonitor monitor, string last)
    {
        List<string> names = [];
        while (names.LastOrDefault() != last)
        {
            names.Add((await monitor.Events.ReadAsync().AsTask().InTime()).Name);
        }

        return names;
    }
}
