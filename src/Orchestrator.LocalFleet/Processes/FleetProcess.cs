using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Orchestrator.LocalFleet.Processes;

/// <summary>
/// One program of the product as a process in a session of its own, so that a Ctrl-C at our terminal reaches us alone and we decide the
/// order in which things stop. What it prints goes to a file.
/// </summary>
public sealed partial class FleetProcess : IAsyncDisposable
{
    private const int SIGTERM = 15;
    private const int SIGSTOP = 19;
    private const int SIGCONT = 18;

    private static readonly TimeSpan s_stopBound = TimeSpan.FromSeconds(20);
    private readonly Process _process;
    private readonly Task _output;

    private FleetProcess(string name, Process process, Task output, string logPath)
    {
        Name = name;
        _process = process;
        _output = output;
        LogPath = logPath;
    }

    public string Name { get; }

    public string LogPath { get; }

    public int ProcessId => _process.Id;

    public bool HasExited => _process.HasExited;

    public Task Exited(CancellationToken cancellation) => _process.WaitForExitAsync(cancellation);

    /// <param name="assembly">Name of the program beside this one, without ".dll".</param>
    public static FleetProcess Start(
        string name, string assembly, IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string> environment, string logPath)
    {
        // setsid(1) replaces itself by the program, so the pid is the program's own.
        var start = new ProcessStartInfo("setsid")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        start.ArgumentList.Add("dotnet");
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, assembly + ".dll"));
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        foreach (var (key, value) in environment)
        {
            start.Environment[key] = value;
        }

        var process = Process.Start(start) ?? throw new InvalidOperationException($"{name} could not be started.");
        process.StandardInput.Close();
        return new FleetProcess(name, process, CopyOutputAsync(process, logPath), logPath);
    }

    /// <summary>SIGKILL: what a crash looks like.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        await _output;
    }

    /// <summary>SIGTERM, then SIGKILL when it takes too long.</summary>
    public async Task StopAsync()
    {
        if (!_process.HasExited)
        {
            _ = SendSignal(_process.Id, SIGTERM);
            using var patience = new CancellationTokenSource(s_stopBound);
            try
            {
                await _process.WaitForExitAsync(patience.Token);
            }
            catch (OperationCanceledException)
            {
                _process.Kill();
                await _process.WaitForExitAsync();
            }
        }

        await _output;
    }

    /// <summary>Stops the process in its tracks until <see cref="Thaw()"/>.</summary>
    public void Freeze() => Freeze(_process.Id);

    public void Thaw() => Thaw(_process.Id);

    /// <summary>The same with a process that one of ours has started.</summary>
    internal static void Freeze(int process) => _ = SendSignal(process, SIGSTOP);

    internal static void Thaw(int process) => _ = SendSignal(process, SIGCONT);

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _process.Dispose();
    }

    public string LastLines(int count) => File.Exists(LogPath) ? string.Join('\n', File.ReadLines(LogPath).TakeLast(count)) : "";

    private static async Task CopyOutputAsync(Process process, string logPath)
    {
        await using var log = new FileStream(logPath, FileMode.Append, FileAccess.Write, FileShare.ReadWrite);
        await using var writer = new StreamWriter(log) { AutoFlush = true };
        var gate = new Lock();
        await Task.WhenAll(CopyAsync(process.StandardOutput), CopyAsync(process.StandardError));

        async Task CopyAsync(StreamReader from)
        {
            while (await from.ReadLineAsync() is { } line)
            {
                lock (gate)
                {
                    writer.WriteLine(line);
                }
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int SendSignal(int pid, int signal);
}
