using System.Text.Json;
using Orchestrator.Agent.V1;
using Orchestrator.Qmp;

namespace Orchestrator.HostAgent.Guests;

/// <summary>The engine's process is gone, or its monitor does not answer.</summary>
internal sealed class GuestUnreachableException(string message, bool gone) : Exception(message)
{
    /// <summary>The process has ended, so asking again does not help.</summary>
    public bool Gone { get; } = gone;
}

/// <summary>A migration that has to do with a guest on this host.</summary>
/// <param name="NonLive">Its mover promised that the guest stays stopped.</param>
internal sealed record GuestOccupation(Guid MigrationId, SessionRole Role, bool NonLive);

/// <summary>
/// One guest process on this host: holds its monitor, connecting again whenever that is lost, and sees its end. Disposing lets go of the
/// monitor and nothing else: the guest is not ours to end.
/// </summary>
internal sealed partial class Guest : IAsyncDisposable
{
    private static readonly TimeSpan s_firstRetry = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan s_longestRetry = TimeSpan.FromSeconds(2);

    private readonly TimeProvider _clock;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _letGo = new();
    private readonly Lock _lock = new();

    // One question for the run state at a time: two answers noted in the wrong order would leave a state here that has passed.
    private readonly SemaphoreSlim _reading = new(1);
    private GuestRecord _record;
    private GuestRunState _runState = GuestRunState.Unknown;
    private TaskCompletionSource<QemuMonitor> _monitor = NewMonitor();
    private string _engineVersion = "";
    private GuestOccupation? _occupation;
    private bool _poweredOff;
    private Task _watching = Task.CompletedTask;

    public Guest(GuestFolder folder, GuestRecord record, TimeProvider clock, ILogger logger)
    {
        Folder = folder;
        _record = record;
        _clock = clock;
        _logger = logger;
    }

    /// <summary>Every event of the monitor, in order, on the watching task: take a note and return.</summary>
    public event Action<QmpEvent>? Happened;

    /// <summary>Run state, connection or record changed. On whatever task it was; take a note and return.</summary>
    public event Action? Changed;

    public GuestFolder Folder { get; }

    /// <summary>Set before its process is ended on purpose, so that its end alarms nobody.</summary>
    public bool EndExpected { get; set; }

    public string Id => Record.GuestId;

    public GuestRecord Record
    {
        get
        {
            lock (_lock)
            {
                return _record;
            }
        }
    }

    public GuestRunState RunState
    {
        get
        {
            lock (_lock)
            {
                return _runState;
            }
        }
    }

    /// <summary>As the engine said when it was last connected, e.g. "7.2.22 (Debian ...)".</summary>
    public string EngineVersion
    {
        get
        {
            lock (_lock)
            {
                return _engineVersion;
            }
        }
    }

    /// <summary>The migration that has to do with it; null when none has.</summary>
    public GuestOccupation? Occupation
    {
        get
        {
            lock (_lock)
            {
                return _occupation;
            }
        }
    }

    /// <returns>False when another migration has it.</returns>
    public bool TryOccupy(GuestOccupation occupation)
    {
        lock (_lock)
        {
            if (_occupation is { } other && other.MigrationId != occupation.MigrationId)
            {
                return false;
            }

            _occupation = occupation;
            return true;
        }
    }

    public void Vacate(Guid migrationId)
    {
        lock (_lock)
        {
            _occupation = _occupation?.MigrationId == migrationId ? null : _occupation;
        }
    }

    /// <summary>Begins to watch the process. Once.</summary>
    public void Watch() => _watching = WatchAsync(_letGo.Token);

    /// <summary>The monitor, waiting for a lost connection to come back.</summary>
    /// <exception cref="GuestUnreachableException">The process is gone, or does not answer within <paramref name="bound"/>.</exception>
    public async Task<QemuMonitor> MonitorAsync(TimeSpan bound, CancellationToken cancellation)
    {
        Task<QemuMonitor> connected;
        lock (_lock)
        {
            connected = _monitor.Task;
        }

        try
        {
            return await connected.WaitAsync(bound, _clock, cancellation);
        }
        catch (TimeoutException)
        {
            throw new GuestUnreachableException($"the engine of guest {Id} has not answered for {bound.TotalSeconds} s", gone: false);
        }
    }

    /// <summary>Changes the record on disk, then here.</summary>
    public void Rewrite(Func<GuestRecord, GuestRecord> change)
    {
        lock (_lock)
        {
            var changed = change(_record);
            if (changed == _record)
            {
                return;
            }

            changed.Write(Folder.Record);
            _record = changed;
        }

        Changed?.Invoke();
    }

    /// <summary>Asks the engine for the run state now.</summary>
    public async Task<GuestRunState> ReadRunStateAsync(QemuMonitor monitor, CancellationToken cancellation)
    {
        await _reading.WaitAsync(cancellation);
        try
        {
            var state = GuestRunState.From(await monitor.QueryStatusAsync(cancellation));
            Become(state);
            return state;
        }
        finally
        {
            _reading.Release();
        }
    }

