using System.Text.Json;

namespace Orchestrator.Qmp.Tests;

public sealed class QemuMonitorTests : IDisposable
{
    private readonly ScriptedPeer _peer = new();

    public void Dispose() => _peer.Dispose();

    [Theory]
    [InlineData("7.2.22", """{"uri":"tcp:[::]:0"}""")]
    [InlineData("10.0.13", """{"uri":"tcp:[::]:0","exit-on-error":false}""")]
    [InlineData("11.1.3", """{"uri":"tcp:[::]:0","exit-on-error":false}""")]
    public async Task MigrateIncoming_ByVersion_AsksToStayWhereThatIsKnown(string version, string arguments) =>
        await SendsAsync(version, monitor => monitor.MigrateIncomingAsync("tcp:[::]:0", default), "migrate-incoming", arguments);

    [Fact]
    public async Task Migrate_FreshAndResumed_SendsResumeOnlyThen()
    {
        await SendsAsync("10.0.13", monitor => monitor.MigrateAsync("unix:/a", false, default), "migrate", """{"uri":"unix:/a"}""");
        using var again = new QemuMonitorTests();
        await again.SendsAsync(
            "10.0.13", monitor => monitor.MigrateAsync("unix:/a", true, default), "migrate", """{"uri":"unix:/a","resume":true}""");
    }

    [Fact]
    public async Task MigrateContinue_Always_NamesTheStatusItLeaves() => await SendsAsync(
        "10.0.13", monitor => monitor.MigrateContinueAsync(default), "migrate-continue", """{"state":"pre-switchover"}""");

    [Theory]
    [InlineData("migrate-pause")]
    [InlineData("migrate-recover")]
    [InlineData("yank")]
    public async Task RescueCommands_Always_GoOutOfBand(string command)
    {
        await using var monitor = await OpenAsync("10.0.13");
        var call = command switch
        {
            "migrate-pause" => monitor.MigratePauseAsync(default),
            "migrate-recover" => monitor.MigrateRecoverAsync("tcp:a:1", default),
            _ => monitor.YankMigrationAsync(default),
        };
        var received = await _peer.ReceiveAsync();
        await _peer.ReplyAsync(received);
        await call.InTime();

        Assert.Equal((command, true), (received.Name, received.OutOfBand));
    }

    [Fact]
    public async Task SetCapabilities_Several_GoInOneCommand() => await SendsAsync(
        "10.0.13",
        monitor => monitor.SetCapabilitiesAsync(new Dictionary<string, bool> { ["events"] = true, ["multifd"] = false }, default),
        "migrate-set-capabilities",
        """{"capabilities":[{"capability":"events","state":true},{"capability":"multifd","state":false}]}""");

    [Fact]
    public async Task SetCapabilities_UnknownToThisQemu_IsRefusedUnsent()
    {
        await using var monitor = await OpenAsync("7.2.22");
        var refused = await Assert.ThrowsAsync<MigrationRefusedException>(() => monitor.SetCapabilitiesAsync(
            new Dictionary<string, bool> { ["events"] = true, ["switchover-ack"] = true }, default).InTime());

        Assert.Equal(MigrationRefusal.UnknownCapability, refused.Refusal);
        Assert.Equal("QEMU 10.0.2 has no migration capability switchover-ack", refused.Description);
        await NothingWasSentAsync(monitor);
    }

    [Fact]
    public async Task SetParameters_SomeSet_SendsThose() => await SendsAsync(
        "10.0.13",
        monitor => monitor.SetParametersAsync(
            new MigrationParameters { DowntimeLimitMilliseconds = 400, AvailSwitchoverBandwidthBytesPerSecond = 1_000_000_000 }, default),
        "migrate-set-parameters",
        """{"downtime-limit":400,"avail-switchover-bandwidth":1000000000}""");

