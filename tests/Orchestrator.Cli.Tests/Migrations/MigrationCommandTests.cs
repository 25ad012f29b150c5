using Grpc.Core;
using Orchestrator.Cli.Tests.Scripted;
using Orchestrator.V1;

namespace Orchestrator.Cli.Tests.Migrations;

public sealed class MigrationCommandTests : IAsyncLifetime
{
    private ScriptedServer _server = null!;

    public async Task InitializeAsync() => _server = await ScriptedServer.StartAsync();

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task List_Filters_AreSentAndTheTableTold()
    {
        _server.On<ListMigrationsRequest, ListMigrationsResponse>(_ => new ListMigrationsResponse { Migrations = { Sample.Migration(), Sample.Completed() } });

        var run = await Migctl.RunAsync(
            _server, "list", "--guest", "web-1", "--host", "h1", "--phase", "copying", "--phase", "postcopy-paused", "--running");

        Assert.Equal(
            new ListMigrationsRequest
            {
                Filter = new MigrationFilter
                {
                    GuestId = "web-1",
                    HostId = "h1",
                    Phases = { MigrationPhase.Copying, MigrationPhase.PostcopyPaused },
                    RunningOnly = true,
                },
                PageSize = 50,
            },
            Assert.Single(_server.Seen<ListMigrationsRequest>()));
        Assert.Equal(
            $"""
            MIGRATION                             GUEST  FROM  TO  PHASE      POLICY        CREATED               TOOK    BUDGET  DOWNTIME  REMAINING
            {Sample.MigrationId}  web-1  h1    h2  copying    predictive@3  2026-08-01 12:03:00Z  -       400 ms  -         -
            {Sample.MigrationId}  web-1  h1    h2  completed  predictive@3  2026-08-01 12:03:00Z  12.3 s  400 ms  340 ms    -

            """,
            run.Out);
    }

    [Fact]
    public async Task List_MoreThanTheLimit_SaysSo_AndLimitZeroReadsAllPages()
    {
        _server.On<ListMigrationsRequest, ListMigrationsResponse>(request =>
        {
            var from = request.PageToken.Length == 0 ? 0 : int.Parse(request.PageToken, System.Globalization.CultureInfo.InvariantCulture);
            var page = Enumerable.Range(from, Math.Min(1500 - from, (int)request.PageSize)).ToList();
            var answer = new ListMigrationsResponse { NextPageToken = from + page.Count < 1500 ? $"{from + page.Count}" : "" };
            answer.Migrations.AddRange(page.Select(at => new Migration { MigrationId = $"{at}" }));
            return answer;
        });

        var some = await Migctl.RunAsync(_server, "list", "--limit", "3");
        var all = await Migctl.RunAsync(_server, "migrations", "list", "--limit", "0", "-o", "json");
        var most = await Migctl.RunAsync(_server, "list", "--limit", "1200", "-o", "json");

        Assert.EndsWith("There are more than 3; --limit 0 shows all.\n", some.Out, StringComparison.Ordinal);
        Assert.Equal(Enumerable.Range(0, 1500).Select(at => $"{at}"), all.Json<ListMigrationsResponse>().Migrations.Select(migration => migration.MigrationId));
        Assert.Equal(1200, most.Json<ListMigrationsResponse>().Migrations.Count);
        Assert.Equal("1200", most.Json<ListMigrationsResponse>().NextPageToken);
    }

