using System.Diagnostics;
using System.Globalization;
using Dapper;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Npgsql;
using Orchestrator.ControlPlane.Database;

namespace Orchestrator.ControlPlane.Tests.Database;

/// <summary>A private Postgres through the things that happen to one. Each test has a data folder of its own.</summary>
public sealed class PrivateServerTests : IAsyncLifetime
{
    private static readonly TimeSpan s_bound = TimeSpan.FromSeconds(60);

    private readonly string _data = Path.Combine(Path.GetTempPath(), $"orchestrator-private-{Guid.NewGuid():N}"[..40]);
    private readonly List<EmbeddedPostgres> _started = [];

    private EmbeddedPostgresFolders Folders => EmbeddedPostgresFolders.In(_data);

    private int ServerPid => int.Parse(File.ReadLines(Folders.PidFile).First(), CultureInfo.InvariantCulture);

    public Task InitializeAsync()
    {
        Directory.CreateDirectory(_data);
        return Task.CompletedTask;
    }

    public async Task DisposeAsync()
    {
        foreach (var server in _started)
        {
            await server.DisposeAsync();
        }

        if (Postmaster.Find(Folders) is { } left)
        {
            Process.GetProcessById(left.Pid).Kill();
        }

        Directory.Delete(_data, recursive: true);
    }

