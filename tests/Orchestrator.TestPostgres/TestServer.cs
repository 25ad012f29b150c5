using System.Diagnostics;
using System.Globalization;
using Dapper;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Npgsql;
using Orchestrator.ControlPlane;
using Orchestrator.ControlPlane.Database;

namespace Orchestrator.TestPostgres;

/// <summary>
/// The Postgres of this test run: the one named by ORCHESTRATOR_TEST_POSTGRES (a connection string whose user may create databases), or a
/// private one that ends with the run. There is always one: a test that needs it fails where none can be had.
/// </summary>
internal static class TestServer
{
    private const string Variable = "ORCHESTRATOR_TEST_POSTGRES";
    private const string FolderPrefix = "orchestrator-test-";

    private static readonly Lazy<Task<string>> s_connectionString = new(StartAsync);

    /// <summary>To a database that is always there.</summary>
    public static Task<string> ConnectionStringAsync() => s_connectionString.Value;

    private static async Task<string> StartAsync()
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } given)
        {
            return given;
        }

        await RemoveLeftoversAsync();
        var folder = Path.Combine(Path.GetTempPath(), string.Create(CultureInfo.InvariantCulture, $"{FolderPrefix}{Environment.ProcessId}"));
        Directory.CreateDirectory(folder);
        var server = Server(folder);

        // There is no later moment, and nothing that could await it.
        AppDomain.CurrentDomain.ProcessExit += (_, _) =>
        {
            server.StopAsync().GetAwaiter().GetResult();
            Directory.Delete(folder, recursive: true);
        };
        await server.StartAsync(CancellationToken.None);
        var connectionString = EmbeddedPostgres.ConnectionString(EmbeddedPostgresFolders.In(folder));
        await using var connection = new NpgsqlConnection(connectionString);

        // Test data need not outlive a power cut.
        await connection.ExecuteAsync(new CommandDefinition("ALTER SYSTEM SET fsync = off"));
        await connection.ExecuteAsync(new CommandDefinition("SELECT pg_reload_conf()"));
        return connectionString;
    }

    /// <summary>Of runs that were killed or cut short at their end: a server that goes on is taken over and stopped.</summary>
    private static async Task RemoveLeftoversAsync()
    {
        foreach (var folder in Directory.EnumerateDirectories(Path.GetTempPath(), FolderPrefix + "*"))
        {
            if (!int.TryParse(Path.GetFileName(folder)[FolderPrefix.Length..], CultureInfo.InvariantCulture, out var pid) || IsAlive(pid))
            {
                continue;
            }

            try
            {
                if (Postmaster.Find(EmbeddedPostgresFolders.In(folder)) is not null)
                {
                    var server = Server(folder);
                    await server.StartAsync(CancellationToken.None);
                    await server.StopAsync();
                }

                Directory.Delete(folder, recursive: true);
            }
            catch (Exception failure) when (failure is StartRefusedException or IOException or UnauthorizedAccessException)
            {
                // Another run clears it away at this moment, or it is another user's.
            }
        }
    }

    private static bool IsAlive(int pid)
    {
        try
        {
            using var process = Process.GetProcessById(pid);
            return true;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }

    private static EmbeddedPostgres Server(string folder) => new(
        Options.Create(new DatabaseOptions { DataFolder = folder }), TimeProvider.System, NullLogger<EmbeddedPostgres>.Instance);
}