    [Fact]
    public async Task Get_TellsFactsTransitionsAndSummary()
    {
        var answer = new GetMigrationResponse
        {
            Migration = Sample.Completed(),
            Transitions =
            {
                Sample.Transition(MigrationPhase.Requested, MigrationPhase.Preparing, 0.5, "its turn").Transition,
                Sample.Transition(MigrationPhase.Preparing, MigrationPhase.Copying, 1).Transition,
            },
        };
        _server.On<GetMigrationRequest, GetMigrationResponse>(_ => answer);

        var run = await Migctl.RunAsync(_server, "get", Sample.MigrationId);
        var json = await Migctl.RunAsync(_server, "get", Sample.MigrationId, "-o", "json");

        Assert.Equal(
            $"""
            Migration:         {Sample.MigrationId}
            Guest:             web-1 (running before)
            From:              h1
            To:                h2
            Phase:             completed since 2026-08-01 12:03:01Z
            Mode:              live
            Policy:            predictive revision 3
            Downtime at most:  400 ms
            Deadline:          10 min
            Requested by:      ops: new kernel
            Created:           2026-08-01 12:03:00Z
            Ended:             2026-08-01 12:03:12Z
            Engine:            qemu 7.2.22 -> 7.2.22

            AT                    FROM       TO         REASON
            2026-08-01 12:03:00Z  requested  preparing  its turn
            2026-08-01 12:03:01Z  preparing  copying    -

            Completed after 12.3 s: guest web-1 runs on h2.
              downtime: promised at most 400 ms, predicted 310 ms, measured by the engine 295 ms, measured by the agents 340 ms (the promise was kept)
              copied:   1.07 GiB for 512 MiB of memory, 5 passes, throttled up to 20 %, final limit 350 ms

            """,
            run.Out);
        Assert.Equal(answer, json.Json<GetMigrationResponse>());
    }

    [Fact]
    public async Task Cancel_SendsTheReasonAndSaysHowToFollow()
    {
        _server.On<CancelMigrationRequest, CancelMigrationResponse>(_ => new CancelMigrationResponse
        {
            Migration = Sample.Migration(MigrationPhase.Cancelling),
        });

        var run = await Migctl.RunAsync(
            ["cancel", Sample.MigrationId, "--reason", "wrong target", "--server", _server.Address.OriginalString], new Migctl.Setting());

        Assert.Equal(
            $"Guest web-1's migration is cancelling. Follow it with: migctl watch {Sample.MigrationId} --server {_server.Address.OriginalString}\n", run.Out);
        Assert.Equal(
            new CancelMigrationRequest { MigrationId = Sample.MigrationId, Reason = "wrong target" },
            Assert.Single(_server.Seen<CancelMigrationRequest>()));
    }

