using Grpc.Core;
using Orchestrator.Cli.Tests.Scripted;
using Orchestrator.Rpc.Errors;
using Orchestrator.V1;

namespace Orchestrator.Cli.Tests.Migrations;

/// <summary>A guest is moved and somebody looks on.</summary>
public sealed class MigrateCommandTests : IAsyncLifetime
{
    private readonly List<Decision> _decisions = [];
    private ScriptedServer _server = null!;

    public async Task InitializeAsync()
    {
        _server = await ScriptedServer.StartAsync();
        _server.On<StartMigrationRequest, StartMigrationResponse>(_ => new StartMigrationResponse { Migration = Sample.Migration(MigrationPhase.Requested, 0) });
        _server.On<ListDecisionsRequest, ListDecisionsResponse>(_ => new ListDecisionsResponse { Decisions = { _decisions } });
        _server.On<GetMigrationRequest, GetMigrationResponse>(_ => new GetMigrationResponse { Migration = Sample.Migration() });
        Stream(async (watch, _) =>
        {
            await watch(Sample.Happening(Sample.Migration(MigrationPhase.Preparing)));
            await watch(Sample.Transition(MigrationPhase.Preparing, MigrationPhase.Copying, 1, "both sides are set up"));
            await watch(Sample.Happening(Sample.Migration(revision: 2)));
            await watch(Sample.Happening(Sample.Reading(1, 2, 400, 1)));
            await watch(Sample.Happening(Sample.Decision()));
            await watch(Sample.Transition(MigrationPhase.Copying, MigrationPhase.SwitchingOver, 11));
            await watch(Sample.Transition(MigrationPhase.SwitchingOver, MigrationPhase.Completed, 12));
            await watch(Sample.Happening(Sample.Completed()));
        });
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task NoScreen_PlainLinesAndASummary()
    {
        var run = await Migctl.RunAsync(_server, "migrate", "web-1", "h2");

        Assert.Equal(0, run.ExitCode);
        Assert.Empty(run.Error);
        Assert.Equal(
            $"""
            12:03:01Z  preparing: guest web-1 from h1 to h2, downtime at most 400 ms, policy predictive revision 3, migration {Sample.MigrationId}
            12:03:01Z  copying: both sides are set up
            12:03:02Z  pass 1; remaining 400 MiB of 512 MiB; expected downtime 4 s of 400 ms; limit 300 ms; 110 MiB/s, the guest dirties 30 MiB/s
            12:03:03Z  decision 1: set the downtime limit to 350 ms [predictive.fit]: The floor of 310 ms fits the budget of 400 ms.
            12:03:11Z  switching-over
            12:03:12Z  completed
            Completed after 12.3 s: guest web-1 runs on h2.
              downtime: promised at most 400 ms, predicted 310 ms, measured by the engine 295 ms, measured by the agents 340 ms (the promise was kept)
              copied:   1.07 GiB for 512 MiB of memory, 5 passes, throttled up to 20 %, final limit 350 ms
              why:      migctl explain {Sample.MigrationId}

            """,
            run.Out);
    }

    [Fact]
    public async Task Options_BecomeTheRequest()
    {
        await Migctl.RunAsync(
            _server,
            "migrate", "web-1", "h2", "--policy", "post-copy", "--policy-revision", "2", "--max-downtime", "400ms", "--deadline", "10m", "--mode", "non-live",
            "--bandwidth", "100MiB/s", "--id", Sample.MigrationId, "--requested-by", "me", "--detach");

        Assert.Equal(
            new StartMigrationRequest
            {
                MigrationId = Sample.MigrationId,
                GuestId = "web-1",
                TargetHostId = "h2",
                Policy = "post-copy",
                PolicyRevision = 2,
                MaxDowntime = Sample.Ms(400),
                Deadline = Sample.Ms(600_000),
                Mode = MigrationMode.NonLive,
                MaxBytesPerSecond = 100 * Sample.MiB,
                RequestedBy = "me",
            },
            Assert.Single(_server.Seen<StartMigrationRequest>()));
    }

    [Fact]
    public async Task Detach_ReturnsWhenItHasBegun_AndChoosesAnId()
    {
        var run = await Migctl.RunAsync(_server, "migrate", "web-1", "h2", "--detach");
        var json = await Migctl.RunAsync(_server, "migrate", "web-1", "h2", "--detach", "-o", "json");

        Assert.Equal(0, run.ExitCode);
        Assert.Equal(
            $"""
            Migration {Sample.MigrationId} has begun: guest web-1 from h1 to h2.
            Watch it with: migctl watch {Sample.MigrationId} or cancel it with: migctl cancel {Sample.MigrationId}

            """,
            run.Out);
        Assert.Equal(MigrationPhase.Requested, json.Json<StartMigrationResponse>().Migration.Phase);
        Assert.Empty(_server.Seen<WatchMigrationRequest>());
        Assert.Equal(2, _server.Seen<StartMigrationRequest>().Select(request => Guid.Parse(request.MigrationId)).Distinct().Count());
    }

    [Fact]
    public async Task Json_OneObjectPerLine()
    {
        var run = await Migctl.RunAsync(_server, "migrate", "web-1", "h2", "-o", "json");

        Assert.Equal(0, run.ExitCode);
        var lines = run.JsonLines<WatchMigrationResponse>();
        Assert.Equal(8, lines.Count);
        Assert.Equal(Sample.Happening(Sample.Migration(MigrationPhase.Preparing)), lines[0].Happening);
        Assert.Equal(Sample.Happening(Sample.Completed()), lines[^1].Happening);
    }

    [Fact]
    public async Task Screen_RedrawsThePanelUnderTheDecisions()
    {
        var run = await Migctl.RunAsync(
            ["migrate", "web-1", "h2"], new Migctl.Setting { Server = _server.Address.OriginalString, Live = true });

        Assert.Equal(0, run.ExitCode);
        Assert.Contains("web-1: h1 -> h2", run.Out, StringComparison.Ordinal);
        Assert.Contains("\u2588\u2588\u2591", run.Out, StringComparison.Ordinal);
        Assert.Contains("400 MiB of 512 MiB", run.Out, StringComparison.Ordinal);
        Assert.Contains("decision 1: set the downtime limit to 350 ms", run.Out, StringComparison.Ordinal);

        // The reading is in the panel and not a line of its own, no piece of the panel is left over, and the cursor is back.
        Assert.True(run.Out.LastIndexOf("\u001b[?25h", StringComparison.Ordinal) > run.Out.LastIndexOf("\u001b[?25l", StringComparison.Ordinal));
        Assert.Equal(
            [
                "12:03:01Z  preparing: guest web-1 from h1 to h2, downtime at most 400 ms, policy",
                $"predictive revision 3, migration {Sample.MigrationId}",
                "12:03:01Z  copying: both sides are set up",
                "12:03:03Z  decision 1: set the downtime limit to 350 ms [predictive.fit]: The",
                "floor of 310 ms fits the budget of 400 ms.",
                "12:03:11Z  switching-over",
                "12:03:12Z  completed",
                "Completed after 12.3 s: guest web-1 runs on h2.",
            ],
            Screen.Show(run.Out).Take(8));
    }

    [Fact]
    public async Task EndsFailed_LeavesWithOneAndSaysWhereTheGuestIs()
    {
        Stream(async (watch, _) => await watch(Sample.Happening(Sample.Failed())));

        var run = await Migctl.RunAsync(_server, "migrate", "web-1", "h2");

        Assert.Equal(1, run.ExitCode);
        Assert.Contains(
            "Failed (aborted-by-policy): guest web-1 is on h1 as before.\n  The floor of 900 ms does not fit 400 ms.\n", run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task NeedsAttention_EndsTheShowWithOne_AlthoughTheStreamGoesOn()
    {
        Stream(async (watch, cancellation) =>
        {
            var stuck = Sample.Migration(MigrationPhase.NeedsAttention, 8);
            stuck.FailureReason = FailureReason.Undecidable;
            await watch(Sample.Happening(stuck));
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellation);
        });

        var run = await Migctl.RunAsync(_server, "migrate", "web-1", "h2");

        Assert.Equal(1, run.ExitCode);
        Assert.Contains("Needs attention (undecidable)", run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Refused_LeavesWithOneAndWatchesNothing()
    {
        _server.On<StartMigrationRequest, StartMigrationResponse>(_ => throw ScriptedServer.Refuse(
            StatusCode.FailedPrecondition, "TARGET_CORDONED", "Host h2 is cordoned."));

        var run = await Migctl.RunAsync(_server, "migrate", "web-1", "h2");

        Assert.Equal(1, run.ExitCode);
        Assert.Contains("next: choose another host, or open this one: migctl hosts uncordon ID", run.Error, StringComparison.Ordinal);
        Assert.Empty(_server.Seen<WatchMigrationRequest>());
    }

    [Fact]
    public async Task ServerShutsDown_WatchComesBackAfterTheServersDelay_AndNoDecisionIsLost()
    {
        var connections = 0;
        Stream(async (watch, _) =>
        {
            if (++connections == 1)
            {
                await watch(Sample.Happening(Sample.Migration()));
                await watch(Sample.Happening(Sample.Decision()));
                _decisions.AddRange([Sample.Decision(), Sample.Decision(2), Sample.Decision(3)]);
                throw Refusal.RetryLater(
                    StatusCode.Unavailable, "orchestrator.v1", "SHUTTING_DOWN", "The server is going down; call again.", TimeSpan.FromMilliseconds(200));
            }

            await watch(Sample.Happening(Sample.Migration(MigrationPhase.Verifying, 5)));
            await watch(Sample.Happening(Sample.Decision(3)));
            await watch(Sample.Happening(Sample.Decision(4)));
            await watch(Sample.Happening(Sample.Completed()));
        });

        var run = await Migctl.RunAsync(_server, "migrate", "web-1", "h2");

        Assert.Equal(0, run.ExitCode);
        Assert.Contains(
            "connection lost (The server is going down; call again); the migration goes on; trying again in 200 ms\nconnected again\n12:03:01Z  verifying\n",
            run.Out,
            StringComparison.Ordinal);
        foreach (var sequence in new[] { 1, 2, 3, 4 })
        {
            Assert.Single(run.Out.Split('\n'), line => line.Contains($"decision {sequence}:", StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task ServerDies_WatchFindsItAgain()
    {
        var (copying, lost) = (new TaskCompletionSource(), new TaskCompletionSource());
        var connections = 0;
        Stream(async (watch, cancellation) =>
        {
            if (++connections > 1)
            {
                await watch(Sample.Happening(Sample.Completed()));
                return;
            }

            await watch(Sample.Happening(Sample.Migration()));
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellation);
        });
        var running = Migctl.RunAsync(["migrate", "web-1", "h2"], new Migctl.Setting
        {
            Server = _server.Address.OriginalString,
            Heard = text =>
            {
                _ = text.Contains("copying", StringComparison.Ordinal) && copying.TrySetResult();
                _ = text.Contains("connection lost", StringComparison.Ordinal) && lost.TrySetResult();
            },
        });

        await copying.Task.WaitAsync(Migctl.Bound);
        await _server.GoDownAsync();
        await lost.Task.WaitAsync(Migctl.Bound);
        await _server.ComeBackAsync();
        var run = await running;

        Assert.Equal(0, run.ExitCode);
        Assert.Contains("connected again\n12:03:01Z  completed\nCompleted after 12.3 s", run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ServerStaysAway_LeavesWithThreeAndSaysThatTheMigrationGoesOn()
    {
        Stream(async (watch, _) =>
        {
            await watch(Sample.Happening(Sample.Migration()));
            throw new RpcException(new Status(StatusCode.Unavailable, "gone"));
        });

        var run = await Migctl.RunAsync(_server, "migrate", "web-1", "h2", "--id", Sample.MigrationId, "--reconnect-for", "0");

        Assert.Equal(3, run.ExitCode);
        Assert.Contains($"next: the migration goes on; once the server is back, watch it with: migctl watch {Sample.MigrationId}", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task StreamEndsEarly_ButTheMigrationIsOver_IsNoOutage()
    {
        Stream(async (watch, _) => await watch(Sample.Happening(Sample.Migration())));
        _server.On<GetMigrationRequest, GetMigrationResponse>(_ => new GetMigrationResponse { Migration = Sample.Completed() });

        var run = await Migctl.RunAsync(_server, "migrate", "web-1", "h2");

        Assert.Equal(0, run.ExitCode);
        Assert.DoesNotContain("connection lost", run.Out, StringComparison.Ordinal);
        Assert.Contains("Completed after 12.3 s", run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Interrupted_SaysThatTheMigrationGoesOnAndHowToFollowIt()
    {
        using var interrupt = new CancellationTokenSource();
        Stream(async (watch, cancellation) =>
        {
            await watch(Sample.Happening(Sample.Migration()));
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellation);
        });

        var run = await Migctl.RunAsync(["migrate", "web-1", "h2", "--id", Sample.MigrationId], new Migctl.Setting
        {
            Server = _server.Address.OriginalString,
            Interrupt = interrupt.Token,
            Heard = text =>
            {
                if (text.Contains("copying", StringComparison.Ordinal))
                {
                    interrupt.Cancel();
                }
            },
        });

        Assert.Equal(130, run.ExitCode);
        Assert.Equal(
            $"""
            migctl: No longer watching. The migration goes on.
              migration_id: {Sample.MigrationId}
              next: watch it with: migctl watch {Sample.MigrationId} or cancel it with: migctl cancel {Sample.MigrationId}

            """,
            run.Error);
        Assert.Empty(_server.Seen<CancelMigrationRequest>());
    }

    [Fact]
    public async Task NoAnswerToTheStart_SaysThatItIsNotKnown()
    {
        using var release = new ManualResetEventSlim();
        _server.On<StartMigrationRequest, StartMigrationResponse>(_ =>
        {
            release.Wait(Migctl.Bound);
            return new StartMigrationResponse { Migration = Sample.Migration() };
        });

        var run = await Migctl.RunAsync(_server, "migrate", "web-1", "h2", "--id", Sample.MigrationId, "--timeout", "300ms");
        release.Set();

        Assert.Equal(3, run.ExitCode);
        Assert.Contains("did not answer within 0.3 s", run.Error, StringComparison.Ordinal);
        Assert.Contains($"repeating the command with --id {Sample.MigrationId} is safe", run.Error, StringComparison.Ordinal);
    }

    private void Stream(Func<Func<MigrationHappening, Task>, CancellationToken, Task> tell) =>
        _server.OnStream<WatchMigrationRequest, WatchMigrationResponse>((_, stream, cancellation) => tell(
            happening => stream.WriteAsync(new WatchMigrationResponse { Happening = happening }, cancellation), cancellation));
}