    [Fact]
    public async Task SetParameters_UnknownToThisQemu_IsRefusedUnsent()
    {
        await using var monitor = await OpenAsync("7.2.22");
        var refused = await Assert.ThrowsAsync<MigrationRefusedException>(() => monitor.SetParametersAsync(
            new MigrationParameters { DowntimeLimitMilliseconds = 4, AvailSwitchoverBandwidthBytesPerSecond = 1 }, default).InTime());

        Assert.Equal(MigrationRefusal.UnknownParameter, refused.Refusal);
        Assert.Contains("avail-switchover-bandwidth", refused.Description, StringComparison.Ordinal);
        await NothingWasSentAsync(monitor);
    }

    [Fact]
    public async Task SetParameters_OutOfRangeOrNothing_SendsNothing()
    {
        await using var monitor = await OpenAsync("10.0.13");
        var wrong = await Assert.ThrowsAsync<ArgumentException>(() => monitor.SetParametersAsync(
            new MigrationParameters { DowntimeLimitMilliseconds = -1, MultifdChannels = 0 }, default).InTime());
        await monitor.SetParametersAsync(new MigrationParameters(), default).InTime();
        await monitor.SetCapabilitiesAsync(new Dictionary<string, bool>(), default).InTime();

        Assert.Contains("downtime-limit is -1 ms, allowed is 0 to 2000000", wrong.Message, StringComparison.Ordinal);
        Assert.Contains("multifd-channels is 0 channels, allowed is 1 to 255", wrong.Message, StringComparison.Ordinal);
        await NothingWasSentAsync(monitor);
    }

    [Theory]
    [InlineData("postcopy-device")]
    [InlineData("postcopy-active")]
    [InlineData("postcopy-paused")]
    [InlineData("postcopy-recover-setup")]
    [InlineData("postcopy-recover")]
    public async Task MigrateCancel_InPostcopy_IsNotEvenSent(string status)
    {
        await using var monitor = await OpenAsync("7.2.22");
        var cancelling = monitor.MigrateCancelAsync(default);
        await AnswerAsync("query-migrate", $$"""{"status": "{{status}}"}""");

        var refused = await Assert.ThrowsAsync<MigrationRefusedException>(() => cancelling.InTime());
        Assert.Equal((MigrationRefusal.InPostcopy, status), (refused.Refusal, refused.Migration?.StatusText));
        await NothingWasSentAsync(monitor);
    }

    [Fact]
    public async Task MigrateCancel_InPrecopy_IsSent()
    {
        await using var monitor = await OpenAsync("10.0.13");
        var cancelling = monitor.MigrateCancelAsync(default);
        await AnswerAsync("query-migrate", """{"status": "active"}""");
        await AnswerAsync("migrate_cancel", "{}");

        await cancelling.InTime();
    }

    [Fact]
    public async Task MigrateCancel_PostcopyBeganInBetween_IsInPostcopyToo()
    {
        await using var monitor = await OpenAsync("10.0.13");
        var cancelling = monitor.MigrateCancelAsync(default);
        await AnswerAsync("query-migrate", """{"status": "device"}""");

        await RefusedAsync(
            cancelling, "migrate_cancel", "Postcopy migration in progress, cannot cancel.",
            """{"status": "postcopy-active"}""", "finish-migrate", MigrationRefusal.InPostcopy);
    }