    public AgentGuest Describe()
    {
        lock (_lock)
        {
            return new AgentGuest
            {
                GuestId = _record.GuestId,
                Spec = _record.Spec,
                RunState = _runState.State,
                Pid = (uint)(_record.Process?.Pid ?? 0),
                SerialSocket = Folder.SerialSocket,
                EngineVersion = _engineVersion,
                Incoming = _record.Incoming,
            };
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (!_letGo.IsCancellationRequested)
        {
            await _letGo.CancelAsync();
            await _watching;
            Fail($"guest {Id} is not managed here any more");
            _letGo.Dispose();
        }
    }

    private static TaskCompletionSource<QemuMonitor> NewMonitor() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private async Task WatchAsync(CancellationToken cancellation)
    {
        // Whoever starts the watching does not wait for the first connection.
        await Task.Yield();
        try
        {
            var retry = s_firstRetry;
            while (Record.Process is { IsAlive: true })
            {
                try
                {
                    await using var monitor = await QemuMonitor.ConnectAsync(Folder.Monitor, _clock, cancellation);
                    retry = s_firstRetry;
                    await FollowAsync(monitor, cancellation);
                }
                catch (Exception failure) when (failure is QmpDisconnectedException or QmpException)
                {
                    LogNotConnected(Id, failure.Message);
                }
                catch (Exception failure) when (failure is not OperationCanceledException)
                {
                    // Whatever it is, a guest that nobody watches is worse.
                    LogUnplanned(Id, failure);
                }

                await Task.Delay(retry, _clock, cancellation);
                retry = TimeSpan.FromTicks(Math.Min(retry.Ticks * 2, s_longestRetry.Ticks));
            }

            End();
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
        }
    }

    private async Task FollowAsync(QemuMonitor monitor, CancellationToken cancellation)
    {
        lock (_lock)
        {
            var greeting = monitor.Greeting;
            _engineVersion = greeting.Package.Length > 0 ? $"{greeting.Version} ({greeting.Package})" : greeting.Version;
        }

        try
        {
            await ReadRunStateAsync(monitor, cancellation);
            Monitor().TrySetResult(monitor);
            LogConnected(Id, EngineVersion);
            Changed?.Invoke();
            await foreach (var happened in monitor.Events.ReadAllAsync(cancellation))
            {
                _poweredOff |= happened.Name == "SHUTDOWN" && happened.Data.TryGetProperty("guest", out var byGuest)
                    && byGuest.ValueKind == JsonValueKind.True;
                Happened?.Invoke(happened);
                if (happened.Name is not QmpEvent.MigrationPass)
                {
                    await ReadRunStateAsync(monitor, cancellation);
                }
            }
        }
        finally
        {
            lock (_lock)
            {
                if (_monitor.Task.IsCompleted)
                {
                    _monitor = NewMonitor();
                }
            }
        }

        TaskCompletionSource<QemuMonitor> Monitor()
        {
            lock (_lock)
            {
                return _monitor;
            }
        }
    }

    private void End()
    {
        if (EndExpected || _poweredOff)
        {
            LogEnded(Id, Record.Process?.Pid ?? 0);
        }
        else
        {
            LogLost(Id, Record.Process?.Pid ?? 0, Folder.ReadEngineLogTail());
        }

        Fail($"the process of guest {Id} is gone");
        Become(_poweredOff ? GuestRunState.PoweredOff : GuestRunState.Gone);
    }

    /// <summary>Nobody need wait for the monitor any more.</summary>
    private void Fail(string why)
    {
        lock (_lock)
        {
            _monitor.TrySetException(new GuestUnreachableException(why, gone: true));

            // Somebody may never ask; that is no unobserved failure.
            _ = _monitor.Task.Exception;
        }
    }

    private void Become(GuestRunState state)
    {
        lock (_lock)
        {
            if (_runState == state || _runState.ProcessEnded)
            {
                return;
            }

            _runState = state;
        }

        Changed?.Invoke();
    }

    [LoggerMessage(1, LogLevel.Debug, "Guest {GuestId}: connected to its monitor, QEMU {Version}.")]
    private partial void LogConnected(string guestId, string version);

    [LoggerMessage(2, LogLevel.Debug, "Guest {GuestId}: its monitor is not connected: {Reason}.")]
    private partial void LogNotConnected(string guestId, string reason);

    [LoggerMessage(3, LogLevel.Information, "Guest {GuestId}: process {Pid} has ended.")]
    private partial void LogEnded(string guestId, int pid);

    [LoggerMessage(5, LogLevel.Error, "Guest {GuestId}: watching it failed in a way nobody planned; it is tried again.")]
    private partial void LogUnplanned(string guestId, Exception failure);

    [LoggerMessage(4, LogLevel.Error, "Guest {GuestId}: process {Pid} has ended without being asked to. Its log ends with: {Log}")]
    private partial void LogLost(string guestId, int pid, string log);
}
