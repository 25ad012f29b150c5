using System.Text.Json;
using System.Text.Json.Nodes;
using System.Threading.Channels;

namespace Orchestrator.Qmp;

/// <summary>One virtual CPU of a guest.</summary>
/// <param name="ThreadId">Its thread in the QEMU process.</param>
public sealed record VirtualCpu(long Index, long ThreadId);

/// <summary>
/// One QEMU process, by typed commands. Owns its connection. Every method throws <see cref="QmpDisconnectedException"/>
/// when that is lost and <see cref="QmpException"/> for an error nobody planned; migration commands throw
/// <see cref="MigrationRefusedException"/>, which says why. Cancelling gives up waiting, not the command.
/// </summary>
public sealed class QemuMonitor : IAsyncDisposable
{
    private QemuMonitor(QmpConnection connection, QemuSchema schema)
    {
        Connection = connection;
        Schema = schema;
        Features = QemuFeatures.From(schema);
    }

    public QmpConnection Connection { get; }

    public QemuSchema Schema { get; }

    public QemuFeatures Features { get; }

    public QmpGreeting Greeting => Connection.Greeting;

    /// <inheritdoc cref="QmpConnection.Events"/>
    public ChannelReader<QmpEvent> Events => Connection.Events;

    /// <inheritdoc cref="QmpConnection.Closed"/>
    public Task Closed => Connection.Closed;

    /// <summary>Connects, negotiates and reads the schema (about 250 kB, once per connection).</summary>
    /// <inheritdoc cref="QmpConnection.ConnectAsync"/>
    public static async Task<QemuMonitor> ConnectAsync(string socketPath, TimeProvider clock, CancellationToken cancellation) =>
        await OpenAsync(await QmpConnection.ConnectAsync(socketPath, clock, cancellation), cancellation);

