using System.Text.Json;
using Orchestrator.HostAgent.Guests;
using Orchestrator.Qmp;

namespace Orchestrator.HostAgent.Host;

/// <summary>Learns from a QEMU without a machine what this program is.</summary>
internal static class EngineProbe
{
    /// <exception cref="QemuStartException">It does not start, or does not speak QMP.</exception>
    public static async Task<Engine> RunAsync(string program, string runtimeFolder, TimeProvider clock, CancellationToken cancellation)
    {
        var folder = new GuestFolder(Path.Combine(runtimeFolder, "probes", "engine"));
        await ProbeFolder.ClearAsync(folder, clock, cancellation);
        folder.Create();
        try
        {
            await QemuProcess.StartAsync(
                program,
                [
                    "-machine", "none", "-nodefaults", "-no-user-config", "-display", "none", "-S",
                    "-qmp", QemuOption.Of($"unix:{folder.Monitor}").With("server", true).With("wait", false).ToString(),
                    "-D", folder.EngineLog, "-d", "strace", "-daemonize", "-pidfile", folder.Pid,
                ],
                folder, clock, cancellation);
            await using var monitor = await QemuMonitor.ConnectAsync(folder.Monitor, clock, cancellation);
            var machines = ParseMachines(await monitor.Connection.ExecuteAsync("query-machines", null, cancellation));
            await monitor.QuitAsync(cancellation);
            var greeting = monitor.Greeting;
            return new Engine(
                program,
                greeting.Package.Length > 0 ? $"{greeting.Version} ({greeting.Package})" : greeting.Version,
                monitor.Features,
                machines);
        }
        catch (Exception failure) when (failure is QmpDisconnectedException or QmpException)
        {
            throw new QemuStartException($"{program} starts but does not speak QMP: {failure.Message}", failure);
        }
        finally
        {
            await ProbeFolder.ClearAsync(folder, clock, CancellationToken.None);
        }
    }

    internal static IReadOnlyDictionary<string, string> ParseMachines(JsonElement reply)
    {
        Dictionary<string, string> machines = new(StringComparer.Ordinal);
        foreach (var machine in reply.ValueKind == JsonValueKind.Array ? reply.EnumerateArray() : default)
        {
            if (machine.TryGetProperty("name", out var name) && name.GetString() is { } versioned)
            {
                machines[versioned] = versioned;
                if (machine.TryGetProperty("alias", out var alias) && alias.GetString() is { } shortName)
                {
                    machines[shortName] = versioned;
                }
            }
        }

        return machines;
    }
}

/// <summary>Folders of probes: whatever an agent that died left in one is ended and removed.</summary>
internal static class ProbeFolder
{
    private static readonly TimeSpan s_exitTakes = TimeSpan.FromSeconds(10);

    public static async Task ClearAsync(GuestFolder folder, TimeProvider clock, CancellationToken cancellation)
    {
        if (QemuProcess.Find(folder) is { } process)
        {
            process.Kill();
            await process.WaitForExitAsync(s_exitTakes, clock, cancellation);
        }

        folder.Remove();
    }
}
