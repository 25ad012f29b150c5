using Grpc.Core;
using Orchestrator.Cli.Tests.Scripted;
using Orchestrator.V1;

namespace Orchestrator.Cli.Tests.Migrations;

public sealed class WatchCommandTests : IAsyncLifetime
{
    private ScriptedServer _server = null!;

    public async Task InitializeAsync()
    {
        _server = await ScriptedServer.StartAsync();
        _server.On<ListMigrationsRequest, ListMigrationsResponse>(_ => new ListMigrationsResponse());
        _server.On<ListDecisionsRequest, ListDecisionsResponse>(_ => new ListDecisionsResponse { Decisions = { Sample.Decision() } });
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task One_BegunLate_TellsTheDecisionsSoFarOnce()
    {
        _server.OnStream<WatchMigrationRequest, WatchMigrationResponse>(async (_, stream, cancellation) =>
        {
            await stream.WriteAsync(new WatchMigrationResponse { Happening = Sample.Happening(Sample.Migration()) }, cancellation);
            await stream.WriteAsync(new WatchMigrationResponse { Happening = Sample.Happening(Sample.Decision()) }, cancellation);
            await stream.WriteAsync(new WatchMigrationResponse { Happening = Sample.Happening(Sample.Completed()) }, cancellation);
        });

        var run = await Migctl.RunAsync(_server, "watch", Sample.MigrationId);

        Assert.Equal(0, run.ExitCode);
        Assert.Single(run.Out.Split('\n'), line => line.Contains("decision 1:", StringComparison.Ordinal));
        Assert.Contains("Completed after 12.3 s", run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_NeedsAttention_IsWatchedOn()
    {
        _server.OnStream<WatchMigrationRequest, WatchMigrationResponse>(async (_, stream, cancellation) =>
        {
            await stream.WriteAsync(
                new WatchMigrationResponse { Happening = Sample.Happening(Sample.Migration(MigrationPhase.NeedsAttention, 5)) }, cancellation);
            await stream.WriteAsync(new WatchMigrationResponse { Happening = Sample.Happening(Sample.Completed()) }, cancellation);
        });

        Assert.Equal(0, (await Migctl.RunAsync(_server, "watch", Sample.MigrationId)).ExitCode);
    }

    [Fact]
    public async Task One_Unknown_IsRefused()
    {
        var unknown = ScriptedServer.Refuse(StatusCode.NotFound, "MIGRATION_UNKNOWN", "No such migration.");
        _server.On<ListDecisionsRequest, ListDecisionsResponse>(_ => throw unknown);
        _server.OnStream<WatchMigrationRequest, WatchMigrationResponse>((_, _, _) => throw unknown);

        var run = await Migctl.RunAsync(_server, "watch", "nonsense");

        Assert.Equal(1, run.ExitCode);
        Assert.Contains("MIGRATION_UNKNOWN", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("watch")]
    [InlineData("watch", Sample.MigrationId)]
    public async Task NobodyThere_LeavesWithThreeAtOnce(params string[] arguments)
    {
        await _server.GoDownAsync();

        var run = await Migctl.RunAsync(_server, arguments);

        Assert.Equal(3, run.ExitCode);
        Assert.Contains("is not reachable", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_WithFilters_IsAUsageError() =>
        Assert.Equal(2, (await Migctl.RunAsync(_server, "watch", Sample.MigrationId, "--host", "h1")).ExitCode);

    [Fact]
    public async Task All_UntilInterrupted_TellsEachByItsGuest()
    {
        var run = await WatchAllAsync("12:03:12Z  completed", ["watch", "--host", "h1"]);

        Assert.Equal(130, run.ExitCode);
        Assert.StartsWith("web-1  12:03:01Z  copying: guest web-1 from h1 to h2", run.Out, StringComparison.Ordinal);
        Assert.Contains("web-1  12:03:12Z  completed\n", run.Out, StringComparison.Ordinal);
        Assert.Equal("h1", _server.Seen<WatchMigrationsRequest>()[0].Filter.HostId);
    }

    [Fact]
    public async Task All_Json_OneObjectPerLine()
    {
        var run = await WatchAllAsync("COMPLETED", ["watch", "-o", "json"]);

        Assert.Equal(130, run.ExitCode);
        Assert.Equal(
            [Sample.Happening(Sample.Migration()), Sample.Happening(Sample.Completed())],
            run.JsonLines<WatchMigrationsResponse>().Take(2).Select(line => line.Happening));
    }

    [Fact]
    public async Task All_OnAScreen_IsATable()
    {
        var run = await WatchAllAsync("12:03:12Z  completed", ["watch"], live: true);

        Assert.Equal(130, run.ExitCode);
        Assert.Contains("guest", run.Out, StringComparison.Ordinal);
        Assert.Contains("Completed after 12.3 s", run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task All_MigrationEndsDuringAnOutage_IsToldAfterwards()
    {
        var connections = 0;
        _server.On<GetMigrationRequest, GetMigrationResponse>(_ => new GetMigrationResponse { Migration = Sample.Completed() });
        _server.OnStream<WatchMigrationsRequest, WatchMigrationsResponse>(async (_, stream, cancellation) =>
        {
            if (++connections == 1)
            {
                await stream.WriteAsync(new WatchMigrationsResponse { Happening = Sample.Happening(Sample.Migration()) }, cancellation);
                throw ScriptedServer.Refuse(StatusCode.ResourceExhausted, "WATCHER_TOO_SLOW", "The watcher read too slowly.");
            }

            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellation);
        });

        var run = await UntilHeardAsync("Completed after", ["watch"], live: false);

        Assert.Contains("connection lost (The watcher read too slowly)", run.Out, StringComparison.Ordinal);
        Assert.Contains("connected again\nweb-1  12:03:01Z  completed\nweb-1  Completed after 12.3 s", run.Out, StringComparison.Ordinal);
    }

    private async Task<Migctl> WatchAllAsync(string until, string[] arguments, bool live = false)
    {
        _server.OnStream<WatchMigrationsRequest, WatchMigrationsResponse>(async (_, stream, cancellation) =>
        {
            await stream.WriteAsync(new WatchMigrationsResponse { Happening = Sample.Happening(Sample.Migration()) }, cancellation);
            await stream.WriteAsync(new WatchMigrationsResponse { Happening = Sample.Happening(Sample.Completed()) }, cancellation);
            await stream.WriteAsync(
                new WatchMigrationsResponse { Happening = Sample.Transition(MigrationPhase.Verifying, MigrationPhase.Completed, 12) }, cancellation);
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellation);
        });
        return await UntilHeardAsync(until, arguments, live);
    }

    private async Task<Migctl> UntilHeardAsync(string until, string[] arguments, bool live)
    {
        using var interrupt = new CancellationTokenSource();
        return await Migctl.RunAsync(arguments, new Migctl.Setting
        {
            Server = _server.Address.OriginalString,
            Live = live,
            Interrupt = interrupt.Token,
            Heard = text =>
            {
                if (text.Contains(until, StringComparison.Ordinal))
                {
                    interrupt.Cancel();
                }
            },
        });
    }
}
