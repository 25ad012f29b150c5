using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Orchestrator.Agent.V1;
using Orchestrator.BootGuest;
using Orchestrator.Qmp;
using Orchestrator.Rpc.Errors;
using Orchestrator.V1;
using ListGuestsRequest = Orchestrator.Agent.V1.ListGuestsRequest;
using RunState = Orchestrator.Agent.V1.RunState;
using StartGuestRequest = Orchestrator.Agent.V1.StartGuestRequest;

namespace Orchestrator.HostAgent.Tests.Fleet;

/// <summary>Two agents on one machine, a guest on the first and a migration of it to the second: the words that scenarios are told in.</summary>
internal sealed class TwoHosts : IAsyncDisposable
{
    public const string GuestId = "g1";
    public const ulong Mebibyte = 1024 * 1024;

    private readonly Dictionary<string, HeartbeatReader> _consoles = [];
    private ulong _lastCommandId;

    private TwoHosts(TestAgent source, TestAgent target) => (Source, Target) = (source, target);

    public TestAgent Source { get; }

    public TestAgent Target { get; }

    public Guid MigrationId { get; } = Guid.NewGuid();

    public ulong Epoch { get; set; } = 1;

    public TransferTerms Terms { get; } = new();

    /// <summary>Of whoever commands; observers of the tests themselves have none.</summary>
    public string ReplicaId { get; set; } = "";

    public UnattendedTerms? Unattended { get; set; }

    /// <summary>Of the guest as it was started: with the machine type pinned.</summary>
    public MachineSpec Spec { get; private set; } = new();

    public static async Task<TwoHosts> StartAsync(params (string Key, string Value)[] settings)
    {
        var source = await TestAgent.StartAsync("h1", TestFolder.Next(), "127.0.0.1", settings);
        try
        {
            return new TwoHosts(source, await TestAgent.StartAsync("h2", TestFolder.Next(), "127.0.0.2", settings));
        }
        catch
        {
            await source.DisposeAsync();
            throw;
        }
    }

    public static MachineSpec SpecOf(int workingSet, int rate, int fill, int memory = 96) => new()
    {
        MemoryBytes = (ulong)memory * Mebibyte,
        BootGuest = new V1.BootGuest
        {
            WorkingSetBytes = (ulong)workingSet * Mebibyte,
            DirtyBytesPerSecond = (ulong)rate * Mebibyte,
            FillBytes = (ulong)fill * Mebibyte,
            HeartbeatsPerSecond = 200,
        },
    };

    /// <summary>Starts the guest and waits until it has filled its memory.</summary>
    public async Task StartGuestAsync(MachineSpec spec, bool paused = false)
    {
        Spec = (await Source.Client.StartGuestAsync(new StartGuestRequest { GuestId = GuestId, Spec = spec, Paused = paused })).Guest.Spec;
        var console = await OpenConsoleAsync(Source);
        if (!paused)
        {
            using var bound = new CancellationTokenSource(TestAgent.Bound);
            await console.WaitForBeatAsync(beat => beat.Round >= 1, bound.Token);
        }
    }

    public ExecuteRequest Command(Action<ExecuteRequest> set)
    {
        var request = new ExecuteRequest
        {
            MigrationId = MigrationId.ToString(),
            Epoch = Epoch,
            CommandId = ++_lastCommandId,
            ReplicaId = ReplicaId,
        };
        set(request);
        return request;
    }

    public ExecuteRequest PrepareCommand(bool runAfter = true, uint port = 0) => Command(request => request.PrepareTarget = new PrepareTarget
    {
        GuestId = GuestId,
        Spec = Spec,
        Terms = Terms,
        RunAfter = runAfter,
        Port = port,
    });

    /// <summary>Before the guest runs there, since QEMU drops what is said while nobody listens.</summary>
    public Task OpenTargetConsoleAsync() => OpenConsoleAsync(Target);

    public ExecuteRequest StartCommand(
        string targetUri, ulong bandwidth = 0, int downtimeMs = 300, bool nonLive = false, bool handOver = true, ulong postCopyBandwidth = 0) =>
        Command(request => request.StartSource = new StartSource
        {
            GuestId = GuestId,
            TargetUri = targetUri,
            Terms = Terms,
            DowntimeLimit = TimeSpan.FromMilliseconds(downtimeMs).ToDuration(),
            MaxBytesPerSecond = bandwidth,
            PostCopyBytesPerSecond = postCopyBandwidth,
            NonLive = nonLive,
            TargetAgentEndpoint = handOver ? Target.Endpoint : "",
            Unattended = Unattended,
        });

