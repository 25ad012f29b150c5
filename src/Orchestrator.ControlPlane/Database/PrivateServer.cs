using Npgsql;

namespace Orchestrator.ControlPlane.Database;

/// <summary>The server of one private cluster: made, found, launched, stopped. When, says <see cref="EmbeddedPostgres"/>.</summary>
internal sealed partial class PrivateServer(
    EmbeddedPostgresFolders folders, PostgresPrograms programs, ServerUser user, TimeProvider clock, ILogger logger)
{
    private static readonly TimeSpan s_initLimit = TimeSpan.FromMinutes(5);

    // A crash recovery reads the write-ahead log of at most a few GiB.
    private static readonly TimeSpan s_startLimit = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan s_fastStopLimit = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan s_immediateStopLimit = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_lookAgainAfter = TimeSpan.FromMilliseconds(500);

    private Postmaster? _postmaster;

    public bool IsAlive => _postmaster?.IsAlive() == true;

    /// <exception cref="StartRefusedException">initdb failed; the message has its words.</exception>
    public async Task InitAsync(CancellationToken cancellation)
    {
        LogMaking(programs.Version, folders.Cluster);
        var began = clock.GetTimestamp();
        if (Directory.Exists(folders.UnfinishedCluster))
        {
            Directory.Delete(folders.UnfinishedCluster, recursive: true);
        }

        var made = await user.RunAsync(
            [
                programs.InitDb, "-D", folders.UnfinishedCluster, "-U", ClusterFile.User, "--auth-local=peer", "--auth-host=reject",
                "-E", "UTF8", "--no-locale", "--data-checksums", "--no-instructions",
            ],
            s_initLimit,
            cancellation);
        if (!made.Succeeded)
        {
            throw new StartRefusedException($"The private database could not be made in {folders.Cluster}. initdb said: {made.Output}");
        }

        ClusterFile.IncludeSettings(folders.UnfinishedCluster);

        // An initdb that was cut off never looks like a cluster.
        Directory.Move(folders.UnfinishedCluster, folders.Cluster);
        LogMade(clock.GetElapsedTime(began).TotalSeconds);
    }

    /// <summary>Takes over a server that an earlier control plane left running; one that does not answer is stopped.</summary>
    /// <returns>False when there is none to take over.</returns>
    public async Task<bool> AdoptAsync(CancellationToken cancellation)
    {
        _postmaster = Postmaster.Find(folders);
        if (_postmaster is null)
        {
            return false;
        }

        if (Postmaster.SocketOf(folders) == folders.Socket && await AnswersAsync(_postmaster, cancellation))
        {
            await user.RunAsync([programs.PgCtl, "reload", "-s", "-D", folders.Cluster], s_fastStopLimit, cancellation);
            LogAdopted(_postmaster.Pid);
            return true;
        }

        LogNotAnswering(_postmaster.Pid);
        await StopAsync();
        return false;
    }

    /// <summary>The processes of a server whose first one was killed need a moment to notice; until then a new one refuses to start.</summary>
    /// <exception cref="StartRefusedException">It did not start; the message has its last words.</exception>
    public async Task LaunchPatientlyAsync(CancellationToken cancellation)
    {
        var began = clock.GetTimestamp();
        while (true)
        {
            try
            {
                await LaunchAsync(cancellation);
                return;
            }
            catch (StartRefusedException refused) when (
                refused.Message.Contains("shared memory block", StringComparison.Ordinal) && clock.GetElapsedTime(began) < s_fastStopLimit)
            {
                await Task.Delay(s_lookAgainAfter, clock, cancellation);
            }
        }
    }

    /// <exception cref="StartRefusedException">It did not start; the message has its last words.</exception>
    public async Task LaunchAsync(CancellationToken cancellation)
    {
        if (Postmaster.DisownStalePid(folders))
        {
            LogStalePid(folders.PidFile);
        }

        // In /tmp somebody may have cleared it away.
        await user.MakeFolderAsync(folders.Socket, cancellation);

        // The folder is ours alone and no server of ours is alive, so a socket there has no owner. Its lock file has a process number too,
        // which may be somebody else's by now.
        foreach (var left in Directory.EnumerateFiles(folders.Socket))
        {
            File.Delete(left);
        }

        File.Delete(folders.StartLog);
        var began = clock.GetTimestamp();
        var started = await user.RunAsync(
            [
                programs.PgCtl, "start", "-s", "-w", "-t", $"{(int)s_startLimit.TotalSeconds}", "-D", folders.Cluster, "-l",
                folders.StartLog,
            ],
            s_startLimit + s_fastStopLimit,
            cancellation);
        _postmaster = Postmaster.Find(folders);
        if (!started.Succeeded || _postmaster is null)
        {
            throw new StartRefusedException(
                $"The private database in {folders.Cluster} did not start. {started.Output} Last words: {LastWords()}. "
                + $"Its logs are in {folders.ServerLogs}.");
        }

        LogStarted(programs.Version, _postmaster.Pid, clock.GetElapsedTime(began).TotalSeconds, folders.Socket);
    }

    public async Task StopAsync()
    {
        if (_postmaster is not { } postmaster || !postmaster.IsAlive())
        {
            return;
        }

        foreach (var (mode, limit) in new[] { ("fast", s_fastStopLimit), ("immediate", s_immediateStopLimit) })
        {
            var stopped = await user.RunAsync(
                [programs.PgCtl, "stop", "-s", "-w", "-t", $"{(int)limit.TotalSeconds}", "-m", mode, "-D", folders.Cluster],
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
            await Task.Delay(s_lookAgainAfter, clock);
        }
    }

    /// <summary>The end of whichever of its logs is the newest.</summary>
    public string LastWords()
    {
        const int Lines = 3;
        var logs = Directory.Exists(folders.ServerLogs) ? Directory.GetFiles(folders.ServerLogs) : [];
        var newest = logs.Append(folders.StartLog).Where(File.Exists).MaxBy(File.GetLastWriteTimeUtc);
        return newest is null ? "none" : string.Join(" | ", File.ReadLines(newest).TakeLast(Lines));
    }

    /// <summary>A connection of its own to the database that every cluster has.</summary>
    public async Task<NpgsqlConnection> ConnectAsync(CancellationToken cancellation)
    {
        var connection = new NpgsqlConnection(
            new NpgsqlConnectionStringBuilder(EmbeddedPostgres.ConnectionString(folders, "postgres")) { Pooling = false, Timeout = 5 }
                .ConnectionString);
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
                await Task.Delay(s_lookAgainAfter, clock, cancellation);
            }
            catch (NpgsqlException)
            {
                return false;
            }
        }

        return false;
    }

    [LoggerMessage(1, LogLevel.Information, "Making a private Postgres {Version} in {Cluster}; it takes a few seconds, once.")]
    private partial void LogMaking(string version, string cluster);

    [LoggerMessage(2, LogLevel.Information, "Private Postgres made in {Seconds:0.0} s.")]
    private partial void LogMade(double seconds);

    [LoggerMessage(3, LogLevel.Information, "Private Postgres {Version} runs as process {Pid} after {Seconds:0.0} s; socket in {Socket}.")]
    private partial void LogStarted(string version, int pid, double seconds, string socket);

    [LoggerMessage(4, LogLevel.Information, "Private Postgres, process {Pid}, was left by an earlier control plane; taking it over.")]
    private partial void LogAdopted(int pid);

    [LoggerMessage(5, LogLevel.Warning, "Private Postgres, process {Pid}, was left running and does not answer; starting it anew.")]
    private partial void LogNotAnswering(int pid);

    [LoggerMessage(6, LogLevel.Warning, "{PidFile} names a process that is not this server; the server it was written by is gone.")]
    private partial void LogStalePid(string pidFile);

    [LoggerMessage(7, LogLevel.Information, "Private Postgres stopped ({Mode}).")]
    private partial void LogStopped(string mode);

    [LoggerMessage(8, LogLevel.Warning, "Private Postgres did not stop ({Mode}): {Problem}")]
    private partial void LogNotStopped(string mode, string problem);
}
