using System.Globalization;
using Dapper;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Orchestrator.ControlPlane.Database;
using Xunit;

namespace Orchestrator.TestPostgres;

/// <summary>A database of its own on the test run's Postgres, with all scripts of migrations-db applied; dropped at the end.</summary>
public sealed class PostgresFixture : IAsyncLifetime
{
    private readonly string _name = string.Create(CultureInfo.InvariantCulture, $"test_{Guid.NewGuid():N}");

    public string ConnectionString { get; private set; } = "";

    public NpgsqlDataSource DataSource { get; private set; } = null!;

    /// <summary>A fresh database without anything in it.</summary>
    public static async Task<PostgresFixture> CreateEmptyAsync()
    {
        var fixture = new PostgresFixture();
        await fixture.CreateAsync();
        return fixture;
    }

    public async Task InitializeAsync()
    {
        await CreateAsync();
        var scripts = MigrationScript.ReadFolder(Path.Combine(AppContext.BaseDirectory, "migrations-db"));
        await new ScriptRunner(DataSource, TimeProvider.System, NullLogger<ScriptRunner>.Instance).ApplyAsync(scripts, CancellationToken.None);
    }

    public async Task DisposeAsync()
    {
        await DataSource.DisposeAsync();
        await using var server = new NpgsqlConnection(await TestServer.ConnectionStringAsync());
        await server.ExecuteAsync(new CommandDefinition($"DROP DATABASE IF EXISTS {_name} WITH (FORCE)"));
    }

    private async Task CreateAsync()
    {
        var serverConnection = await TestServer.ConnectionStringAsync();
        await using (var server = new NpgsqlConnection(serverConnection))
        {
            await server.ExecuteAsync(new CommandDefinition($"CREATE DATABASE {_name}"));
        }

        ConnectionString = new NpgsqlConnectionStringBuilder(serverConnection) { Database = _name, MaxPoolSize = 20 }.ConnectionString;
        DataSource = NpgsqlDataSource.Create(ConnectionString);
    }
}