    /// <summary>Prepares the target and starts the source.</summary>
    public async Task<ExecuteResponse> BeginAsync(
        ulong bandwidth = 0, int downtimeMs = 300, bool runAfter = true, bool nonLive = false, bool handOver = true, ulong postCopyBandwidth = 0)
    {
        var prepared = await Target.ExecuteAsync(PrepareCommand(runAfter));
        await OpenTargetConsoleAsync();
        return await Source.ExecuteAsync(StartCommand(prepared.ListenUri, bandwidth, downtimeMs, nonLive, handOver, postCopyBandwidth));
    }

    /// <summary>What an operator can do at a guest's second monitor, also while no agent is there.</summary>
    public static async Task<QmpConnection> OpenSpareMonitorAsync(TestAgent host)
    {
        using var bound = new CancellationTokenSource(TestAgent.Bound);
        return await QmpConnection.ConnectAsync(host.Folder(GuestId).SpareMonitor, TimeProvider.System, bound.Token);
    }

    public static async Task EngineUntilAsync(TestAgent host, string status)
    {
        using var bound = new CancellationTokenSource(TestAgent.Bound);
        await using var monitor = await OpenSpareMonitorAsync(host);
        while (MigrationInfo.Parse(await monitor.ExecuteAsync("query-migrate", null, bound.Token)).StatusText != status)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, bound.Token);
        }
    }

    /// <summary>Breaks the link of a post-copy as a lost network would.</summary>
    public async Task BreakLinkAsync()
    {
        using var bound = new CancellationTokenSource(TestAgent.Bound);
        await using var monitor = await OpenSpareMonitorAsync(Source);
        await monitor.ExecuteOutOfBandAsync("migrate-pause", null, bound.Token);
    }

    public static string? ReasonOf(RpcException refused) => Refusal.FindDetail<Google.Rpc.ErrorInfo>(refused)?.Reason;

    public Task<MigrationReport> SourceUntilAsync(Func<MigrationReport, bool> reached) => Source.UntilAsync(MigrationId, SessionRole.Source, reached);

    public Task<MigrationReport> TargetUntilAsync(Func<MigrationReport, bool> reached) => Target.UntilAsync(MigrationId, SessionRole.Target, reached);

    public static async Task<RunState> RunStateAsync(TestAgent host) =>
        (await host.Client.ListGuestsAsync(new ListGuestsRequest())).Guests.SingleOrDefault(guest => guest.GuestId == GuestId)?.RunState
            ?? RunState.Unspecified;

    /// <summary>The guest on the target has seen every page of its memory since it came, and found all of them as they must be.</summary>
    public async Task<HeartbeatTrace> TraceAsync()
    {
        using var bound = new CancellationTokenSource(TestAgent.Bound);
        var console = _consoles[Target.HostId];
        var first = await console.WaitForBeatAsync(_ => true, bound.Token);
        var later = await console.WaitForBeatAsync(beat => beat.Round >= first.Round + 2, bound.Token);
        await console.WaitForBeatAsync(beat => beat.Counter >= later.Counter + 100, bound.Token);
        return HeartbeatTrace.Between(_consoles[Source.HostId].Transcript, console.Transcript);
    }

    public async Task<Heartbeat> NextBeatAsync(TestAgent host)
    {
        using var bound = new CancellationTokenSource(TestAgent.Bound);
        var console = _consoles[host.HostId];
        var last = console.Transcript.Lines.Select(line => line.Line).OfType<SerialLine.Beat>().LastOrDefault()?.Heartbeat.Counter ?? 0;
        return await console.WaitForBeatAsync(beat => beat.Counter > last, bound.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await Source.DisposeAsync();
        await Target.DisposeAsync();
        foreach (var console in _consoles.Values)
        {
            await console.DisposeAsync();
        }
    }

    private async Task<HeartbeatReader> OpenConsoleAsync(TestAgent host)
    {
        using var bound = new CancellationTokenSource(TestAgent.Bound);
        if (_consoles.Remove(host.HostId, out var before))
        {
            await before.DisposeAsync();
        }

        return _consoles[host.HostId] = await HeartbeatReader.ConnectAsync(host.Folder(GuestId).SerialSocket, TimeProvider.System, bound.Token);
    }
}
