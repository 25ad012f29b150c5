using System.Globalization;
using Dapper;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Orchestrator.ControlPlane.Database;

/// <summary>
/// A private Postgres server in the data folder: made at the first start, reachable over a Unix socket that only we can open, stopped with
/// us. It is no child of ours: it outlives a control plane that is killed and is taken over by the next one, and a Ctrl-C on the terminal
/// does not reach it before we are done with it.
/// </summary>
internal sealed partial class EmbeddedPostgres(IOptions<DatabaseOptions> options, TimeProvider clock, ILogger<EmbeddedPostgres> logger)
    : IAsyncDisposable
{
    private const string DatabaseName = "orchestrator";

    private static readonly TimeSpan s_watchEvery = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan s_longestPause = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_answerWithin = TimeSpan.FromSeconds(10);

    private readonly EmbeddedPostgresFolders _folders = EmbeddedPostgresFolders.In(options.Value.DataFolderOrDefault);
    private readonly CancellationTokenSource _stopping = new();
    private FileStream? _owner;
    private PrivateServer? _server;
    private Task _watch = Task.CompletedTask;

    public static string ConnectionString(EmbeddedPostgresFolders folders, string database = DatabaseName) =>
        new NpgsqlConnectionStringBuilder { Host = folders.Socket, Username = ClusterFile.User, Database = database }.ConnectionString;

    /// <summary>Makes, takes over or starts the server, and comes back when it answers.</summary>
    /// <exception cref="StartRefusedException">It cannot be had; the message says what to do.</exception>
    public async Task StartAsync(CancellationToken cancellation)
    {
        var version = Path.Combine(_folders.Cluster, "PG_VERSION");
        var user = await ServerUser.FindAsync(File.Exists(version) ? _folders.Cluster : null, cancellation);
        await user.MakeFolderAsync(_folders.Home, cancellation);
        await user.CheckReachableAsync(_folders.Home, cancellation);
        await user.MakeFolderAsync(_folders.Socket, cancellation);
        if (_folders.SocketIsElsewhere)
        {
            LogSocketElsewhere(_folders.Home, _folders.Socket);
        }

        _owner = TakeOwnership();
        int? major = File.Exists(version)
            ? int.Parse((await File.ReadAllTextAsync(version, cancellation)).Trim(), CultureInfo.InvariantCulture)
            : null;
        _server = new PrivateServer(_folders, await PostgresPrograms.FindAsync(major, cancellation), user, clock, logger);
        if (major is null)
        {
            await _server.InitAsync(cancellation);
        }

        var ourName = (await ProgramRun.OfAsync(["id", "-un"], s_answerWithin, cancellation)).Output;
        ClusterFile.WriteSettings(_folders.Cluster, _folders.Socket, ourName);
        if (!await _server.AdoptAsync(cancellation))
        {
            await _server.LaunchPatientlyAsync(cancellation);
        }

        await EnsureDatabaseAsync(_server, cancellation);
        _watch = WatchAsync(_server, _stopping.Token);
    }

    public async Task StopAsync()
    {
        if (_stopping.IsCancellationRequested)
        {
            return;
        }

        await _stopping.CancelAsync();
        await _watch.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (_server is { } server)
        {
            await server.StopAsync();
        }

        _owner?.Dispose();
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _stopping.Dispose();
    }

    // Two control planes on one data folder would each stop the other's server. The lock goes with the process, however it ends.
    private FileStream TakeOwnership()
    {
        try
        {
            var owner = new FileStream(_folders.Owner, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            if (Environment.IsPrivilegedProcess)
            {
                // Whoever may enter the folder may be the next to run from it.
                File.SetUnixFileMode(_folders.Owner, (UnixFileMode)0b_110_110_110);
            }

            return owner;
        }
        catch (Exception taken) when (taken is IOException or UnauthorizedAccessException)
        {
            throw new StartRefusedException(
                $"Another control plane runs with the data folder {options.Value.DataFolderOrDefault}. Stop it, or give this one another "
                + $"Database:DataFolder; to share a database set Database:ConnectionString for both. ({taken.Message})",
                taken);
        }
    }

    private static async Task EnsureDatabaseAsync(PrivateServer server, CancellationToken cancellation)
    {
        await using var connection = await server.ConnectAsync(cancellation);
        var exists = await connection.ExecuteScalarAsync<bool>(new CommandDefinition(
            "SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = @name)",
            new { name = DatabaseName },
            cancellationToken: cancellation));
        if (!exists)
        {
            await connection.ExecuteAsync(new CommandDefinition($"CREATE DATABASE {DatabaseName}", cancellationToken: cancellation));
        }
    }

    private async Task WatchAsync(PrivateServer server, CancellationToken cancellation)
    {
        using var beat = new PeriodicTimer(s_watchEvery, clock);
        var pause = s_watchEvery;
        while (await beat.WaitForNextTickAsync(cancellation))
        {
            if (server.IsAlive)
            {
                continue;
            }

            if (pause == s_watchEvery)
            {
                LogEnded(server.LastWords());
            }

            try
            {
                await server.LaunchAsync(cancellation);
                pause = s_watchEvery;
            }
            catch (Exception failure) when (failure is StartRefusedException or IOException or UnauthorizedAccessException)
            {
                LogNotRestarted(failure.Message, pause);
                await Task.Delay(pause, clock, cancellation);
                pause = pause * 2 < s_longestPause ? pause * 2 : s_longestPause;
            }
        }
    }

    [LoggerMessage(21, LogLevel.Error, "Private Postgres ended without being asked to; starting it again. Its last words: {LastWords}")]
    private partial void LogEnded(string lastWords);

    [LoggerMessage(22, LogLevel.Error, "Private Postgres did not come back: {Problem} Trying again in {Pause}.")]
    private partial void LogNotRestarted(string problem, TimeSpan pause);

    [LoggerMessage(23, LogLevel.Warning, "The path {Home} is too long for a Unix socket; the private database's is in {Socket}.")]
    private partial void LogSocketElsewhere(string home, string socket);
}
