using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Npgsql;
using Orchestrator.ControlPlane.Database;
using Orchestrator.V1;
using Kind = Orchestrator.Policy.Lifecycle.AgentCommandKind;
using LifecyclePhase = Orchestrator.Policy.Lifecycle.MigrationPhase;

namespace Orchestrator.ControlPlane.Tests.Migrations;

/// <summary>The database goes away under running migrations and comes back. Each test has a server of its own.</summary>
public sealed class DatabaseOutageTests : IAsyncLifetime
{
    private readonly string _data = Directory.CreateTempSubdirectory("orchestrator-outage-").FullName;
    private EmbeddedPostgres _server = null!;
    private NpgsqlDataSource _database = null!;

    public async Task InitializeAsync()
    {
        File.SetUnixFileMode(_data, File.GetUnixFileMode(_data) | UnixFileMode.OtherExecute);
        await StartServerAsync();
        _database = NpgsqlDataSource.Create(EmbeddedPostgres.ConnectionString(EmbeddedPostgresFolders.In(_data)));
        await new ScriptRunner(_database, TimeProvider.System, NullLogger<ScriptRunner>.Instance).ApplyAsync(
            MigrationScript.ReadFolder(Path.Combine(AppContext.BaseDirectory, "migrations-db")), CancellationToken.None);
    }

    public async Task DisposeAsync()
    {
        await _database.DisposeAsync();
        await _server.StopAsync();
        Directory.Delete(_data, recursive: true);
    }

    [Fact]
    public async Task Readings_OverARestart_AreAllThereOnce()
    {
        await using var fleet = await new Fleet(_database).StartAsync();
        var id = Guid.NewGuid();
        var sequence = 0UL;
        Offer(2000);
        await Eventually.HoldsAsync(async () => await CountAsync(fleet, id) > 0);
        Offer(2000);
        await _server.StopAsync();
        Offer(2000);
        await StartServerAsync();
        Offer(2000);

        await Eventually.HoldsAsync(async () => await CountAsync(fleet, id) >= 8000);
        var seen = await fleet.QueryAsync<long>("SELECT sequence FROM migration_readings WHERE migration_id = @id ORDER BY sequence", new { id });
        Assert.Equal(Enumerable.Range(1, 8000).Select(number => (long)number), seen);
        Assert.Equal(0, fleet.Readings.Dropped);

        void Offer(int count)
        {
            for (var offered = 0; offered < count; offered++)
            {
                fleet.Readings.Offer(id, Readings.Full(++sequence));
            }
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(60)]
    public async Task SupervisorWhoseDatabaseGoesAway_GoesOnWhenItIsBack(int retrySeconds)
    {
        // Without patience of its own the gate gives up at once and the supervisor is begun anew from the ledger.
        await using var fleet = await new Fleet(_database, retryFor: TimeSpan.FromSeconds(retrySeconds)).StartAsync();
        var move = await fleet.AddGuestAsync();
        await move.CopyAsync();
        await move.ReadAsync(move.Copying(0.5));
        await _server.StopAsync();
        move.SourceSays(move.Copying(2));
        await StartServerAsync();

        var adjust = await fleet.WhileTimePassesAsync(SayUntilAsync(move, move.Source.NextAsync(Kind.AdjustSource)), TimeSpan.FromMilliseconds(200));
        adjust.Done();
        await move.DecidedAsync(1, DecisionOutcome.Applied);
        move.SourceSays(move.Completed());
        (await move.Target.NextAsync(Kind.HandOverTarget)).Done(move.Arrived());
        (await move.Source.NextAsync(Kind.FinishSource)).Done();
        (await move.Target.NextAsync(Kind.FinishTarget)).Done();
        var migration = await move.ReachAsync(LifecyclePhase.Completed);
        Assert.Equal(retrySeconds == 0, migration.Epoch > 1);
        Assert.Equal(
            Enumerable.Range(1, (int)migration.LastCommand).Select(number => (ulong)number),
            move.Source.Seen.Concat(move.Target.Seen).Select(request => request.CommandId).Distinct().Order());
    }

    /// <summary>Reports come on a beat; one that found no supervisor waits for the next.</summary>
    private static async Task<PlayedCall> SayUntilAsync(Move move, Task<PlayedCall> awaited)
    {
        for (var seconds = 2.25; !awaited.IsCompleted; seconds += 0.25)
        {
            move.SourceSays(move.Copying(seconds));
            await Task.WhenAny(awaited, Task.Delay(TimeSpan.FromMilliseconds(250), TimeProvider.System));
        }

        return await awaited;
    }

    private static async Task<long> CountAsync(Fleet fleet, Guid id)
    {
        try
        {
            return await fleet.ScalarAsync<long>("SELECT count(*) FROM migration_readings WHERE migration_id = @id", new { id });
        }
        catch (NpgsqlException)
        {
            return 0;
        }
    }

    private async Task StartServerAsync() => _server = await StartServerAsync(_data);

    private static async Task<EmbeddedPostgres> StartServerAsync(string data)
    {
        var server = new EmbeddedPostgres(
            Options.Create(new DatabaseOptions { DataFolder = data }), TimeProvider.System, NullLogger<EmbeddedPostgres>.Instance);
        await server.StartAsync(CancellationToken.None);
        return server;
    }
}
