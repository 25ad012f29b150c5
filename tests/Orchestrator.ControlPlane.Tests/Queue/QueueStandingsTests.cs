using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Orchestrator.ControlPlane.Database;
using Orchestrator.ControlPlane.Placement;
using Orchestrator.ControlPlane.Queue;
using Orchestrator.ControlPlane.Tests.Migrations;
using Orchestrator.TestPostgres;

namespace Orchestrator.ControlPlane.Tests.Queue;

/// <summary>How often the queue is looked at for those who only ask.</summary>
public sealed class QueueStandingsTests(PostgresFixture postgres) : IClassFixture<PostgresFixture>, IAsyncLifetime, IDisposable
{
    private static readonly DateTimeOffset s_whatIsNewer = DateTimeOffset.MaxValue;

    private readonly SlowClock _clock = new();
    private Fleet _fleet = null!;
    private QueueStandings _standings = null!;

    public Task InitializeAsync()
    {
        _fleet = Fleet.Idle(postgres.DataSource);
        var gate = new DatabaseGate(
            postgres.DataSource, Options.Create(new DatabaseOptions()), TimeProvider.System, NullLogger<DatabaseGate>.Instance);
        var reader = new QueueReader(new FleetStore(gate, _fleet.Agents, _fleet.Clock), _fleet.Clock);
        _standings = new QueueStandings(gate, _fleet.Limits, reader, _clock);
        return Task.CompletedTask;
    }

    public Task DisposeAsync() => _fleet.DisposeAsync().AsTask();

    public void Dispose() => _standings.Dispose();

    [Fact]
    public async Task ShortLook_HoldsForASecond_AndOnlyForWhatItShows()
    {
        var first = await ReadAsync(null);
        Assert.Same(first, await ReadAsync(null));
        var second = await ReadAsync(s_whatIsNewer);
        Assert.NotSame(first, second);
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.NotSame(second, await ReadAsync(null));
    }

    [Fact]
    public async Task LongLook_HoldsForTenTimesWhatItTook_AndForWhatIsNewerToo()
    {
        _clock.EachLookAt = TimeSpan.FromMilliseconds(300);
        var first = await ReadAsync(null);
        _clock.EachLookAt = TimeSpan.Zero;

        _clock.Advance(TimeSpan.FromSeconds(2));
        Assert.Same(first, await ReadAsync(s_whatIsNewer));
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.NotSame(first, await ReadAsync(null));
    }

    [Fact]
    public async Task LongLookUnderWay_TheOthersGoOnWithTheLast_UnlessThatIsTooOld()
    {
        _clock.EachLookAt = TimeSpan.FromMilliseconds(300);
        var first = await ReadAsync(null);
        _clock.EachLookAt = TimeSpan.Zero;
        _clock.Advance(TimeSpan.FromSeconds(5));
        await using var connection = await postgres.DataSource.OpenConnectionAsync();
        await using var transaction = await connection.BeginTransactionAsync();
        await using var locked = new Npgsql.NpgsqlCommand("LOCK TABLE admission_limits IN ACCESS EXCLUSIVE MODE", connection, transaction);
        await locked.ExecuteNonQueryAsync();

        var looking = ReadAsync(null);
        Assert.Same(first, await ReadAsync(null));
        _clock.Advance(TimeSpan.FromSeconds(11));
        var waiting = ReadAsync(null);
        Assert.False(looking.IsCompleted || waiting.IsCompleted);

        await transaction.CommitAsync();
        Assert.NotSame(first, await looking);
        Assert.NotSame(first, await waiting);
    }

    private Task<QueueView> ReadAsync(DateTimeOffset? since) => _standings.ReadAsync(since, CancellationToken.None);

    /// <summary>Time passes when it is looked at.</summary>
    private sealed class SlowClock : TimeProvider
    {
        private long _ticks = TimeSpan.TicksPerHour;

        public TimeSpan EachLookAt { get; set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Interlocked.Add(ref _ticks, EachLookAt.Ticks);

        public void Advance(TimeSpan by) => Interlocked.Add(ref _ticks, by.Ticks);
    }
}
