using Microsoft.Extensions.Options;
using Npgsql;
using Orchestrator.ControlPlane.Database.Notifications;

namespace Orchestrator.ControlPlane.Database;

/// <summary>
/// Opens connections for idempotent work and repeats the work while the database restarts, fails over or is out of reach for a moment.
/// </summary>
/// <remarks>
/// A connection that breaks leaves open whether its last statement was committed. So the work must be of a kind where doing it twice
/// leaves what doing it once leaves: a read; an insert with ON CONFLICT DO NOTHING; an update that names the value and not a difference;
/// a COPY into a temporary table followed by such an insert, in one transaction. What was not acknowledged is done again, hence a
/// restart in the middle of it loses nothing.
/// </remarks>
internal sealed partial class DatabaseGate(
    NpgsqlDataSource database, IOptions<DatabaseOptions> options, TimeProvider clock, ILogger<DatabaseGate> logger)
{
    private static readonly TimeSpan s_firstPause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan s_longestPause = TimeSpan.FromSeconds(1);

    /// <summary>For who has committed something that others wait for.</summary>
    public NotificationSender Notifications { get; } = new(database, clock, logger);

    /// <param name="idempotent">Is given a fresh connection each time; opens and commits its own transaction when it needs one.</param>
    /// <exception cref="NpgsqlException">Not transient, or still failing after <see cref="DatabaseOptions.RetryFor"/>.</exception>
    public async Task<T> RunAsync<T>(Func<NpgsqlConnection, CancellationToken, Task<T>> idempotent, CancellationToken cancellation)
    {
        var began = clock.GetTimestamp();
        var pause = s_firstPause;
        while (true)
        {
            try
            {
                await using var connection = await database.OpenConnectionAsync(cancellation);
                return await idempotent(connection, cancellation);
            }
            catch (NpgsqlException failure)
                when (IsTransient(failure) && !cancellation.IsCancellationRequested && clock.GetElapsedTime(began) < options.Value.RetryFor)
            {
                LogRetrying(failure.Message, pause);
            }

            await Task.Delay(pause, clock, cancellation);
            pause = pause * 2 < s_longestPause ? pause * 2 : s_longestPause;
        }
    }

    public Task RunAsync(Func<NpgsqlConnection, CancellationToken, Task> idempotent, CancellationToken cancellation) => RunAsync(
        async (connection, token) =>
        {
            await idempotent(connection, token);
            return true;
        },
        cancellation);

    /// <summary>True when the same work may succeed in a moment: the server restarts, the link broke, a deadlock was resolved.</summary>
    public static bool IsTransient(NpgsqlException failure) => failure switch
    {
        PostgresException { SqlState: PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.CrashShutdown } => true,

        // Shared memory of a crashed server is being cleared away, or a restored one is read-only until it is promoted.
        PostgresException { SqlState: PostgresErrorCodes.CannotConnectNow or PostgresErrorCodes.ReadOnlySqlTransaction } => true,
        PostgresException postgres => postgres.IsTransient,
        _ => failure.IsTransient,
    };

    [LoggerMessage(1, LogLevel.Warning, "The database failed for the moment ({Problem}); trying again in {Pause}.")]
    private partial void LogRetrying(string problem, TimeSpan pause);
}
