namespace Orchestrator.ControlPlane.Database;

/// <summary>A private Postgres server.</summary>
internal sealed class EmbeddedPostgres
{
    private bool _started;

    public static string ConnectionString(EmbeddedPostgresFolders folders) =>
        $"Host={folders.Socket};Username=orchestrator;Database=orchestrator";

    public Task StartAsync(CancellationToken cancellation) =>
        _started ? Task.CompletedTask : throw new StartRefusedException("Set Database:ConnectionString to a Postgres 15 or newer.");

    public Task StopAsync()
    {
        _started = false;
        return Task.CompletedTask;
    }
}
