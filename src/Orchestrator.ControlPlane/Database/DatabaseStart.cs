using Microsoft.Extensions.Options;
using Npgsql;

namespace Orchestrator.ControlPlane.Database;

/// <summary>First to start and last to stop: the private server when there is one, then the scripts.</summary>
internal sealed class DatabaseStart(
    EmbeddedPostgres embedded, NpgsqlDataSource database, ScriptRunner scripts, IOptions<DatabaseOptions> options) : IHostedService
{
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (options.Value.ConnectionString.Length == 0)
        {
            await embedded.StartAsync(cancellationToken);
        }

        await scripts.ApplyAsync(MigrationScript.ReadFolder(Path.Combine(AppContext.BaseDirectory, "migrations-db")), cancellationToken);
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        // Idle connections are closed by us and not under us.
        database.Clear();
        return embedded.StopAsync();
    }
}
