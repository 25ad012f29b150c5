using Dapper;
using Microsoft.Extensions.Logging.Abstractions;
using Orchestrator.ControlPlane.Database;
using Orchestrator.TestPostgres;

namespace Orchestrator.ControlPlane.Tests.Database;

public sealed class ScriptRunnerTests : IAsyncLifetime
{
    private static readonly MigrationScript s_first = MigrationScript.Parse("V0001__make.sql", "CREATE TABLE made (n integer);");
    private static readonly MigrationScript s_second = MigrationScript.Parse("V0002__fill.sql", "INSERT INTO made VALUES (1);");
    private static readonly MigrationScript s_slow = MigrationScript.Parse(
        "V0003__take_time.sql", "SELECT pg_sleep(0.3); INSERT INTO made VALUES (2);");

    private PostgresFixture _database = null!;

    public async Task InitializeAsync() => _database = await PostgresFixture.CreateEmptyAsync();

    public Task DisposeAsync() => _database.DisposeAsync();

    [Fact]
    public async Task ApplyAsync_Twice_AppliesOnce()
    {
        Assert.Equal(2, await ApplyAsync(s_first, s_second));
        Assert.Equal(0, await ApplyAsync(s_first, s_second));
        Assert.Equal(1, await ApplyAsync(s_first, s_second, s_slow));
        Assert.Equal([1, 2], await RowsAsync());
    }

    [Fact]
    public async Task ApplyAsync_EightAtOnce_OneAppliesAndAllCarryOn()
    {
        var applied = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => ApplyAsync(s_first, s_second, s_slow))));

        Assert.Equal(3, applied.Sum());
        Assert.Single(applied, 3);
        Assert.Equal([1, 2], await RowsAsync());
    }

    [Fact]
    public async Task ApplyAsync_ChangedScript_IsRefusedAndNamed()
    {
        await ApplyAsync(s_first, s_second);
        var changed = MigrationScript.Parse(s_second.FileName, s_second.Sql + " -- harmless?");

        var refused = await Assert.ThrowsAsync<StartRefusedException>(() => ApplyAsync(s_first, changed, s_slow));
        Assert.Contains("V0002__fill.sql was changed", refused.Message, StringComparison.Ordinal);
        Assert.Equal([1], await RowsAsync());
    }

    [Fact]
    public async Task ApplyAsync_DatabaseOfANewerRelease_IsRefused()
    {
        await ApplyAsync(s_first, s_second);

        var refused = await Assert.ThrowsAsync<StartRefusedException>(() => ApplyAsync(s_first));
        Assert.Contains("V0002__fill.sql, which this build does not know", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ApplyAsync_ScriptSlippedIn_IsRefused()
    {
        await ApplyAsync(s_first, s_second);
        await using var connection = await _database.DataSource.OpenConnectionAsync();
        await connection.ExecuteAsync(new CommandDefinition("UPDATE schema_journal SET version = 3 WHERE version = 2"));

        var refused = await Assert.ThrowsAsync<StartRefusedException>(() => ApplyAsync(s_first, s_second, s_slow));
        Assert.Contains("missing or came in out of order", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ApplyAsync_ScriptFailsHalfWay_KeepsNothingOfItAndAllBefore()
    {
        var broken = MigrationScript.Parse("V0002__broken.sql", "INSERT INTO made VALUES (9); SELECT 1 / 0;");

        var refused = await Assert.ThrowsAsync<StartRefusedException>(() => ApplyAsync(s_first, broken));
        Assert.Contains("V0002__broken.sql failed (22012", refused.Message, StringComparison.Ordinal);
        Assert.Empty(await RowsAsync());

        Assert.Equal(1, await ApplyAsync(s_first, s_second));
    }

    private async Task<int> ApplyAsync(params MigrationScript[] scripts) =>
        await new ScriptRunner(_database.DataSource, TimeProvider.System, NullLogger<ScriptRunner>.Instance)
            .ApplyAsync(scripts, CancellationToken.None);

    private async Task<IEnumerable<int>> RowsAsync()
    {
        await using var connection = await _database.DataSource.OpenConnectionAsync();
        return await connection.QueryAsync<int>(new CommandDefinition("SELECT n FROM made ORDER BY n"));
    }
}
