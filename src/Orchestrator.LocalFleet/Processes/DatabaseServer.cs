namespace Orchestrator.LocalFleet.Processes;

/// <summary>A private Postgres with a process of its own, which several replicas share: it outlives each of them.</summary>
public sealed class DatabaseServer(string folder, TimeProvider clock) : IAsyncDisposable
{
    // Of the program's line that says that it is up; see its help.
    private const string ReadyPrefix = "Database:ConnectionString=";

    private static readonly TimeSpan s_startBound = TimeSpan.FromSeconds(90);
    private static readonly TimeSpan s_lookAgain = TimeSpan.FromMilliseconds(50);
    private FleetProcess? _process;

    /// <summary>Npgsql's form; empty before the start.</summary>
    public string ConnectionString { get; private set; } = "";

    /// <exception cref="FleetException">It exited or was not up in time; carries the end of its log.</exception>
    public async Task StartAsync(CancellationToken cancellation)
    {
        Directory.CreateDirectory(folder);
        var log = Path.Combine(folder, "database.log");
        _process = FleetProcess.Start(
            "database", "Orchestrator.ControlPlane", ["database", $"--Database:DataFolder={Path.Combine(folder, "data")}"],
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

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
        {
            await _process.DisposeAsync();
        }
    }
}
