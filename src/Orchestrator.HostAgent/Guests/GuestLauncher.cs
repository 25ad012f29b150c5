using System.Net;
using Orchestrator.HostAgent.Host;
using Orchestrator.HostAgent.Service;
using Orchestrator.V1;

namespace Orchestrator.HostAgent.Guests;

/// <summary>Starts guests, for their owners and for incoming migrations: admits, pins, writes down, starts.</summary>
internal sealed partial class GuestLauncher(
    GuestRegistry guests, EngineCatalog engines, AgentSettings settings, TimeProvider clock, ILogger<GuestLauncher> logger) : IDisposable
{
    // One launch at a time on a host, so that each sees what the one before was promised.
    private readonly SemaphoreSlim _oneAtATime = new(1);

    /// <summary>Where engines started here receive migration streams.</summary>
    public IPAddress MigrationAddress => settings.MigrationAddress;

    public PortRange? MigrationPorts => settings.MigrationPorts;

    /// <param name="spec">Checked, with defaults filled in.</param>
    /// <exception cref="AgentRefusedException">Accelerator, memory, or the engine's own refusal; nothing is left behind.</exception>
    public async Task<Guest> LaunchAsync(string guestId, MachineSpec spec, GuestStart start, CancellationToken cancellation)
    {
        await _oneAtATime.WaitAsync(cancellation);
        try
        {
            Admit(guestId, spec);
            var engine = await engines.GetAsync(cancellation);
            var pinned = spec.Clone();
            pinned.MachineType = engine.Pin(spec.MachineType)
                ?? throw AgentErrors.EngineRefused($"QEMU {engine.Version} has no machine type {spec.MachineType}");
            return await StartAsync(
                new GuestRecord
                {
                    GuestId = guestId,
                    Spec = pinned,
                    Program = engine.Program,
                    Incoming = start == GuestStart.Incoming,
                    PausedByOwner = start == GuestStart.Paused,
                },
                start, cancellation);
        }
        catch (QemuStartException refused)
        {
            LogRefused(guestId, refused.Message);
            throw AgentErrors.EngineRefused(refused.Message);
        }
        finally
        {
            _oneAtATime.Release();
        }
    }

    public void Dispose() => _oneAtATime.Dispose();

    private void Admit(string guestId, MachineSpec spec)
    {
        if (new GuestFolder(settings.RuntimeFolder, guestId).SocketPathExcess is var excess and > 0)
        {
            throw AgentErrors.EngineRefused(
                $"the sockets of a guest named {guestId} do not fit below {settings.RuntimeFolder}: their paths would be {excess} bytes longer than "
                + $"the {GuestFolder.LongestSocketPath} that a Unix socket may have");
        }

        if (!engines.Believes(spec.Accelerator))
        {
            throw AgentErrors.AcceleratorUnusable(spec.Accelerator.ToString().ToLowerInvariant());
        }

        var verdict = MemoryAdmission.Judge(
            spec.MemoryBytes, MachineFacts.Read().MemoryAvailable, guests.All.Select(Promised), settings.MemoryOvercommit);
        if (!verdict.Fits)
        {
            throw AgentErrors.NotEnoughMemory(guestId, verdict.Needed, verdict.Available);
        }
    }

    private static ulong Promised(Guest guest)
    {
        if (guest.RunState.ProcessEnded || guest.Record.Process is not { } process)
        {
            return 0;
        }

        var resident = MemoryAdmission.ResidentBytes(process.Pid);
        var promised = guest.Record.Spec.MemoryBytes + MemoryAdmission.EngineOverhead;
        return promised > resident ? promised - resident : 0;
    }

    private async Task<Guest> StartAsync(GuestRecord record, GuestStart start, CancellationToken cancellation)
    {
        var folder = new GuestFolder(settings.RuntimeFolder, record.GuestId);
        if (QemuProcess.Find(folder) is { } unmanaged)
        {
            // Its record could not be read at the agent's start. It may well be the guest, so it is not ours to sweep away.
            throw AgentErrors.GuestPresent(record.GuestId, $"process {unmanaged.Pid} runs from {folder.Path} and is not managed");
        }

        folder.Remove();
        folder.Create();
        try
        {
            record.Write(folder.Record);
            var process = await QemuProcess.StartAsync(
                record.Program, QemuCommandLine.Build(record.GuestId, record.Spec, folder, start), folder, clock, cancellation);
            record = record with { Process = process };
            record.Write(folder.Record);
            LogStarted(record.GuestId, process.Pid, start);
            return guests.Add(folder, record);
        }
        catch (Exception)
        {
            // Whatever it was, nobody would look after a process that came up in the middle of it.
            QemuProcess.Find(folder)?.Kill();
            folder.Remove();
            throw;
        }
    }

    [LoggerMessage(1, LogLevel.Information, "Guest {GuestId}: process {Pid} started, {Start}.")]
    private partial void LogStarted(string guestId, int pid, GuestStart start);

    [LoggerMessage(2, LogLevel.Warning, "Guest {GuestId}: not started: {Reason}")]
    private partial void LogRefused(string guestId, string reason);
}
