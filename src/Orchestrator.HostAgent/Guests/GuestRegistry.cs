using System.Collections.Concurrent;
using System.Text.Json;
using Google.Protobuf;
using Orchestrator.HostAgent.Service;

namespace Orchestrator.HostAgent.Guests;

/// <summary>The guests of this host: found again at the start, added by a launch, removed when their process has ended for good.</summary>
internal sealed partial class GuestRegistry(AgentSettings settings, TimeProvider clock, ILoggerFactory loggers) : IAsyncDisposable
{
    private static readonly TimeSpan s_exitTakes = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(5);

    private readonly ConcurrentDictionary<string, Guest> _guests = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, SemaphoreSlim> _gates = new(StringComparer.Ordinal);
    private readonly ILogger _logger = loggers.CreateLogger<GuestRegistry>();

    /// <summary>A guest came, went or changed. Take a note and return.</summary>
    public event Action? Changed;

    public IReadOnlyList<Guest> All => [.. _guests.Values.OrderBy(guest => guest.Id, StringComparer.Ordinal)];

    public Guest? Find(string guestId) => _guests.GetValueOrDefault(guestId);

    /// <summary>One at a time starts, ends or changes a guest. Dispose to let the next one.</summary>
    public async Task<IDisposable> EnterAsync(string guestId, CancellationToken cancellation)
    {
        var gate = GateOf(guestId);
        await gate.WaitAsync(cancellation);
        return new Turn(gate);
    }

    /// <summary>The same for who will not wait for a guest to power down.</summary>
    /// <exception cref="AgentRefusedException">Somebody else is at it.</exception>
    public async Task<IDisposable> EnterSoonAsync(string guestId, CancellationToken cancellation)
    {
        var gate = GateOf(guestId);
        return await gate.WaitAsync(s_soon, cancellation)
            ? new Turn(gate)
            : throw AgentErrors.WrongState($"Guest {guestId} is being started, stopped or moved.", "BUSY");
    }

    /// <summary>Finds the guests of an earlier agent on this machine. Touches none of them.</summary>
    public void Discover()
    {
        var guests = Path.Combine(settings.RuntimeFolder, "guests");
        Directory.CreateDirectory(guests);
        foreach (var path in Directory.EnumerateDirectories(guests))
        {
            var folder = new GuestFolder(path);
            if (!File.Exists(folder.Record))
            {
                // An agent died between making the folder and writing the record; nothing was started yet.
                folder.Remove();
                continue;
            }

            try
            {
                Add(folder, Adopt(folder, GuestRecord.Read(folder.Record)));
            }
            catch (Exception damaged) when (damaged is JsonException or InvalidOperationException or InvalidProtocolBufferException)
            {
                LogDamaged(folder.Record, damaged.Message);
            }
        }
    }

    /// <summary>Takes a started guest up and watches it.</summary>
    public Guest Add(GuestFolder folder, GuestRecord record)
    {
        var guest = new Guest(folder, record, clock, loggers.CreateLogger<Guest>());
        guest.Changed += () => Changed?.Invoke();
        _guests[guest.Id] = guest;
        guest.Watch();
        Changed?.Invoke();
        return guest;
    }

    /// <summary>Ends the guest's process if it still runs, and forgets the guest.</summary>
    /// <exception cref="GuestUnreachableException">It does not go away, killed as it is: stuck in the kernel.</exception>
    public async Task RemoveAsync(Guest guest, CancellationToken cancellation)
    {
        guest.EndExpected = true;
        if (guest.Record.Process is { } process)
        {
            process.Kill();
            if (!await process.WaitForExitAsync(s_exitTakes, clock, cancellation))
            {
                throw new GuestUnreachableException($"process {process.Pid} of guest {guest.Id} was killed and does not end", gone: false);
            }
        }

        await guest.DisposeAsync();
        guest.Folder.Remove();
        _guests.TryRemove(KeyValuePair.Create(guest.Id, guest));
        Changed?.Invoke();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var guest in _guests.Values)
        {
            await guest.DisposeAsync();
        }
    }

    /// <summary>An agent died after QEMU came up and before it wrote down which process that is: QEMU's own pid file tells.</summary>
    private static GuestRecord Adopt(GuestFolder folder, GuestRecord record)
    {
        if (record.Process is null && QemuProcess.Find(folder) is { } process)
        {
            record = record with { Process = process };
            record.Write(folder.Record);
        }

        return record;
    }

    // Never removed: ids are few, and a gate that is thrown away lets two in.
    private SemaphoreSlim GateOf(string guestId) => _gates.GetOrAdd(guestId, _ => new SemaphoreSlim(1));

    [LoggerMessage(1, LogLevel.Error, "{Record} cannot be read, so its guest is not managed; mend or remove it and restart the agent: {Reason}")]
    private partial void LogDamaged(string record, string reason);

    private sealed class Turn(SemaphoreSlim gate) : IDisposable
    {
        public void Dispose() => gate.Release();
    }
}