    /// <summary>Which refusal it is comes from the state after it, not from QEMU's words.</summary>
    [Theory]
    [InlineData("migrate", "x", """{"status": "active"}""", "running", MigrationRefusal.AlreadyRunning)]
    [InlineData("migrate", "x", """{"status": "unheard-of"}""", "running", MigrationRefusal.AlreadyRunning)]
    [InlineData("migrate", "x", """{"blocked-reasons": ["a device"]}""", "running", MigrationRefusal.Blocked)]
    [InlineData("migrate", "0000: VFIO migration is not supported with postcopy migration", "{}", "running", MigrationRefusal.Blocked)]
    [InlineData("migrate", "x", """{"status": "completed"}""", "postmigrate", MigrationRefusal.MigratedAway)]
    [InlineData("migrate", "x", """{"status": "active"}""", "inmigrate", MigrationRefusal.WrongState)]
    [InlineData("migrate", "x", """{"status": "failed"}""", "running", MigrationRefusal.Rejected)]
    [InlineData("resume", "x", """{"status": "postcopy-active"}""", "finish-migrate", MigrationRefusal.WrongState)]
    [InlineData("resume", "x", """{"status": "postcopy-paused"}""", "postmigrate", MigrationRefusal.Rejected)]
    [InlineData("migrate-incoming", "x", "{}", "running", MigrationRefusal.WrongState)]
    [InlineData("migrate-incoming", "x", """{"socket-address": [{"type": "fd"}]}""", "inmigrate", MigrationRefusal.AlreadyRunning)]
    [InlineData("migrate-incoming", "x", """{"status": "active"}""", "inmigrate", MigrationRefusal.AlreadyRunning)]
    [InlineData("migrate-incoming", "x", """{"status": "setup"}""", "inmigrate", MigrationRefusal.Rejected)]
    [InlineData("migrate-start-postcopy", "x", """{"status": "active"}""", "running", MigrationRefusal.PostcopyNotEnabled)]
    [InlineData("migrate-start-postcopy", "x", """{"status": "cancelled"}""", "running", MigrationRefusal.WrongState)]
    [InlineData("migrate-continue", "x", """{"status": "active"}""", "running", MigrationRefusal.WrongState)]
    [InlineData("migrate-pause", "x", """{"status": "active"}""", "running", MigrationRefusal.WrongState)]
    [InlineData("migrate-recover", "x", """{"status": "postcopy-active"}""", "inmigrate", MigrationRefusal.WrongState)]
    [InlineData("migrate-recover", "x", """{"status": "postcopy-paused"}""", "inmigrate", MigrationRefusal.Rejected)]
    [InlineData("migrate-set-capabilities", "x", """{"status": "active"}""", "running", MigrationRefusal.AlreadyRunning)]
    [InlineData("migrate-set-capabilities", "x", "{}", "running", MigrationRefusal.Rejected)]
    public async Task Refusal_OfACommand_IsReadOffTheState(
        string command, string description, string migration, string guest, MigrationRefusal expected)
    {
        await using var monitor = await OpenAsync("10.0.13");
        var call = command switch
        {
            "migrate" => monitor.MigrateAsync("tcp:a:1", false, default),
            "resume" => monitor.MigrateAsync("tcp:a:1", true, default),
            "migrate-incoming" => monitor.MigrateIncomingAsync("tcp:a:1", default),
            "migrate-start-postcopy" => monitor.StartPostcopyAsync(default),
            "migrate-continue" => monitor.MigrateContinueAsync(default),
            "migrate-pause" => monitor.MigratePauseAsync(default),
            "migrate-recover" => monitor.MigrateRecoverAsync("tcp:a:1", default),
            _ => monitor.SetCapabilitiesAsync(new Dictionary<string, bool> { ["events"] = true }, default),
        };

        await RefusedAsync(call, command == "resume" ? "migrate" : command, description, migration, guest, expected);
    }

    [Fact]
    public async Task Refusal_OfAnotherClass_StaysWhatItIs()
    {
        await using var monitor = await OpenAsync("10.0.13");
        var call = monitor.MigrateAsync("tcp:a:1", false, default);
        await _peer.RefuseAsync(await _peer.ReceiveAsync(), "not found", "CommandNotFound");

        Assert.Equal("CommandNotFound", (await Assert.ThrowsAsync<QmpException>(() => call.InTime())).Class);
    }

    [Fact]
    public async Task Continue_GuestMigratedAway_IsNotSent()
    {
        await using var monitor = await OpenAsync("10.0.13");
        var call = monitor.ContinueAsync(default);
        await AnswerAsync("query-status", """{"status": "postmigrate", "running": false}""");

        var refused = await Assert.ThrowsAsync<MigrationRefusedException>(() => call.InTime());
        Assert.Equal((MigrationRefusal.MigratedAway, RunState.PostMigrate), (refused.Refusal, refused.Guest?.State));
        await NothingWasSentAsync(monitor);
    }

