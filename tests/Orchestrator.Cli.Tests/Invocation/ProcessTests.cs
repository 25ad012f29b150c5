using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using Orchestrator.Cli.Tests.Scripted;
using Orchestrator.V1;

namespace Orchestrator.Cli.Tests.Invocation;

/// <summary>The program as a process of its own: its streams, its exit codes, its signals.</summary>
public sealed partial class ProcessTests : IAsyncLifetime
{
    private const int Sigint = 2;
    private const int Sigterm = 15;

    private ScriptedServer _server = null!;

    public async Task InitializeAsync() => _server = await ScriptedServer.StartAsync();

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Theory]
    [InlineData(Sigint)]
    [InlineData(Sigterm)]
    public async Task Signal_DuringMigrate_SaysThatItGoesOnAndLeavesWith130(int signal)
    {
        _server.On<StartMigrationRequest, StartMigrationResponse>(_ => new StartMigrationResponse { Migration = Sample.Migration() });
        _server.On<ListDecisionsRequest, ListDecisionsResponse>(_ => new ListDecisionsResponse());
        _server.OnStream<WatchMigrationRequest, WatchMigrationResponse>(async (_, stream, cancellation) =>
        {
            await stream.WriteAsync(new WatchMigrationResponse { Happening = Sample.Happening(Sample.Migration()) }, cancellation);
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellation);
        });
        using var migctl = Start("migrate", "web-1", "h2");
        try
        {
            var first = await migctl.StandardOutput.ReadLineAsync().WaitAsync(Migctl.Bound);
            Assert.Contains("copying", first, StringComparison.Ordinal);
            Assert.Equal(0, Kill(migctl.Id, signal));
            await migctl.WaitForExitAsync().WaitAsync(Migctl.Bound);
        }
        finally
        {
            migctl.Kill();
        }

        Assert.Equal(130, migctl.ExitCode);
        Assert.Contains("The migration goes on.", await migctl.StandardError.ReadToEndAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ReaderLeaves_TheWatchEnds()
    {
        var reading = 0UL;
        _server.On<ListMigrationsRequest, ListMigrationsResponse>(_ => new ListMigrationsResponse());
        _server.OnStream<WatchMigrationsRequest, WatchMigrationsResponse>(async (_, stream, cancellation) =>
        {
            using var beat = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
            do
            {
                await stream.WriteAsync(
                    new WatchMigrationsResponse { Happening = Sample.Happening(Sample.Reading(++reading, reading, 100, (uint)reading)) }, cancellation);
            }
            while (await beat.WaitForNextTickAsync(cancellation));
        });
        using var migctl = Start("watch", "-o", "json");
        try
        {
            Assert.NotNull(await migctl.StandardOutput.ReadLineAsync().WaitAsync(Migctl.Bound));
            migctl.StandardOutput.Close();
            await migctl.WaitForExitAsync().WaitAsync(Migctl.Bound);
        }
        finally
        {
            migctl.Kill();
        }

        Assert.Equal(141, migctl.ExitCode);
    }

    [Fact]
    public async Task Answer_GoesToStandardOutputInUtf8()
    {
        _server.On<GetHostRequest, GetHostResponse>(_ => new GetHostResponse { Host = new Host { HostId = "h1", Cordoned = true, CordonReason = "\u00e4" } });
        using var migctl = Start("hosts", "get", "h1", "-o", "json");

        var output = await migctl.StandardOutput.ReadToEndAsync().WaitAsync(Migctl.Bound);
        await migctl.WaitForExitAsync().WaitAsync(Migctl.Bound);

        Assert.Equal(0, migctl.ExitCode);
        Assert.Equal("\u00e4", Google.Protobuf.JsonParser.Default.Parse<GetHostResponse>(output).Host.CordonReason);
    }

    private Process Start(params string[] arguments)
    {
        // Whoever runs the tests in the background may have SIGINT ignored, which a child inherits.
        var start = new ProcessStartInfo("env")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8,
            Environment = { ["ORCHESTRATOR_SERVER"] = _server.Address.OriginalString },
        };
        start.ArgumentList.Add("--default-signal=INT");
        start.ArgumentList.Add(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet");
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "migctl.dll"));
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        return Process.Start(start)!;
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int process, int signal);
}