    [Fact]
    public async Task Cancel_TooLate_LeavesWithOneAndSaysWhatToDo()
    {
        _server.On<CancelMigrationRequest, CancelMigrationResponse>(_ => throw ScriptedServer.Refuse(
            StatusCode.FailedPrecondition, "PAST_POINT_OF_NO_RETURN", "The switch-over has begun."));

        var run = await Migctl.RunAsync(_server, "cancel", Sample.MigrationId, "-o", "json");

        Assert.Equal(1, run.ExitCode);
        Assert.Empty(run.Out);
        Assert.Contains("\"reason\": \"PAST_POINT_OF_NO_RETURN\"", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Adjust_EachChange_IsSent()
    {
        _server.On<AdjustMigrationRequest, AdjustMigrationResponse>(_ => new AdjustMigrationResponse { Migration = Sample.Migration() });

        var runs = new List<Migctl>
        {
            await AdjustAsync("--policy", "post-copy", "--policy-revision", "2"),
            await AdjustAsync("--bandwidth", "50MiB/s"),
            await AdjustAsync("--bandwidth", "0"),
            await AdjustAsync("--pause", "5s"),
            await AdjustAsync("--post-copy"),
            await AdjustAsync("--raise-limit", "500ms", "--request-id", "9f2b8c1e-7d7a-4a57-9c55-0d3f5a1b2c3d"),
        };

        Assert.All(runs, run => Assert.Equal(0, run.ExitCode));
        var requests = _server.Seen<AdjustMigrationRequest>();
        Assert.All(requests, request => Assert.Equal(Sample.MigrationId, request.MigrationId));
        Assert.Equal(6, requests.Select(request => Guid.Parse(request.RequestId)).Distinct().Count());
        Assert.Equal(new SwitchPolicy { Policy = "post-copy", Revision = 2 }, requests[0].SwitchPolicy);
        Assert.Equal(50 * Sample.MiB, requests[1].SetBandwidth);
        Assert.Equal(AdjustMigrationRequest.ChangeOneofCase.SetBandwidth, requests[2].ChangeCase);
        Assert.Equal(Sample.Ms(5000), requests[3].PauseNow);
        Assert.NotNull(requests[4].PostCopyNow);
        Assert.Equal(Sample.Ms(500), requests[5].RaiseLimit);
        Assert.Equal("9f2b8c1e-7d7a-4a57-9c55-0d3f5a1b2c3d", requests[5].RequestId);
        Assert.Equal(
            $"Guest web-1's migration: asked to cap the bandwidth at 50 MiB/s. See how it was taken: migctl explain {Sample.MigrationId}\n", runs[1].Out);
    }

    [Theory]
    [InlineData()]
    [InlineData("--pause", "5s", "--post-copy")]
    [InlineData("--policy", "a", "--bandwidth", "0")]
    public async Task Adjust_NotExactlyOneChange_IsAUsageError(params string[] changes)
    {
        var run = await AdjustAsync(changes);

        Assert.Equal(2, run.ExitCode);
        Assert.Contains("Give exactly one of --policy, --bandwidth, --pause, --post-copy, --raise-limit.", run.Error, StringComparison.Ordinal);
        Assert.Empty(_server.Seen<AdjustMigrationRequest>());
    }

    [Fact]
    public async Task Readings_AreATableAndParseBack()
    {
        var second = Sample.Reading(2, 3.5, 100, 2);
        second.ClearDirtyBytesPerSecond();
        second.ExpectedDowntime = null;
        second.PassesHonest = false;
        second.Suspects.Add(new SuspectNumber { Field = "remaining", Raw = "18446744073709551615", Why = "more than the guest has" });
        _server.On<ListReadingsRequest, ListReadingsResponse>(_ => new ListReadingsResponse { Readings = { Sample.Reading(1, 2, 400, 1), second } });

        var run = await Migctl.RunAsync(_server, "readings", Sample.MigrationId);
        var json = await Migctl.RunAsync(_server, "readings", Sample.MigrationId, "--limit", "10", "-o", "json");

        Assert.Equal(
            """
            AFTER  PASS  ROUND  REMAINING  STOP-COPY  EXPECTED  LIMIT   BANDWIDTH  DIRTY RATE  THROTTLE  GUEST    NOT BELIEVED
            2 s    1     1      400 MiB    0 B        4 s       300 ms  110 MiB/s  30 MiB/s    0 %       running  -
            3.5 s  -     2      100 MiB    0 B        -         300 ms  110 MiB/s  -           0 %       running  remaining 18446744073709551615: more than the guest has

            """,
            run.Out);
        Assert.Equal([Sample.Reading(1, 2, 400, 1), second], json.Json<ListReadingsResponse>().Readings);
        Assert.Equal([1000u, 10u], _server.Seen<ListReadingsRequest>().Select(request => request.PageSize));
    }

    [Fact]
    public async Task Explain_TellsTheWholeStory_AndJsonIsTheDecisions()
    {
        _server.On<GetMigrationRequest, GetMigrationResponse>(_ => new GetMigrationResponse { Migration = Sample.Completed() });
        _server.On<ListDecisionsRequest, ListDecisionsResponse>(_ => new ListDecisionsResponse { Decisions = { Sample.Decision() } });
        _server.On<GetGuestRequest, GetGuestResponse>(request => throw ScriptedServer.Refuse(StatusCode.NotFound, "GUEST_UNKNOWN", request.GuestId));

        var run = await Migctl.RunAsync(_server, "explain", Sample.MigrationId);
        var json = await Migctl.RunAsync(_server, "explain", Sample.MigrationId, "-o", "json");

        Assert.Equal(0, run.ExitCode);
        Assert.Contains("Guest web-1 with 512 MiB of memory was running on h1.", run.Out, StringComparison.Ordinal);
        Assert.Contains("1. after 2.1 s: set the downtime limit to 350 ms\n", run.Out, StringComparison.Ordinal);
        Assert.Equal([Sample.Decision()], json.Json<ListDecisionsResponse>().Decisions);
    }

    private Task<Migctl> AdjustAsync(params string[] changes) => Migctl.RunAsync(_server, ["adjust", Sample.MigrationId, .. changes]);
}