    [Fact]
    public async Task Continue_GuestPaused_IsSent()
    {
        await using var monitor = await OpenAsync("10.0.13");
        var call = monitor.ContinueAsync(default);
        await AnswerAsync("query-status", """{"status": "paused", "running": false}""");
        await AnswerAsync("cont", "{}");

        await call.InTime();
    }

    [Fact]
    public async Task Quit_ConnectionEndsFirst_HasDoneItsWork()
    {
        await using var monitor = await OpenAsync("10.0.13");
        var call = monitor.QuitAsync(default);
        await _peer.ReceiveAsync();
        _peer.Dispose();
        await call.InTime();

        await monitor.Closed.InTime();
        await Assert.ThrowsAsync<QmpDisconnectedException>(() => monitor.QuitAsync(default).InTime());
    }

    [Fact]
    public async Task QueryCpusAndCapabilities_OddItems_AreLeftOut()
    {
        await using var monitor = await OpenAsync("10.0.13");
        var cpus = monitor.QueryCpusAsync(default);
        await AnswerAsync("query-cpus-fast", """[{"cpu-index": 0, "thread-id": 41, "target": "x86_64"}, {"cpu-index": "1"}]""");
        var capabilities = monitor.QueryCapabilitiesAsync(default);
        await AnswerAsync("query-migrate-capabilities", """[{"capability": "events", "state": true}, {"capability": "x"}, 5]""");

        Assert.Equal([new VirtualCpu(0, 41), new VirtualCpu(-1, -1)], await cpus.InTime());
        Assert.Equal(new Dictionary<string, bool> { ["events"] = true }, await capabilities.InTime());
    }

    [Fact]
    public async Task Open_SchemaIsNone_ClosesTheConnection()
    {
        var connection = await _peer.ConnectAsync();
        var opening = QemuMonitor.OpenAsync(connection, default);
        await AnswerAsync("query-qmp-schema", "{}");

        await Assert.ThrowsAsync<InvalidDataException>(() => opening.InTime());
        Assert.True(connection.Closed.IsCompleted);
    }

    private async Task<QemuMonitor> OpenAsync(string version)
    {
        var opening = QemuMonitor.OpenAsync(await _peer.ConnectAsync(), default);
        await AnswerAsync("query-qmp-schema", StoredSchema.ReadText(version));
        return await opening.InTime();
    }

    private async Task AnswerAsync(string command, string result)
    {
        var received = await _peer.ReceiveAsync();
        Assert.Equal(command, received.Name);
        await _peer.ReplyAsync(received, result);
    }

    private async Task SendsAsync(string version, Func<QemuMonitor, Task> call, string command, string arguments)
    {
        await using var monitor = await OpenAsync(version);
        var calling = call(monitor);
        var received = await _peer.ReceiveAsync();
        await _peer.ReplyAsync(received);
        await calling.InTime();

        Assert.Equal((command, arguments), (received.Name, received.ArgumentText));
    }

    private async Task RefusedAsync(
        Task call, string command, string description, string migration, string guest, MigrationRefusal expected)
    {
        var received = await _peer.ReceiveAsync();
        await _peer.RefuseAsync(received, description);
        await AnswerAsync("query-migrate", migration);
        await AnswerAsync("query-status", $$"""{"status": "{{guest}}", "running": false}""");

        var refused = await Assert.ThrowsAsync<MigrationRefusedException>(() => call.InTime());
        Assert.Equal(command, received.Name);
        Assert.Equal((expected, description, guest), (refused.Refusal, refused.Description, refused.Guest?.StateText));
        Assert.Equal(MigrationInfo.Parse(JsonElement.Parse(migration)).Status, refused.Migration?.Status);
    }

    /// <summary>The next thing on the wire is what is asked now.</summary>
    private async Task NothingWasSentAsync(QemuMonitor monitor)
    {
        var asking = monitor.QueryStatusAsync(default);
        await AnswerAsync("query-status", """{"status": "running", "running": true}""");
        Assert.True((await asking.InTime()).Running);
    }
}
