using System.Collections.Concurrent;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Orchestrator.ControlPlane.Database.Notifications;
using Orchestrator.TestPostgres;

namespace Orchestrator.ControlPlane.Tests.Database;

public sealed class NotificationSenderTests(PostgresFixture postgres) : IClassFixture<PostgresFixture>, IDisposable
{
    private readonly CancellationTokenSource _patience = new(TimeSpan.FromSeconds(60));

    public void Dispose() => _patience.Dispose();

    [Fact]
    public async Task Send_ManyFromManySides_AllAreHeard()
    {
        var sender = new NotificationSender(postgres.DataSource, TimeProvider.System, NullLogger.Instance);
        await using var listener = await postgres.DataSource.OpenConnectionAsync(_patience.Token);
        var heard = new ConcurrentDictionary<string, int>();
        listener.Notification += (_, told) => heard.AddOrUpdate($"{told.Channel} {told.Payload}", 1, (_, times) => times + 1);
        await ListenAsync(listener);

        var sent = Enumerable.Range(0, 300).Select(number => (Channel: number % 2 == 0 ? "migration" : "queue", Payload: $"{number}")).ToList();
        await Parallel.ForEachAsync(sent, _patience.Token, (notification, _) =>
        {
            sender.Send(notification.Channel, notification.Payload);
            return ValueTask.CompletedTask;
        });

        while (heard.Count < sent.Count)
        {
            await listener.WaitAsync(_patience.Token);
        }

        Assert.Equal(sent.Select(notification => $"{notification.Channel} {notification.Payload}").Order(), heard.Keys.Order());
    }

    [Fact]
    public async Task Send_WhileTheDatabaseRefuses_IsHeardLater()
    {
        // A pool of one whose connection somebody has: the first attempts find none in time.
        var scarce = new NpgsqlConnectionStringBuilder(postgres.ConnectionString) { MaxPoolSize = 1, Timeout = 1 };
        await using var database = NpgsqlDataSource.Create(scarce);
        var sender = new NotificationSender(database, TimeProvider.System, NullLogger.Instance);
        await using var listener = await postgres.DataSource.OpenConnectionAsync(_patience.Token);
        List<string> heard = [];
        listener.Notification += (_, told) => heard.Add(told.Payload);
        await ListenAsync(listener);

        await using (var taken = await database.OpenConnectionAsync(_patience.Token))
        {
            sender.Send("queue", "late");
            Assert.False(await listener.WaitAsync(TimeSpan.FromSeconds(2), _patience.Token));
        }

        await listener.WaitAsync(_patience.Token);
        Assert.Equal(["late"], heard);
    }

    private async Task ListenAsync(NpgsqlConnection listener)
    {
        await using var command = new NpgsqlCommand("LISTEN migration; LISTEN queue", listener);
        await command.ExecuteNonQueryAsync(_patience.Token);
    }
}
