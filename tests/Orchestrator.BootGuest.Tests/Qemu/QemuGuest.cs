using System.Collections.Concurrent;
using System.Diagnostics;

namespace Orchestrator.BootGuest.Tests.Qemu;

/// <summary>One QEMU under TCG with the boot guest in it, its console connected. Gone when disposed, with its folder.</summary>
internal sealed class QemuGuest : IAsyncDisposable
{
    private const string BinaryVariable = "ORCHESTRATOR_QEMU";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("bg-");
    private readonly ConcurrentQueue<string> _complaints = [];
    private readonly Process _process;
    private HeartbeatReader? _console;

    private QemuGuest(string commandLine, int memoryMebibytes, string[] arguments)
    {
        var start = new ProcessStartInfo(Binary())
        {
            RedirectStandardError = true,
            ArgumentList =
            {
                "-accel", "tcg", "-machine", "q35", "-cpu", "max", "-smp", "1", "-m", $"{memoryMebibytes}", "-nodefaults",
                "-display", "none", "-kernel", BootGuestImage.Path, "-append", commandLine,
                "-chardev", $"socket,id=console,path={ConsolePath},server=on,wait=off", "-serial", "chardev:console",
                "-chardev", $"socket,id=gdb,path={GdbPath},server=on,wait=off", "-gdb", "chardev:gdb",
                "-qmp", $"unix:{PathOf("qmp")},server=on,wait=off",
            },
        };
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        _process = Process.Start(start) ?? throw new InvalidOperationException($"{start.FileName} did not start.");
        _process.ErrorDataReceived += (_, line) => _complaints.Enqueue(line.Data ?? "");
        _process.BeginErrorReadLine();
    }

    public string ConsolePath => PathOf("console");

    public string GdbPath => PathOf("gdb");

    public string IncomingPath => PathOf("incoming");

    public int ProcessId => _process.Id;

    public HeartbeatReader Console => _console ?? throw new InvalidOperationException("This guest was started without a console reader.");

    public QmpConversation Qmp { get; private set; } = null!;

    public static Task<QemuGuest> StartAsync(BootGuestOptions options, CancellationToken cancellation) =>
        StartAsync(options.ToCommandLine(), options.LeastMachineMebibytes, cancellation);

    /// <summary>Boots the guest once its console is read, so that no line is missed.</summary>
    public static async Task<QemuGuest> StartAsync(
        string commandLine, int memoryMebibytes, CancellationToken cancellation, bool readConsole = true)
    {
        var guest = await CreateAsync(commandLine, memoryMebibytes, ["-S"], readConsole, cancellation);
        await guest.Qmp.ExecuteAsync("cont", null, cancellation);
        return guest;
    }

    /// <summary>A guest of the same machine that waits for a migration on <see cref="IncomingPath"/>.</summary>
    public static async Task<QemuGuest> StartTargetAsync(BootGuestOptions options, CancellationToken cancellation)
    {
        var target = await CreateAsync(
            options.ToCommandLine(), options.LeastMachineMebibytes, ["-incoming", "defer"], readConsole: true, cancellation);
        await target.Qmp.ExecuteAsync("migrate-incoming", new { uri = $"unix:{target.IncomingPath}" }, cancellation);
        return target;
    }

    public async ValueTask DisposeAsync()
    {
        if (_console is not null)
        {
            await _console.DisposeAsync();
        }

        Qmp?.Dispose();
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _folder.Delete(recursive: true);
    }

    private static string Binary()
    {
        if (Environment.GetEnvironmentVariable(BinaryVariable) is { Length: > 0 } named)
        {
            return File.Exists(named) ? named : throw new FileNotFoundException($"{BinaryVariable} names no file: {named}");
        }

        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator);
        return folders.Select(folder => Path.Combine(folder, "qemu-system-x86_64")).FirstOrDefault(File.Exists)
            ?? throw new FileNotFoundException($"These tests run a real QEMU: install qemu-system-x86 or set {BinaryVariable}.");
    }

    private static async Task<QemuGuest> CreateAsync(
        string commandLine, int memoryMebibytes, string[] arguments, bool readConsole, CancellationToken cancellation)
    {
        var guest = new QemuGuest(commandLine, memoryMebibytes, arguments);
        try
        {
            if (readConsole)
            {
                guest._console = await guest.OrItsEndAsync(
                    limit => HeartbeatReader.ConnectAsync(guest.ConsolePath, TimeProvider.System, limit), cancellation);
            }

            guest.Qmp = await guest.OrItsEndAsync(limit => QmpConversation.OpenAsync(guest.PathOf("qmp"), limit), cancellation);
            return guest;
        }
        catch
        {
            await guest.DisposeAsync();
            throw;
        }
    }

    private string PathOf(string name) => Path.Combine(_folder.FullName, name);

    private async Task<T> OrItsEndAsync<T>(Func<CancellationToken, Task<T>> connect, CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var connecting = connect(limit.Token);
        var exiting = _process.WaitForExitAsync(limit.Token);
        if (await Task.WhenAny(connecting, exiting) == exiting && !cancellation.IsCancellationRequested)
        {
            await limit.CancelAsync();
            throw new InvalidOperationException($"QEMU ended: {string.Join('\n', _complaints)}");
        }

        return await connecting;
    }
}
