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

    private static readonly TimeSpan s_initLimit = TimeSpan.FromMinutes(5);

    // A crash recovery reads the write-ahead log of at most a few GiB.
    private static readonly TimeSpan s_startLimit = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan s_fastStopLimit = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan s_immediateStopLimit = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_watchEvery = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan s_longestPause = TimeSpan.FromSeconds(10);

    private readonly EmbeddedPostgresFolders _folders = EmbeddedPostgresFolders.In(options.Value.DataFolderOrDefault);
    private readonly CancellationTokenSource _stopping = new();
    private FileStream? _owner;
    private Running? _running;
    private Task _watch = Task.CompletedTask;

    public static string ConnectionString(EmbeddedPostgresFolders folders, string database = DatabaseName) =>
        new NpgsqlConnectionStringBuilder { Host = folders.Socket, Username = ClusterFile.User, Database = database }.ConnectionString;

    /// <summary>Makes, takes over or starts the server, and comes back when it answers.</summary>
    /// <exception cref="StartRefusedException">It cannot be had; the message says what to do.</exception>
    public async Task StartAsync(CancellationToken cancellation)
    {
        var exists = File.Exists(Path.Combine(_folders.Cluster, "PG_VERSION"));
        var user = await ServerUser.FindAsync(exists ? _folders.Cluster : null, cancellation);
        await user.MakeFolderAsync(_folders.Home, cancellation);
        await user.CheckReachableAsync(_folders.Home, cancellation);
        await user.MakeFolderAsync(_folders.Socket, cancellation);
        if (_folders.SocketIsElsewhere)
        {
            LogSocketElsewhere(_folders.Home, _folders.Socket);
        }

        _owner = TakeOwnership();
        exists = File.Exists(Path.Combine(_folders.Cluster, "PG_VERSION"));
        var programs = await PostgresPrograms.FindAsync(exists ? await MajorAsync(cancellation) : null, cancellation);
        var running = new Running(programs, user);
        if (!exists)
        {
            await InitAsync(running, cancellation);
        }

        var ourName = (await ProgramRun.OfAsync(["id", "-un"], s_fastStopLimit, cancellation)).Output;
        ClusterFile.WriteSettings(_folders.Cluster, _folders.Socket, ourName);
        if (!await AdoptAsync(running, cancellation))
        {
            await LaunchPatientlyAsync(running, cancellation);
        }

        _running = running;
        await EnsureDatabaseAsync(cancellation);
        _watch = WatchAsync(running, _stopping.Token);
    }

    public async Task StopAsync()
    {
        if (_stopping.IsCancellationRequested)
        {
            return;
        }

        await _stopping.CancelAsync();
        await _watch.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (_running is { } running)
        {
            await StopServerAsync(running);
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

    private async Task<int> MajorAsync(CancellationToken cancellation) => int.Parse(
        (await File.ReadAllTextAsync(Path.Combine(_folders.Cluster, "PG_VERSION"), cancellation)).Trim(), CultureInfo.InvariantCulture);

    private async Task InitAsync(Running running, CancellationToken cancellation)
    {
        LogMaking(running.Programs.Version, _folders.Cluster);
        var began = clock.GetTimestamp();
        if (Directory.Exists(_folders.UnfinishedCluster))
        {
            Directory.Delete(_folders.UnfinishedCluster, recursive: true);
        }

        var made = await running.User.RunAsync(
            [
                running.Programs.InitDb, "-D", _folders.UnfinishedCluster, "-U", ClusterFile.User, "--auth-local=peer", "--auth-host=reject",
                "-E", "UTF8", "--no-locale", "--data-checksums", "--no-instructions",
            ],
            s_initLimit,
            cancellation);
        if (!made.Succeeded)
        {
            throw new StartRefusedException($"The private database could not be made in {_folders.Cluster}. initdb said: {made.Output}");
        }

        ClusterFile.IncludeSettings(_folders.UnfinishedCluster);

        // An initdb that was cut off never looks like a cluster.
        Directory.Move(_folders.UnfinishedCluster, _folders.Cluster);
        LogMade(clock.GetElapsedTime(began).TotalSeconds);
    }

    /// <summary>Takes over a server that an earlier control plane left running.</summary>
    private async Task<bool> AdoptAsync(Running running, CancellationToken cancellation)
    {
        if (Postmaster.Find(_folders) is not { } postmaster)
        {
            return false;
        }

        if (Postmaster.SocketOf(_folders) == _folders.Socket && await AnswersAsync(postmaster, cancellation))
        {
            running.Postmaster = postmaster;
            await running.User.RunAsync([running.Programs.PgCtl, "reload", "-s", "-D", _folders.Cluster], s_fastStopLimit, cancellation);
            LogAdopted(postmaster.Pid);
            return true;
        }

        LogNotAnswering(postmaster.Pid);
        running.Postmaster = postmaster;
        await StopServerAsync(running);
        return false;
    }

    /// <summary>Waits for as long as the server says that it is not ready yet, as one that recovers from a crash does.</summary>
    private async Task<bool> AnswersAsync(Postmaster postmaster, CancellationToken cancellation)
    {
        var began = clock.GetTimestamp();
        while (postmaster.IsAlive() && clock.GetElapsedTime(began) < s_startLimit)
        {
            try
            {
                await using var connection = await ConnectAsync(cancellation);
                return true;
            }
            catch (PostgresException notYet) when (notYet.SqlState == PostgresErrorCodes.CannotConnectNow)
            {
                await Task.Delay(s_watchEvery, clock, cancellation);
            }
            catch (NpgsqlException)
            {
                return false;
            }
        }

        return false;
    }

    /// <summary>The processes of a server whose first one was killed need a moment to notice; until then Postgres refuses to start.</summary>
    private async Task LaunchPatientlyAsync(Running running, CancellationToken cancellation)
    {
        var began = clock.GetTimestamp();
        while (true)
        {
            try
            {
                await LaunchAsync(running, cancellation);
                return;
            }
            catch (StartRefusedException refused) when (
                refused.Message.Contains("shared memory block", StringComparison.Ordinal) && clock.GetElapsedTime(began) < s_fastStopLimit)
            {
                await Task.Delay(s_watchEvery, clock, cancellation);
            }
        }
    }

    private async Task LaunchAsync(Running running, CancellationToken cancellation)
    {
        if (Postmaster.DisownStalePid(_folders))
        {
            LogStalePid(_folders.PidFile);
        }

        // In /tmp somebody may have cleared it away.
        await running.User.MakeFolderAsync(_folders.Socket, cancellation);

        // The folder is ours alone and no server of ours is alive, so a socket there has no owner. Its lock file has a process number too.
        foreach (var left in Directory.EnumerateFiles(_folders.Socket))
        {
            File.Delete(left);
        }

        File.Delete(_folders.StartLog);
        var began = clock.GetTimestamp();
        var started = await running.User.RunAsync(
            [
                running.Programs.PgCtl, "start", "-s", "-w", "-t", $"{(int)s_startLimit.TotalSeconds}", "-D", _folders.Cluster, "-l",
                _folders.StartLog,
            ],
            s_startLimit + s_fastStopLimit,
            cancellation);
        running.Postmaster = Postmaster.Find(_folders);
        if (!started.Succeeded || running.Postmaster is null)
        {
            throw new StartRefusedException(
                $"The private database in {_folders.Cluster} did not start. {started.Output} Last words: {LastWords()}. Its logs are in {_folders.ServerLogs}.");
        }

        LogStarted(running.Programs.Version, running.Postmaster.Pid, clock.GetElapsedTime(began).TotalSeconds, _folders.Socket);
    }

    private string LastWords()
    {
        const int Lines = 3;
        var logs = Directory.Exists(_folders.ServerLogs) ? Directory.GetFiles(_folders.ServerLogs) : [];
        var newest = logs.Append(_folders.StartLog).Where(File.Exists).MaxBy(File.GetLastWriteTimeUtc);
        return newest is null ? "none" : string.Join(" | ", File.ReadLines(newest).TakeLast(Lines));
    }

    private Task<NpgsqlConnection> ConnectAsync(CancellationToken cancellation) => OpenAsync(
        new NpgsqlConnectionStringBuilder(ConnectionString(_folders, "postgres")) { Pooling = false, Timeout = 5 }.ConnectionString, cancellation);

    private static async Task<NpgsqlConnection> OpenAsync(string connectionString, CancellationToken cancellation)
    {
        var connection = new NpgsqlConnection(connectionString);
        try
        {
            await connection.OpenAsync(cancellation);
            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    private async Task EnsureDatabaseAsync(CancellationToken cancellation)
    {
        await using var connection = await ConnectAsync(cancellation);
        var exists = await connection.ExecuteScalarAsync<bool>(new CommandDefinition(
            "SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = @name)", new { name = DatabaseName }, cancellationToken: cancellation));
        if (!exists)
        {
            await connection.ExecuteAsync(new CommandDefinition($"CREATE DATABASE {DatabaseName}", cancellationToken: cancellation));
        }
    }

    private async Task WatchAsync(Running running, CancellationToken cancellation)
    {
        using var beat = new PeriodicTimer(s_watchEvery, clock);
        var pause = s_watchEvery;
        while (await beat.WaitForNextTickAsync(cancellation))
        {
            if (running.Postmaster is { } postmaster && postmaster.IsAlive())
            {
                continue;
            }

            if (pause == s_watchEvery)
            {
                LogEnded(LastWords());
            }

            try
            {
                await LaunchAsync(running, cancellation);
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

    private async Task StopServerAsync(Running running)
    {
        if (running.Postmaster is not { } postmaster || !postmaster.IsAlive())
        {
            return;
        }

        foreach (var (mode, limit) in new[] { ("fast", s_fastStopLimit), ("immediate", s_immediateStopLimit) })
        {
            var stopped = await running.User.RunAsync(
                [running.Programs.PgCtl, "stop", "-s", "-w", "-t", $"{(int)limit.TotalSeconds}", "-m", mode, "-D", _folders.Cluster],
                limit * 2,
                CancellationToken.None);
            if (!postmaster.IsAlive())
            {
                LogStopped(mode);
                return;
            }

            LogNotStopped(mode, stopped.Output);
        }

        // Nothing that was acknowledged is lost by it: the next start recovers.
        await ProgramRun.OfAsync(["kill", "-KILL", $"{postmaster.Pid}"], s_immediateStopLimit, CancellationToken.None);
        var began = clock.GetTimestamp();
        while (postmaster.IsAlive() && clock.GetElapsedTime(began) < s_immediateStopLimit)
        {
            await Task.Delay(s_watchEvery, clock);
        }
    }

    [LoggerMessage(1, LogLevel.Information, "Making a private Postgres {Version} in {Cluster}; it takes a few seconds, once.")]
    private partial void LogMaking(string version, string cluster);

    [LoggerMessage(2, LogLevel.Information, "Private Postgres made in {Seconds:0.0} s.")]
    private partial void LogMade(double seconds);

    [LoggerMessage(3, LogLevel.Information, "Private Postgres {Version} runs as process {Pid} after {Seconds:0.0} s; its socket is in {Socket}.")]
    private partial void LogStarted(string version, int pid, double seconds, string socket);

    [LoggerMessage(4, LogLevel.Information, "Private Postgres, process {Pid}, was left running by an earlier control plane; taking it over.")]
    private partial void LogAdopted(int pid);

    [LoggerMessage(5, LogLevel.Warning, "Private Postgres, process {Pid}, was left running and does not answer; starting it anew.")]
    private partial void LogNotAnswering(int pid);

    [LoggerMessage(6, LogLevel.Warning, "{PidFile} names a process that is not this server; the server it was written by is gone.")]
    private partial void LogStalePid(string pidFile);

    [LoggerMessage(7, LogLevel.Error, "Private Postgres ended without being asked to; starting it again. Its last words: {LastWords}")]
    private partial void LogEnded(string lastWords);

    [LoggerMessage(8, LogLevel.Error, "Private Postgres did not come back: {Problem} Trying again in {Pause}.")]
    private partial void LogNotRestarted(string problem, TimeSpan pause);

    [LoggerMessage(9, LogLevel.Information, "Private Postgres stopped ({Mode}).")]
    private partial void LogStopped(string mode);

    [LoggerMessage(10, LogLevel.Warning, "Private Postgres did not stop ({Mode}): {Problem}")]
    private partial void LogNotStopped(string mode, string problem);

    [LoggerMessage(11, LogLevel.Warning, "The path {Home} is too long for a Unix socket; the private database's is in {Socket}.")]
    private partial void LogSocketElsewhere(string home, string socket);

    private sealed class Running(PostgresPrograms programs, ServerUser user)
    {
        public PostgresPrograms Programs { get; } = programs;

        public ServerUser User { get; } = user;

        public Postmaster? Postmaster { get; set; }
    }
}
