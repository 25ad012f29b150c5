using System.Diagnostics;
using System.Globalization;

namespace Orchestrator.LocalFleet.Processes;

/// <summary>A private Postgres with a process of its own, which several replicas share: it outlives each of them.</summary>
public sealed class DatabaseServer(string folder, TimeProvider clock) : IAsyncDisposable
{
    // Of the program's line that says that it is up; see its help.
    private const string ReadyPrefix = "Database:ConnectionString=";

    private static readonly TimeSpan s_startBound = TimeSpan.FromSeconds(90);
    private static readonly TimeSpan s_lookAgain = TimeSpan.FromMilliseconds(50);
    private FleetProcess? _process;

    private string DataFolder => Path.Combine(folder, "data");

    /// <summary>Npgsql's form; empty before the start.</summary>
    public string ConnectionString { get; private set; } = "";

    /// <exception cref="FleetException">It exited or was not up in time; carries the end of its log.</exception>
    public async Task StartAsync(CancellationToken cancellation)
    {
        Directory.CreateDirectory(folder);
        var log = Path.Combine(folder, "database.log");
        File.Delete(log);
        _process = FleetProcess.Start(
            "database", "Orchestrator.ControlPlane", ["database", $"--Database:DataFolder={DataFolder}"],
            new Dictionary<string, string>(), log);
        var began = clock.GetTimestamp();
        while (true)
        {
            var ready = _process.LastLines(100).Split('\n').FirstOrDefault(line => line.StartsWith(ReadyPrefix, StringComparison.Ordinal));
            if (ready is not null)
            {
                ConnectionString = ready[ReadyPrefix.Length..];
                return;
            }

            if (_process.HasExited || clock.GetElapsedTime(began) > s_startBound)
            {
                throw new FleetException($"The database did not start.\n{_process.LastLines(15)}");
            }

            await Task.Delay(s_lookAgain, clock, cancellation);
        }
    }

    /// <summary>Shuts it down in order; started again it has what it had, under the same connection string.</summary>
    public Task StopAsync() => _process?.StopAsync() ?? Task.CompletedTask;

    /// <summary>Stops the server in its tracks, connections and all, until <see cref="Thaw"/>: whoever asks waits for an answer.</summary>
    public void Freeze()
    {
        foreach (var process in ServerProcesses())
        {
            FleetProcess.Freeze(process);
        }
    }

    public void Thaw()
    {
        foreach (var process in ServerProcesses())
        {
            FleetProcess.Thaw(process);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
        {
            await _process.DisposeAsync();
        }
    }

    // The first one first: stopped, it makes no further ones.
    private IEnumerable<int> ServerProcesses()
    {
        var pidFile = Directory.EnumerateFiles(DataFolder, "postmaster.pid", SearchOption.AllDirectories).Single();
        var first = int.Parse(File.ReadLines(pidFile).First(), CultureInfo.InvariantCulture);
        yield return first;
        foreach (var process in Process.GetProcesses().Where(process => ParentOf(process.Id) == first))
        {
            yield return process.Id;
        }
    }

    // pid (comm) state ppid ...; the name may hold blanks and brackets (proc(5)).
    private static int? ParentOf(int process)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{process}/stat");
            return int.Parse(stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[1], CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return null;
        }
    }
}
