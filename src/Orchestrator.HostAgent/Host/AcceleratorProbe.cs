using System.Text;
using Orchestrator.BootGuest;
using Orchestrator.HostAgent.Guests;
using Orchestrator.V1;

namespace Orchestrator.HostAgent.Host;

/// <summary>
/// Finds out whether KVM works by running a guest on it. That /dev/kvm opens, and even that it makes virtual CPUs, does not say that a
/// guest gets anywhere: nested under some hypervisors it dies in its first instructions or stands still.
/// </summary>
internal sealed partial class AcceleratorProbe(
    EngineCatalog engines, AgentSettings settings, TimeProvider clock, ILogger<AcceleratorProbe> logger) : BackgroundService
{
    private const string Device = "/dev/kvm";

    // A guest on KVM says its first heartbeat within half a second; a machine that is busy may take a few times that.
    private static readonly TimeSpan s_bound = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_glance = TimeSpan.FromMilliseconds(50);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // The agent serves TCG meanwhile.
        await Task.Yield();
        if (engines.Default is not { } engine)
        {
            return;
        }

        if (!File.Exists(Device))
        {
            LogNotUsable("there is no " + Device);
            return;
        }

        try
        {
            var problem = await TryGuestAsync(engine, stoppingToken);
            if (problem is null)
            {
                engines.Believe(Accelerator.Kvm);
                LogUsable();
            }
            else
            {
                LogNotUsable(problem);
            }
        }
        catch (IOException failure)
        {
            LogNotUsable(failure.Message);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
        }
    }

    /// <returns>Why not; null when the guest answered.</returns>
    private async Task<string?> TryGuestAsync(Engine engine, CancellationToken cancellation)
    {
        var folder = new GuestFolder(Path.Combine(settings.RuntimeFolder, "probes", "kvm"));
        await ProbeFolder.ClearAsync(folder, clock, cancellation);
        folder.Create();
        try
        {
            var spec = new MachineSpec
            {
                MemoryBytes = 32 * 1024 * 1024,
                Vcpus = 1,
                MachineType = engine.Pin("q35") ?? "q35",
                CpuModel = "qemu64",
                Accelerator = Accelerator.Kvm,
                BootGuest = new V1.BootGuest { WorkingSetBytes = 1024 * 1024, DirtyBytesPerSecond = 1024 * 1024 },
            };
            var process = await QemuProcess.StartAsync(
                engine.Program, QemuCommandLine.Build("kvm-probe", spec, folder, GuestStart.Running), folder, clock, cancellation);
            var began = clock.GetTimestamp();
            while (clock.GetElapsedTime(began) < s_bound)
            {
                if (HasHeartbeat(folder.SerialLog))
                {
                    return null;
                }

                if (!process.IsAlive)
                {
                    return $"{Device} opens, but a guest on it died: {folder.ReadEngineLogTail()}";
                }

                await Task.Delay(s_glance, clock, cancellation);
            }

            return $"{Device} opens, but a guest on it gave no sign of life within {s_bound.TotalSeconds} s";
        }
        catch (QemuStartException refused)
        {
            return refused.Message;
        }
        finally
        {
            await ProbeFolder.ClearAsync(folder, clock, CancellationToken.None);
        }
    }

    private static bool HasHeartbeat(string serialLog)
    {
        using var log = new FileStream(serialLog, FileMode.OpenOrCreate, FileAccess.Read, FileShare.ReadWrite);
        using var reader = new StreamReader(log, Encoding.ASCII);
        while (reader.ReadLine() is { } line)
        {
            if (Heartbeat.TryParse(line.TrimEnd('\r'), out _))
            {
                return true;
            }
        }

        return false;
    }

    [LoggerMessage(1, LogLevel.Information, "KVM is usable: a guest has answered on it.")]
    private partial void LogUsable();

    [LoggerMessage(2, LogLevel.Warning, "KVM is not usable: {Reason}.")]
    private partial void LogNotUsable(string reason);
}