    /// <summary>The same over a connection that stands. The monitor owns it, also when this fails.</summary>
    public static async Task<QemuMonitor> OpenAsync(QmpConnection connection, CancellationToken cancellation)
    {
        try
        {
            return new QemuMonitor(connection, await QemuSchema.ReadAsync(connection, cancellation));
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    public async Task<MigrationInfo> QueryMigrateAsync(CancellationToken cancellation) =>
        MigrationInfo.Parse(await ExecuteAsync("query-migrate", null, cancellation));

    public async Task<VmStatus> QueryStatusAsync(CancellationToken cancellation) =>
        VmStatus.Parse(new ReplyReader("query-status", await ExecuteAsync("query-status", null, cancellation)));

    public async Task<IReadOnlyList<VirtualCpu>> QueryCpusAsync(CancellationToken cancellation)
    {
        var reply = await ExecuteAsync("query-cpus-fast", null, cancellation);
        return reply.ValueKind == JsonValueKind.Array
            ? [.. reply.EnumerateArray().Select(cpu => new ReplyReader("cpu", cpu))
                .Select(cpu => new VirtualCpu(cpu.Signed("cpu-index") ?? -1, cpu.Signed("thread-id") ?? -1))]
            : [];
    }

    /// <returns>Every capability this QEMU has, by name.</returns>
    public async Task<IReadOnlyDictionary<string, bool>> QueryCapabilitiesAsync(CancellationToken cancellation)
    {
        var reply = await ExecuteAsync("query-migrate-capabilities", null, cancellation);
        Dictionary<string, bool> capabilities = [];
        foreach (var item in reply.ValueKind == JsonValueKind.Array ? reply.EnumerateArray() : default)
        {
            var reader = new ReplyReader("capability", item);
            if (reader.Text("capability") is { } name && reader.Flag("state") is { } state)
            {
                capabilities[name] = state;
            }
        }

        return capabilities;
    }

    /// <summary>Switches capabilities; those not named stay as they are. Not while a migration runs. The same on both sides.</summary>
    /// <exception cref="MigrationRefusedException">UnknownCapability, AlreadyRunning, or Rejected: they exclude each other.</exception>
    public async Task SetCapabilitiesAsync(IReadOnlyDictionary<string, bool> capabilities, CancellationToken cancellation)
    {
        var unknown = capabilities.Keys.Except(Schema.MigrationCapabilities).ToList();
        if (unknown.Count > 0)
        {
            throw Unsent(MigrationRefusal.UnknownCapability, "capability", unknown);
        }

        if (capabilities.Count > 0)
        {
            JsonNode?[] list = [.. capabilities.Select(capability =>
                new JsonObject { ["capability"] = capability.Key, ["state"] = capability.Value })];
            await MigrationCommandAsync(
                "migrate-set-capabilities",
                new JsonObject { ["capabilities"] = new JsonArray(list) },
                MigrationRefusals.OfCapabilities,
                cancellation);
        }
    }

    public async Task<MigrationParameters> QueryParametersAsync(CancellationToken cancellation) =>
        MigrationParameters.Parse(await ExecuteAsync("query-migrate-parameters", null, cancellation));

    /// <summary>Sets the parameters that are not null; also during a migration. Nothing set sends nothing.</summary>
    /// <exception cref="ArgumentException">A value is out of range: names each, with what is allowed.</exception>
    /// <exception cref="MigrationRefusedException">UnknownParameter, or Rejected.</exception>
    public async Task SetParametersAsync(MigrationParameters parameters, CancellationToken cancellation)
    {
        var violations = parameters.FindViolations();
        if (violations.Count > 0)
        {
            throw new ArgumentException(string.Join("; ", violations), nameof(parameters));
        }

        var arguments = parameters.ToArguments();
        var unknown = arguments.Select(argument => argument.Key).Except(Schema.MigrationParameters).ToList();
        if (unknown.Count > 0)
        {
            throw Unsent(MigrationRefusal.UnknownParameter, "parameter", unknown);
        }

        if (arguments.Count > 0)
        {
            await MigrationCommandAsync("migrate-set-parameters", arguments, _ => MigrationRefusal.Rejected, cancellation);
        }
    }

    /// <summary>
    /// Source: starts an outgoing migration and returns at once; whether it even connects shows in its status. With
    /// <paramref name="resume"/>, goes on with a postcopy that is paused.
    /// </summary>
    /// <param name="uri">tcp:host:port, unix:path, fd:name, exec:command, file:path (8.2).</param>
    /// <exception cref="MigrationRefusedException">AlreadyRunning, Blocked, MigratedAway, WrongState, or Rejected.</exception>
    public Task MigrateAsync(string uri, bool resume, CancellationToken cancellation)
    {
        var arguments = new JsonObject { ["uri"] = uri };
        if (resume)
        {
            arguments["resume"] = true;
        }

        return MigrationCommandAsync(
            "migrate", arguments, resume ? MigrationRefusals.OfResumeOrRecover : MigrationRefusals.OfMigrate, cancellation);
    }

    /// <summary>
    /// Destination, started with <c>-incoming defer</c>: listens. Where this QEMU knows it, a failed migration leaves the
    /// process alive to be asked why (<see cref="QemuFeatures.ExitOnErrorArgument"/>); an older one ends.
    /// </summary>
    /// <param name="uri">As for migrate; with port 0 <see cref="MigrationInfo.SocketAddresses"/> tells which it is.</param>
    /// <exception cref="MigrationRefusedException">
    /// AlreadyRunning; WrongState: not started to receive; or Rejected, after which a new process is needed: 10.0 and 11.1 stay
    /// in <c>setup</c> after an address they could not use, and take no other.
    /// </exception>
    public Task MigrateIncomingAsync(string uri, CancellationToken cancellation)
    {
        var arguments = new JsonObject { ["uri"] = uri };
        if (Features.ExitOnErrorArgument)
        {
            arguments["exit-on-error"] = false;
        }

        return MigrationCommandAsync("migrate-incoming", arguments, MigrationRefusals.OfIncoming, cancellation);
    }

    /// <summary>
    /// Source: cancels; a no-op when nothing runs. Looks first and does not send it in postcopy, where QEMU before 10.0 would
    /// destroy the guest. With such a QEMU, do not call this once postcopy was asked for: the switch comes on its own time.
    /// </summary>
    /// <exception cref="MigrationRefusedException">InPostcopy.</exception>
    public async Task MigrateCancelAsync(CancellationToken cancellation)
    {
        var migration = await QueryMigrateAsync(cancellation);
        if (migration.Status.IsPostcopy)
        {
            throw new MigrationRefusedException(
                MigrationRefusal.InPostcopy, migration, null, "GenericError", "the migration is in postcopy and cannot be cancelled");
        }

        await MigrationCommandAsync("migrate_cancel", null, MigrationRefusals.OfCancel, cancellation);
    }

    /// <summary>Source, held in pre-switchover: goes on with the switchover.</summary>
    /// <exception cref="MigrationRefusedException">WrongState: it is not held.</exception>
    public Task MigrateContinueAsync(CancellationToken cancellation) => MigrationCommandAsync(
        "migrate-continue", new JsonObject { ["state"] = "pre-switchover" }, _ => MigrationRefusal.WrongState, cancellation);

    /// <summary>In postcopy: breaks the link on purpose; both sides go to postcopy-paused.</summary>
    /// <exception cref="MigrationRefusedException">WrongState: not in postcopy-active or postcopy-recover.</exception>
    public Task MigratePauseAsync(CancellationToken cancellation) => MigrationCommandAsync(
        "migrate-pause", null, _ => MigrationRefusal.WrongState, cancellation);

    /// <summary>Destination in postcopy-paused: listens again. Then the source <see cref="MigrateAsync"/> with resume.</summary>
    /// <exception cref="MigrationRefusedException">WrongState: not paused; or Rejected.</exception>
    public Task MigrateRecoverAsync(string uri, CancellationToken cancellation) => MigrationCommandAsync(
        "migrate-recover", new JsonObject { ["uri"] = uri }, MigrationRefusals.OfResumeOrRecover, cancellation);

    /// <summary>Source: asks for the switch to postcopy, which comes at a later turn of QEMU's loop. There is no way back.</summary>
    /// <exception cref="MigrationRefusedException">PostcopyNotEnabled, or WrongState: nothing runs.</exception>
    public Task StartPostcopyAsync(CancellationToken cancellation) => MigrationCommandAsync(
        "migrate-start-postcopy", null, MigrationRefusals.OfStartPostcopy, cancellation);

    /// <summary>Tears down the sockets of a migration whose peer hangs; it then fails by itself (postcopy: pauses).</summary>
    public Task YankMigrationAsync(CancellationToken cancellation) => ExecuteAsync(
        "yank", new JsonObject { ["instances"] = new JsonArray(new JsonObject { ["type"] = "migration" }) }, cancellation);

    /// <summary>Destination: sends the gratuitous ARPs again, by the parameters announce-*.</summary>
    public async Task AnnounceSelfAsync(CancellationToken cancellation)
    {
        // The command wants all four and does not look at the parameters itself; QEMU's defaults stand in for what is unreadable.
        var parameters = await QueryParametersAsync(cancellation);
        var arguments = new JsonObject
        {
            ["initial"] = parameters.AnnounceInitialMilliseconds ?? 50,
            ["max"] = parameters.AnnounceMaxMilliseconds ?? 550,
            ["rounds"] = parameters.AnnounceRounds ?? 5,
            ["step"] = parameters.AnnounceStepMilliseconds ?? 100,
        };
        await ExecuteAsync("announce-self", arguments, cancellation);
    }

    /// <summary>
    /// Begins to measure, by samples of its pages, how much of the guest's memory becomes different in an interval, and returns at once.
    /// Not before an earlier one was seen to have ended: QEMU refuses a second one only once the thread of the first has begun, and before
    /// that starts two, of which one leaves its list of threads (RCU readers) naming a thread that has ended.
    /// </summary>
    /// <param name="interval">50 ms to 60 s; without <see cref="QemuFeatures.DirtyRateMilliseconds"/> 1 s to 60 s, in whole seconds.</param>
    /// <param name="samplePages">Per GiB of memory, 128 to 16384. Each is hashed (4 KiB) twice.</param>
    /// <exception cref="ArgumentException">A value is out of range: names each, with what is allowed.</exception>
    public Task CalcDirtyRateAsync(TimeSpan interval, int samplePages, CancellationToken cancellation)
    {
        var unit = Features.DirtyRateMilliseconds ? TimeSpan.FromMilliseconds(1) : TimeSpan.FromSeconds(1);
        var violations = DirtyRate.FindViolations(interval, unit, samplePages);
        if (violations.Count > 0)
        {
            throw new ArgumentException(string.Join("; ", violations));
        }

        var arguments = new JsonObject { ["calc-time"] = interval.Ticks / unit.Ticks };
        if (Features.DirtyRateMilliseconds)
        {
            arguments["calc-time-unit"] = DirtyRate.Milliseconds;
        }

        arguments["sample-pages"] = samplePages;
        arguments["mode"] = "page-sampling";
        return ExecuteAsync("calc-dirty-rate", arguments, cancellation);
    }

    /// <returns>How far the last measuring has come, also somebody else's.</returns>
    public async Task<DirtyRate> QueryDirtyRateAsync(CancellationToken cancellation)
    {
        var arguments = Features.DirtyRateMilliseconds ? new JsonObject { ["calc-time-unit"] = DirtyRate.Milliseconds } : null;
        return DirtyRate.Parse(await ExecuteAsync("query-dirty-rate", arguments, cancellation));
    }

    /// <summary>Stops the vCPUs.</summary>
    public Task StopAsync(CancellationToken cancellation) => ExecuteAsync("stop", null, cancellation);

    /// <summary>
    /// Lets the vCPUs run (<c>cont</c>). Refused here on a guest that migrated away, where QEMU would run a second copy; who
    /// knows the other side to be dead sends <c>cont</c> over <see cref="Connection"/>.
    /// </summary>
    /// <exception cref="MigrationRefusedException">MigratedAway.</exception>
    public async Task ContinueAsync(CancellationToken cancellation)
    {
        var guest = await QueryStatusAsync(cancellation);
        if (guest.State == RunState.PostMigrate)
        {
            throw new MigrationRefusedException(
                MigrationRefusal.MigratedAway, null, guest, "GenericError", "the guest migrated away; it would run twice");
        }

        await ExecuteAsync("cont", null, cancellation);
    }

    /// <summary>Presses the guest's power button; what it does then is the guest's affair.</summary>
    public Task SystemPowerdownAsync(CancellationToken cancellation) => ExecuteAsync("system_powerdown", null, cancellation);

    /// <summary>Ends the QEMU process. The connection closes soon after; the end of the process is for its owner to watch.</summary>
    public async Task QuitAsync(CancellationToken cancellation)
    {
        var wasOpen = !Closed.IsCompleted;
        try
        {
            await ExecuteAsync("quit", null, cancellation);
        }
        catch (QmpDisconnectedException gone) when (wasOpen && gone.Reason == QmpDisconnectReason.PeerClosed)
        {
            // It may be quicker to end than to answer.
        }
    }

    public ValueTask DisposeAsync() => Connection.DisposeAsync();

    private Task<JsonElement> ExecuteAsync(string command, JsonObject? arguments, CancellationToken cancellation) =>
        Schema.AllowsOutOfBand(command)
            ? Connection.ExecuteOutOfBandAsync(command, arguments, cancellation)
            : Connection.ExecuteAsync(command, arguments, cancellation);

    private async Task MigrationCommandAsync(
        string command, JsonObject? arguments, Func<MigrationRefusals.Scene, MigrationRefusal> why, CancellationToken cancellation)
    {
        try
        {
            await ExecuteAsync(command, arguments, cancellation);
        }
        catch (QmpException refused) when (refused.Class == "GenericError")
        {
            var migration = await QueryMigrateAsync(cancellation);
            var guest = await QueryStatusAsync(cancellation);
            var refusal = why(new MigrationRefusals.Scene(migration, guest, refused.Description));
            throw new MigrationRefusedException(refusal, migration, guest, refused.Class, refused.Description);
        }
    }

    private MigrationRefusedException Unsent(MigrationRefusal refusal, string kind, IEnumerable<string> unknown) =>
        new(refusal, null, null, "GenericError", $"QEMU {Greeting.Version} has no migration {kind} {string.Join(", ", unknown)}");
}
