using System.Diagnostics;

namespace Orchestrator.Qmp.Tests;

/// <summary>
/// A real QEMU without a disk, its guest stopped at its first instruction. The binary is that of ORCHESTRATOR_QEMU, or
/// qemu-system-x86_64 of the PATH; without one the tests fail.
/// </summary>
internal sealed class QemuProcess : IDisposable
{
    private static readonly TimeSpan s_retry = TimeSpan.FromMilliseconds(20);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("qmp-");
    private readonly Process _process;

    public QemuProcess(params string[] more)
    {
        _process = new Process
        {
            StartInfo = new ProcessStartInfo(
                Binary(),
                ["-machine", "q35", "-accel", "tcg", "-m", "64", "-nodefaults", "-S", "-display", "none",
                 "-qmp", $"unix:{SocketPath},server=on,wait=off", .. more])
            {
                RedirectStandardError = true,
            },
        };
        _process.Start();
    }

    public string SocketPath => Path.Combine(_folder.FullName, "qmp");

    /// <summary>A path for a migration to listen on.</summary>
    public string MigrationUri => $"unix:{Path.Combine(_folder.FullName, "migration")}";

    public int Id => _process.Id;

    public async Task<QmpConnection> ConnectAsync()
    {
        for (var started = Stopwatch.GetTimestamp(); ;)
        {
            try
            {
                return await QmpConnection.ConnectAsync(SocketPath, TimeProvider.System, CancellationToken.None);
            }
            catch (QmpDisconnectedException early) when (early.Reason == QmpDisconnectReason.NotListening)
            {
                Assert.False(_process.HasExited, _process.HasExited ? await _process.StandardError.ReadToEndAsync() : "");
                Assert.True(Stopwatch.GetElapsedTime(started) < Bound.Generous, "QEMU does not open its monitor");
                await Task.Delay(s_retry, TimeProvider.System);
            }
        }
    }

    public async Task<QemuMonitor> OpenAsync() => await QemuMonitor.OpenAsync(await ConnectAsync(), CancellationToken.None).InTime();

    public void Kill() => _process.Kill();

    public Task ExitAsync() => _process.WaitForExitAsync().InTime();

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        _process.WaitForExit();
        _process.Dispose();
        _folder.Delete(recursive: true);
    }

    private static string Binary()
    {
        if (Environment.GetEnvironmentVariable("ORCHESTRATOR_QEMU") is { Length: > 0 } named)
        {
            return named;
        }

        return (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':')
            .Select(folder => Path.Combine(folder, "qemu-system-x86_64"))
            .FirstOrDefault(File.Exists)
            ?? throw new FileNotFoundException("No qemu-system-x86_64 in PATH. Install QEMU, or name one in ORCHESTRATOR_QEMU.");
    }
}
