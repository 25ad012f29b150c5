using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Npgsql;
using Orchestrator.ControlPlane.Database;
using Orchestrator.ControlPlane.Migrations;
using Orchestrator.ControlPlane.Migrations.Ledger;
using Orchestrator.TestPostgres;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Tests.Migrations;

public sealed class ReadingStoreTests(PostgresFixture postgres) : IClassFixture<PostgresFixture>
{
    private static readonly ReadingKey s_first = new(DateTimeOffset.UnixEpoch, 0);

    private readonly ReadingStore _store = new(Gate(postgres.DataSource));
    private readonly MigrationHistory _history = new(Gate(postgres.DataSource));

    [Fact]
    public async Task WriteAsync_EveryColumn_ReadsBackTheSame()
    {
        var id = Guid.NewGuid();
        Reading[] readings = [Readings.Full(1), Readings.Sparse(2)];

        await _store.WriteAsync([.. readings.Select(reading => new StoredReading(id, reading))], CancellationToken.None);

        Assert.Equal(readings, await _history.ListReadingsAsync(id, s_first, 10, CancellationToken.None));
    }

    [Fact]
    public async Task WriteAsync_PartlyInAlready_AddsTheRest()
    {
        var id = Guid.NewGuid();
        await _store.WriteAsync([new StoredReading(id, Readings.Full(1))], CancellationToken.None);

        await _store.WriteAsync([new StoredReading(id, Readings.Full(1)), new StoredReading(id, Readings.Full(2))], CancellationToken.None);

        Assert.Equal([Readings.Full(1), Readings.Full(2)], await _history.ListReadingsAsync(id, s_first, 10, CancellationToken.None));
    }

    [Fact]
    public async Task Retention_DropsWholeDaysThatAreOver_AndMakesThoseToCome()
    {
        var id = Guid.NewGuid();
        var clock = new MovedClock();
        var today = DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime);
        foreach (var daysAgo in new[] { 45, 31, 30, 29 })
        {
            await _store.CreatePartitionAsync(today.AddDays(-daysAgo), CancellationToken.None);
            await _store.WriteAsync([Reading(daysAgo)], CancellationToken.None);
        }

        // A day that no partition was made for in time.
        await _store.WriteAsync([Reading(40)], CancellationToken.None);
        var retention = new ReadingRetention(_store, Options.Create(new MigrationOptions()), clock, NullLogger<ReadingRetention>.Instance);

        await retention.TidyAsync(CancellationToken.None);

        Assert.Equal([30UL, 29UL], (await _history.ListReadingsAsync(id, s_first, 10, CancellationToken.None)).Select(reading => reading.Sequence));
        Assert.False(await _store.CreatePartitionAsync(today.AddDays(3), CancellationToken.None));
        Assert.False(await _store.CreatePartitionAsync(today.AddDays(-30), CancellationToken.None));
        await retention.TidyAsync(CancellationToken.None);

        StoredReading Reading(int daysAgo)
        {
            var reading = Readings.Sparse((ulong)daysAgo);
            reading.At = Google.Protobuf.WellKnownTypes.Timestamp.FromDateTimeOffset(clock.GetUtcNow().AddDays(-daysAgo));
            return new StoredReading(id, reading);
        }
    }

    [Fact]
    public async Task ListReadingsAsync_PageByPage_ShowsEachOnceOldestFirst()
    {
        var id = Guid.NewGuid();
        await _store.WriteAsync(
            [.. Enumerable.Range(1, 25).Reverse().Select(sequence => new StoredReading(id, Readings.Full((ulong)sequence)))], CancellationToken.None);

        var seen = new List<ulong>();
        for (var after = s_first; ;)
        {
            var page = await _history.ListReadingsAsync(id, after, 10, CancellationToken.None);
            if (page.Count == 0)
            {
                break;
            }

            seen.AddRange(page.Select(reading => reading.Sequence));
            after = new ReadingKey(page[^1].At.ToDateTimeOffset(), (long)page[^1].Sequence);
        }

        Assert.Equal(Enumerable.Range(1, 25).Select(sequence => (ulong)sequence), seen);
    }

    [Fact]
    public async Task CreatePartitionAsync_TheDayHasItsOwn_AndTheDefaultKeepsWhatItHas()
    {
        var id = Guid.NewGuid();
        Assert.True(await _store.CreatePartitionAsync(new DateOnly(2031, 5, 6), CancellationToken.None));
        Assert.False(await _store.CreatePartitionAsync(new DateOnly(2031, 5, 6), CancellationToken.None));
        await _store.WriteAsync(
            [
                new StoredReading(id, At("2031-05-05T23:59:59.9Z", 1)), new StoredReading(id, At("2031-05-06T00:00:00Z", 2)),
                new StoredReading(id, At("2031-05-06T23:59:59.9Z", 3)), new StoredReading(id, At("2031-05-07T00:00:00Z", 4)),
            ],
            CancellationToken.None);

        Assert.Equal(
            ["migration_readings_20310506", "migration_readings_20310506", "migration_readings_default", "migration_readings_default"],
            await Fleet.Idle(postgres.DataSource).QueryAsync<string>(
                "SELECT tableoid::regclass::text FROM migration_readings WHERE migration_id = @id ORDER BY 1", new { id }));

        // The default partition has readings of that day: it goes on having them.
        Assert.False(await _store.CreatePartitionAsync(new DateOnly(2031, 5, 7), CancellationToken.None));
        Assert.Equal(4, (await _history.ListReadingsAsync(id, s_first, 10, CancellationToken.None)).Count);
    }

    [Fact]
    public async Task Writer_StoppedInOrder_HasWrittenEverything()
    {
        var id = Guid.NewGuid();
        using var writer = Writer(new MigrationOptions());
        await writer.StartAsync(CancellationToken.None);
        for (var sequence = 1UL; sequence <= 500; sequence++)
        {
            writer.Offer(id, Readings.Full(sequence));
        }

        await writer.StopAsync(CancellationToken.None);

        Assert.Equal(500, (await _history.ListReadingsAsync(id, s_first, 1000, CancellationToken.None)).Count);
        Assert.Equal(0, writer.Dropped);
    }

    [Fact]
    public async Task Writer_QueueFull_CountsWhatIsDroppedAndHoldsNobodyUp()
    {
        using var writer = Writer(new MigrationOptions { ReadingsQueue = 1000 });
        for (var sequence = 1UL; sequence <= 1500; sequence++)
        {
            writer.Offer(Guid.NewGuid(), Readings.Sparse(sequence));
        }

        Assert.Equal(500, writer.Dropped);
        await writer.StartAsync(CancellationToken.None);
        await writer.StopAsync(CancellationToken.None);
    }

    private static Reading At(string at, ulong sequence)
    {
        var reading = Readings.Sparse(sequence);
        reading.At = Google.Protobuf.WellKnownTypes.Timestamp.FromDateTimeOffset(
            DateTimeOffset.Parse(at, System.Globalization.CultureInfo.InvariantCulture));
        return reading;
    }

    private static DatabaseGate Gate(NpgsqlDataSource database) => new(
        database, Options.Create(new DatabaseOptions()), TimeProvider.System, NullLogger<DatabaseGate>.Instance);

    private ReadingWriter Writer(MigrationOptions options) =>
        new(_store, Options.Create(options), TimeProvider.System, NullLogger<ReadingWriter>.Instance);
}