    [Fact]
    public async Task FirstStart_MakesAServerThatKeepsEverythingToItself()
    {
        await StartAsync();

        Assert.Equal("on", await AskAsync<string>("SHOW fsync"));
        Assert.Equal("", await AskAsync<string>("SHOW listen_addresses"));
        Assert.Equal("UTF8", await AskAsync<string>("SHOW server_encoding"));
        Assert.Equal("C", await AskAsync<string>("SELECT datcollate FROM pg_database WHERE datname = current_database()"));
        Assert.Equal("on", await AskAsync<string>("SHOW data_checksums"));
        Assert.Equal(
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Folders.Socket));
        Assert.NotEqual(0, await OwnerOfAsync(ServerPid));
        Assert.True(Folders.Socket.Length < 107);
    }

    [Fact]
    public async Task StopAndStart_KeepsWhatWasWritten_AndLeavesNoProcess()
    {
        var first = await StartAsync();
        await AskAsync<int>("CREATE TABLE kept AS SELECT 42 AS n; SELECT 1");
        var postmaster = Postmaster.Find(Folders);
        await first.StopAsync();
        Assert.False(postmaster?.IsAlive());

        await StartAsync();

        Assert.Equal(42, await AskAsync<int>("SELECT n FROM kept"));
    }

    [Fact]
    public async Task ServerLeftRunning_IsTakenOverWithItsConnections()
    {
        await StartAndKillControlPlaneAsync();
        var pid = ServerPid;
        await using var open = new NpgsqlConnection(ConnectionString());
        await open.OpenAsync();

        await StartAsync();

        Assert.Equal(pid, ServerPid);
        Assert.Equal(1, await open.ExecuteScalarAsync<int>(new CommandDefinition("SELECT 1")));
    }

    [Fact]
    public async Task ServerLeftRunningAndHanging_IsStartedAnew()
    {
        await StartAndKillControlPlaneAsync();
        await AskAsync<int>("CREATE TABLE kept AS SELECT 42 AS n; SELECT 1");
        var pid = ServerPid;

        // It is there and takes connections, which nobody ever answers.
        await ProgramRun.OfAsync(["kill", "-STOP", $"{pid}"], s_bound, CancellationToken.None);

        await StartAsync();

        Assert.NotEqual(pid, ServerPid);
        Assert.Equal(42, await AskAsync<int>("SELECT n FROM kept"));
    }

    [Fact]
    public async Task ServerKilledBefore_PidFileLeft_Starts()
    {
        await StartAndKillControlPlaneAsync();
        await AskAsync<int>("CREATE TABLE kept AS SELECT 42 AS n; SELECT 1");
        var pid = ServerPid;
        await KillAsync(pid);

        await StartAsync();

        Assert.NotEqual(pid, ServerPid);
        Assert.Equal(42, await AskAsync<int>("SELECT n FROM kept"));
    }

    [Fact]
    public async Task PidFileNamesAnotherProcessOfTheSameUser_Starts()
    {
        var server = await StartAsync();
        var lines = await File.ReadAllLinesAsync(Folders.PidFile);
        await server.StopAsync();

        // As after a restart of a container, where small numbers come again: the number is a live process of the server's own user.
        await using var other = await StartOtherAsUserOfAsync(Folders.Cluster);
        lines[0] = other.Pid.ToString(CultureInfo.InvariantCulture);
        await File.WriteAllLinesAsync(Folders.PidFile, lines);

        await StartAsync();

        Assert.NotEqual(other.Pid, ServerPid);
        Assert.Equal(1, await AskAsync<int>("SELECT 1"));
    }

    [Fact]
    public async Task ServerDiesWhileWeRun_ComesBack_AndTheGateLosesNothing()
    {
        await StartAsync();
        await using var source = NpgsqlDataSource.Create(ConnectionString());
        var gate = new DatabaseGate(
            source, Options.Create(new DatabaseOptions { RetryFor = s_bound * 5 }), TimeProvider.System, NullLogger<DatabaseGate>.Instance);
        await gate.RunAsync(
            (connection, token) => connection.ExecuteAsync(new CommandDefinition("CREATE TABLE kept (n integer PRIMARY KEY)")),
            CancellationToken.None);
        var postmaster = Postmaster.Find(Folders);

        for (var n = 0; n < 300; n++)
        {
            if (n == 100)
            {
                await KillAsync(postmaster!.Pid);
            }

            var number = n;
            await gate.RunAsync(
                (connection, token) => connection.ExecuteAsync(new CommandDefinition(
                    "INSERT INTO kept VALUES (@number) ON CONFLICT DO NOTHING", new { number }, cancellationToken: token)),
                CancellationToken.None);
        }

        Assert.False(postmaster?.IsAlive());
        Assert.Equal(300, await AskAsync<int>("SELECT count(*)::int FROM kept"));
    }

    [Fact]
    public async Task RestartInTheMiddleOfACopy_LosesAndDoublesNothing()
    {
        await StartAsync();
        await AskAsync<int>("CREATE TABLE copied (n integer PRIMARY KEY); SELECT 1");
        await using var source = NpgsqlDataSource.Create(ConnectionString());
        var gate = new DatabaseGate(
            source, Options.Create(new DatabaseOptions { RetryFor = s_bound * 5 }), TimeProvider.System, NullLogger<DatabaseGate>.Instance);
        var attempts = 0;

        await gate.RunAsync(
            async (connection, token) =>
            {
                attempts++;
                await using var transaction = await connection.BeginTransactionAsync(token);
                await connection.ExecuteAsync(new CommandDefinition(
                    "CREATE TEMPORARY TABLE arriving (LIKE copied) ON COMMIT DROP", transaction: transaction, cancellationToken: token));
                await using (var copy = await connection.BeginBinaryImportAsync("COPY arriving (n) FROM STDIN (FORMAT BINARY)", token))
                {
                    for (var n = 0; n < 50_000; n++)
                    {
                        if (n == 25_000 && attempts == 1)
                        {
                            // One of its processes killed: the whole server restarts and recovers.
                            await KillAsync(connection.ProcessID);
                        }

                        await copy.StartRowAsync(token);
                        await copy.WriteAsync(n, token);
                    }

                    await copy.CompleteAsync(token);
                }

                await connection.ExecuteAsync(new CommandDefinition(
                    "INSERT INTO copied SELECT n FROM arriving ON CONFLICT DO NOTHING", transaction: transaction, cancellationToken: token));
                await transaction.CommitAsync(token);
            },
            CancellationToken.None);

        Assert.True(attempts > 1);
        Assert.Equal(50_000, await AskAsync<int>("SELECT count(*)::int FROM copied"));
    }

    [Fact]
    public async Task TwoControlPlanesOnOneDataFolder_TheSecondIsRefused()
    {
        await StartAsync();

        var refused = await Assert.ThrowsAsync<StartRefusedException>(() => New().StartAsync(CancellationToken.None));
        Assert.Contains("Another control plane runs", refused.Message, StringComparison.Ordinal);
        Assert.Equal(1, await AskAsync<int>("SELECT 1"));
    }

    [Fact]
    public async Task InitCutOff_IsBegunAnew()
    {
        Directory.CreateDirectory(Folders.UnfinishedCluster);
        await File.WriteAllTextAsync(Path.Combine(Folders.UnfinishedCluster, "PG_VERSION"), "15");

        await StartAsync();

        Assert.Equal(1, await AskAsync<int>("SELECT 1"));
        Assert.False(Directory.Exists(Folders.UnfinishedCluster));
    }

    [Fact]
    public async Task ClusterOfARelease_ThatIsNotInstalled_IsRefusedAndSaysWhatToInstall()
    {
        Directory.CreateDirectory(Folders.Cluster);
        await File.WriteAllTextAsync(Path.Combine(Folders.Cluster, "PG_VERSION"), "12\n");
        await ProgramRun.OfAsync(["chown", "-R", "nobody", _data], s_bound, CancellationToken.None);

        var refused = await Assert.ThrowsAsync<StartRefusedException>(() => New().StartAsync(CancellationToken.None));
        Assert.Contains("Install postgresql-12", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task FolderOnTheWay_ThatTheServersUserCannotEnter_IsNamed()
    {
        if (!Environment.IsPrivilegedProcess)
        {
            // Only root runs the server as somebody else.
            return;
        }

        var closed = Path.Combine(_data, "closed");
        Directory.CreateDirectory(closed, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);

        var refused = await Assert.ThrowsAsync<StartRefusedException>(
            () => New(Path.Combine(closed, "data")).StartAsync(CancellationToken.None));
        Assert.Contains($"cannot enter {closed} on the way", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AsAnOrdinaryUser_RunsTheServerItself()
    {
        var user = await ServerUser.FindAsync(null, CancellationToken.None);
        var data = Path.Combine(_data, "of-a-user");
        Directory.CreateDirectory(data);
        await ProgramRun.OfAsync(["chown", $"{user.Uid}", data], s_bound, CancellationToken.None);

        await RunControlPlaneAsync(data, user.Prefix, control: process =>
        {
            var folders = EmbeddedPostgresFolders.In(data, null);
            Assert.NotNull(Postmaster.Find(folders));
            return Task.CompletedTask;
        });

        Assert.Equal(user.Uid, await ProgramRun.OfAsync(["stat", "-c", "%u", EmbeddedPostgresFolders.In(data).Cluster], s_bound, CancellationToken.None)
            is { Succeeded: true } said ? int.Parse(said.Output, CultureInfo.InvariantCulture) : -1);
    }

    [Fact]
    public async Task DataFolderOfALongPath_PutsTheSocketElsewhere()
    {
        var data = Path.Combine(_data, new string('d', 100));
        var server = New(data);
        await server.StartAsync(CancellationToken.None);

        var folders = EmbeddedPostgresFolders.In(data);
        Assert.True(folders.SocketIsElsewhere);
        await using var connection = new NpgsqlConnection(EmbeddedPostgres.ConnectionString(folders));
        Assert.Equal(1, await connection.ExecuteScalarAsync<int>(new CommandDefinition("SELECT 1")));

        await server.StopAsync();
        Directory.Delete(folders.Socket, recursive: true);
    }

    private EmbeddedPostgres New(string? data = null)
    {
        var server = new EmbeddedPostgres(
            Options.Create(new DatabaseOptions { DataFolder = data ?? _data }), TimeProvider.System, NullLogger<EmbeddedPostgres>.Instance);
        _started.Add(server);
        return server;
    }

    private async Task<EmbeddedPostgres> StartAsync()
    {
        var server = New();
        await server.StartAsync(CancellationToken.None);
        return server;
    }

    /// <summary>A whole control plane that is killed as soon as it serves: its server goes on, and nobody watches it.</summary>
    private Task StartAndKillControlPlaneAsync() => RunControlPlaneAsync(_data, [], process =>
    {
        process.Kill();
        return Task.CompletedTask;
    });

    /// <summary>A control plane in a process of its own; told to stop when it still runs at the end.</summary>
    private static async Task RunControlPlaneAsync(string data, IReadOnlyList<string> prefix, Func<Process, Task> control)
    {
        string[] command =
        [
            .. prefix, "dotnet", Path.Combine(AppContext.BaseDirectory, "Orchestrator.ControlPlane.dll"), $"--Database:DataFolder={data}",
            "--Listen:Address=http://127.0.0.1:0",
        ];
        using var process = Process.Start(new ProcessStartInfo(command[0], command.Skip(1)) { RedirectStandardOutput = true })
            ?? throw new InvalidOperationException();
        try
        {
            var said = "";
            while (!said.Contains("Application started", StringComparison.Ordinal))
            {
                said = await process.StandardOutput.ReadLineAsync().WaitAsync(s_bound) ?? throw new InvalidOperationException($"Ended. {said}");
            }

            await control(process);
        }
        finally
        {
            if (!process.HasExited)
            {
                await ProgramRun.OfAsync(["kill", "-TERM", $"{process.Id}"], s_bound, CancellationToken.None);
            }

            await process.WaitForExitAsync().WaitAsync(s_bound);
        }
    }

    private string ConnectionString() =>
        new NpgsqlConnectionStringBuilder(EmbeddedPostgres.ConnectionString(Folders)) { Pooling = false }.ConnectionString;

    private async Task<T?> AskAsync<T>(string sql)
    {
        await using var connection = new NpgsqlConnection(ConnectionString());
        await connection.OpenAsync();
        return await connection.ExecuteScalarAsync<T>(new CommandDefinition(sql));
    }

    private static Task<ProgramRun> KillAsync(int pid) => ProgramRun.OfAsync(["kill", "-KILL", $"{pid}"], s_bound, CancellationToken.None);

    private static async Task<int> OwnerOfAsync(int pid) => int.Parse(
        (await ProgramRun.OfAsync(["stat", "-c", "%u", $"/proc/{pid}"], s_bound, CancellationToken.None)).Output, CultureInfo.InvariantCulture);

    private static async Task<OtherProcess> StartOtherAsUserOfAsync(string cluster)
    {
        var user = await ServerUser.FindAsync(cluster, CancellationToken.None);
        string[] command = [.. user.Prefix, "sleep", "600"];
        return new OtherProcess(Process.Start(new ProcessStartInfo(command[0], command.Skip(1))) ?? throw new InvalidOperationException());
    }

    private sealed class OtherProcess(Process process) : IAsyncDisposable
    {
        public int Pid => process.Id;

        public async ValueTask DisposeAsync()
        {
            process.Kill();
            await process.WaitForExitAsync();
            process.Dispose();
        }
    }
}
