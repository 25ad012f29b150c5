using Grpc.Core;
using Orchestrator.Cli.Invocation;
using Orchestrator.Cli.Tests.Scripted;
using Orchestrator.V1;

namespace Orchestrator.Cli.Tests.Migrations;

public sealed class ReplayCommandTests : IAsyncLifetime
{
    private ScriptedServer _server = null!;

    public async Task InitializeAsync() => _server = await ScriptedServer.StartAsync();

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task Replay_TheyPart_IsMarkedAndSaid()
    {
        var pause = new Decision { Action = DecisionAction.Pause, Origin = DecisionOrigin.Caller, MaxPause = Sample.Ms(3000), Rule = "caller" };
        var raise = Limit(350, "pacing.exponential");
        var abort = new Decision
        {
            Action = DecisionAction.Abort,
            Origin = DecisionOrigin.Policy,
            Rule = "steps[1].predicted",
            Reason = "Giving up: pre-copy comes to rest at 90 MiB.",
        };
        _server.On<ReplayMigrationRequest, ReplayMigrationResponse>(_ => new ReplayMigrationResponse
        {
            Steps =
            {
                new ReplayedStep { Elapsed = Sample.Ms(2100), Recorded = Limit(200, "pacing.exponential"), Replayed = Limit(200, "pacing.predictive"), Same = true },
                new ReplayedStep { Elapsed = Sample.Ms(3000), Recorded = pause, Replayed = pause, Same = true },
                new ReplayedStep { Elapsed = Sample.Ms(4500), Recorded = raise, Replayed = abort },
            },
            PartsAtStep = 2,
            Readings = 18,
            ReadingsMissing = 1,
            Policy = "predictive",
            Revision = 3,
        });

        var run = await Migctl.RunAsync(_server, "replay", Sample.MigrationId, "--policy", "predictive@3", "--max-downtime", "200ms", "--deadline", "2m");

        Assert.Equal(
            new ReplayMigrationRequest
            {
                MigrationId = Sample.MigrationId,
                Policy = "predictive",
                Revision = 3,
                MaxDowntime = Sample.Ms(200),
                Deadline = Sample.Ms(120_000),
            },
            Assert.Single(_server.Seen<ReplayMigrationRequest>()));
        Assert.Equal(
            """
               AFTER  DECIDED                                                     BY PREDICTIVE@3
               2.1 s  set the downtime limit to 200 ms [pacing.exponential]       the same
               3 s    a caller asked to pause the guest for at most 3 s [caller]  likewise
            >  4.5 s  set the downtime limit to 350 ms [pacing.exponential]       give up [steps[1].predicted]

            On 18 readings, 1 report between them was never recorded, they part after 4.5 s, where it was
            decided to set the downtime limit to 350 ms and predictive@3 would have decided to give up (Giving
            up: pre-copy comes to rest at 90 MiB); from there on the readings are those of another history.

            """,
            run.Out);
    }

    [Fact]
    public async Task Replay_NothingDiffers_SaysSo_AndAFileIsSentAsItsDocument()
    {
        _server.On<ReplayMigrationRequest, ReplayMigrationResponse>(request => new ReplayMigrationResponse
        {
            Readings = 1,
            Policy = request.Document is null ? "doubling" : "",
            Revision = request.Document is null ? 1u : 0u,
        });
        var file = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid()}.yaml");
        await File.WriteAllTextAsync(file, "name: mine\ndocument:\n  initial_downtime: 30ms\n  max_downtime: 500ms\n");
        try
        {
            var plain = await Migctl.RunAsync(_server, "migrations", "replay", Sample.MigrationId);
            var given = await Migctl.RunAsync(_server, "replay", Sample.MigrationId, "-f", file);

            Assert.Equal("On 1 reading, doubling@1 decides what was decided.\n", plain.Out);
            Assert.Equal("On 1 reading, this document decides what was decided.\n", given.Out);
            Assert.Equal(
                new PolicyDocument { InitialDowntime = Sample.Ms(30), MaxDowntime = Sample.Ms(500) },
                _server.Seen<ReplayMigrationRequest>()[^1].Document);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Theory]
    [InlineData("--policy", "mine@x")]
    [InlineData("--policy", "mine@0")]
    [InlineData("--policy", "@3")]
    [InlineData("--policy", "mine", "-f", "mine.yaml")]
    [InlineData("--max-downtime", "soon")]
    public async Task Replay_Misused_IsRefusedBeforeTheServerIsAsked(params string[] arguments)
    {
        var run = await Migctl.RunAsync(_server, ["replay", Sample.MigrationId, .. arguments]);

        Assert.Equal((int)ExitCode.Usage, run.ExitCode);
        Assert.Empty(_server.Seen<ReplayMigrationRequest>());
    }

    [Fact]
    public async Task Replay_ReadingsGone_TellsWhatToDo()
    {
        _server.On<ReplayMigrationRequest, ReplayMigrationResponse>(_ =>
            throw ScriptedServer.Refuse(StatusCode.FailedPrecondition, "READINGS_GONE", "There are no readings."));

        var run = await Migctl.RunAsync(_server, "replay", Sample.MigrationId);

        Assert.Equal((int)ExitCode.Refused, run.ExitCode);
        Assert.Contains("migctl explain ID", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Calibrations_AreTold_LineByLine()
    {
        var calibration = new Calibration
        {
            Engine = "qemu",
            SourceEngineVersion = "10.0.13",
            TargetEngineVersion = "11.1.3",
            DeviceKind = "10de:2321",
            Migrations = 12,
            OverheadTypical = Sample.Ms(42),
            OverheadHigh = Sample.Ms(110),
            ErrorMedian = Sample.Ms(8),
            ErrorAbsoluteMedian = Sample.Ms(15),
            WithinBudget = 11 / 12.0,
            LastAt = Sample.At(0),
        };
        var few = new Calibration { Engine = "qemu", SourceEngineVersion = "7.2.22", TargetEngineVersion = "7.2.22", Migrations = 2, ErrorMedian = Sample.Ms(-3) };
        _server.On<ListCalibrationsRequest, ListCalibrationsResponse>(_ => new ListCalibrationsResponse { Calibrations = { calibration, few } });

        var run = await Migctl.RunAsync(_server, "calibrations");
        var json = await Migctl.RunAsync(_server, "calibrations", "-o", "json");

        Assert.Equal(
            """
            ENGINE  FROM     TO      DEVICES    MIGRATIONS  SWITCH-OVER  NINE OF TEN  ERROR  ABSOLUTE  WITHIN BUDGET  LAST
            qemu    10.0.13  11.1.3  10de:2321  12          42 ms        110 ms       +8 ms  15 ms     91 %           2026-08-01 12:03:00Z
            qemu    7.2.22   7.2.22  -          2           -            -            -3 ms  -         0 %            -

            """,
            run.Out);
        Assert.Equal([calibration, few], json.Json<ListCalibrationsResponse>().Calibrations);
    }

    private static Decision Limit(int milliseconds, string rule) => new()
    {
        Action = DecisionAction.SetDowntimeLimit,
        Origin = DecisionOrigin.Policy,
        DowntimeLimit = Sample.Ms(milliseconds),
        Rule = rule,
    };
}
