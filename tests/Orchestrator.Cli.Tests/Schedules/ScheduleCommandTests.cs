using Google.Protobuf.WellKnownTypes;
using Orchestrator.Cli.Tests.Scripted;
using Orchestrator.V1;

namespace Orchestrator.Cli.Tests.Schedules;

public sealed class ScheduleCommandTests : IAsyncLifetime
{
    private static readonly Timestamp s_next = DateTimeOffset.Parse("2026-11-28T01:00:00Z", System.Globalization.CultureInfo.InvariantCulture).ToTimestamp();

    private ScriptedServer _server = null!;

    public async Task InitializeAsync()
    {
        _server = await ScriptedServer.StartAsync();
        _server.On<CreateScheduleRequest, CreateScheduleResponse>(request => new CreateScheduleResponse { Schedule = Of(request) });
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task Create_FromOptions_SaysWhenAndWhat()
    {
        var run = await Migctl.RunAsync(
            _server, "schedules", "create", "nightly", "--cron", "0 0 2 ? * SAT", "--time-zone", "Europe/Berlin", "--window", "4h",
            "--evacuate", "h1", "--evacuate", "h2", "--by", "ops");

        Assert.Equal((0, "Schedule nightly fires next at 2026-11-28 01:00:00Z.\n"), (run.ExitCode, run.Out));
        Assert.Equal(Nightly(), Assert.Single(_server.Seen<CreateScheduleRequest>()));
    }

    [Fact]
    public async Task Create_Once_ReadsTheTimeWithItsOffset()
    {
        var run = await Migctl.RunAsync(
            _server, "schedules", "create", "once", "--at", "2026-11-28T02:00:00+01:00", "--migrate", "db-1", "--to", "h2");

        Assert.Equal(0, run.ExitCode);
        var request = Assert.Single(_server.Seen<CreateScheduleRequest>());
        Assert.Equal((s_next, "db-1", "h2"), (request.Spec.At, request.Spec.Migration.GuestId, request.Spec.Migration.TargetHostId));
    }

    [Fact]
    public async Task Create_EvacuationFile_IsWhatEvacuateStartTakes()
    {
        var run = await Migctl.RunAsync(
            ["schedules", "create", "rack", "--cron", "0 0 2 ? * SUN", "--evacuation", "-"],
            new Migctl.Setting { Server = _server.Address.OriginalString, Input = "host_labels: {rack: r12}\nmax_hosts_out: 2\nbackoff: 30s\n" });

        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Equal(
            new EvacuationSpec { HostLabels = { ["rack"] = "r12" }, MaxHostsOut = 2, Backoff = TimeSpan.FromSeconds(30).ToDuration() },
            Assert.Single(_server.Seen<CreateScheduleRequest>()).Spec.Evacuation);
    }

    [Theory]
    [InlineData("Say what", "--cron", "* * * * * ?", "--evacuate", "h1", "--evacuation", "x.yaml")]
    [InlineData("Say when", "--migrate", "g")]
    [InlineData("Say when", "--cron", "* * * * * ?", "--at", "2026-11-28T01:00:00Z", "--migrate", "g")]
    [InlineData("Say what", "--cron", "* * * * * ?")]
    [InlineData("is no time", "--at", "2026-11-28T01:00:00", "--migrate", "g")]
    [InlineData("--to is for --migrate", "--cron", "* * * * * ?", "--evacuate", "h1", "--to", "h2")]
    [InlineData("either --file or", "-f", "x.yaml", "--cron", "* * * * * ?")]
    public async Task Create_HalfSaid_IsRefusedBeforeTheServerIsAsked(string says, params string[] arguments)
    {
        var run = await Migctl.RunAsync(_server, ["schedules", "create", "a", .. arguments]);

        Assert.Equal(2, run.ExitCode);
        Assert.Contains(says, run.Error, StringComparison.Ordinal);
        Assert.Empty(_server.Seen<CreateScheduleRequest>());
    }

    [Fact]
    public async Task Get_WritesAFileThatCreateReadsBack()
    {
        var asked = Nightly();
        asked.Spec.Blackouts.Add(new Blackout { From = s_next, Until = new Timestamp { Seconds = s_next.Seconds + 90, Nanos = 500_000_000 } });
        _server.On<GetScheduleRequest, GetScheduleResponse>(_ => new GetScheduleResponse { Schedule = Of(asked) });

        var got = await Migctl.RunAsync(_server, "schedules", "get", "nightly");
        var run = await Migctl.RunAsync(
            ["schedules", "create", "-f", "-"], new Migctl.Setting { Server = _server.Address.OriginalString, Input = got.Out });

        Assert.Equal(0, run.ExitCode);
        Assert.Equal(asked, Assert.Single(_server.Seen<CreateScheduleRequest>()));
    }

    [Fact]
    public async Task List_IsATable()
    {
        var idle = Of(Nightly());
        idle.Name = "paused-one";
        idle.Paused = true;
        idle.NextFiringAt = null;
        var last = Of(Nightly());
        last.LastFiring = new Firing { DueAt = s_next, FiredAt = s_next, Outcome = FiringOutcome.StillRunning };
        _server.On<ListSchedulesRequest, ListSchedulesResponse>(_ => new ListSchedulesResponse { Schedules = { last, idle } });

        var run = await Migctl.RunAsync(_server, "schedules", "list");

        Assert.Equal(
            """
            SCHEDULE    WHEN                         WHAT             NEXT                  LAST                  LAST OUTCOME
            nightly     0 0 2 ? * SAT Europe/Berlin  evacuate h1, h2  2026-11-28 01:00:00Z  2026-11-28 01:00:00Z  still-running
            paused-one  0 0 2 ? * SAT Europe/Berlin  evacuate h1, h2  paused                -                     -

            """,
            run.Out);
    }

    [Fact]
    public async Task Firings_SayWhatBecameOfEach()
    {
        _server.On<ListFiringsRequest, ListFiringsResponse>(_ => new ListFiringsResponse
        {
            Firings = { new Firing { DueAt = s_next, FiredAt = s_next, Outcome = FiringOutcome.Refused, Message = "Guest db-1 is not known." } },
        });

        var run = await Migctl.RunAsync(_server, "schedules", "firings", "nightly");

        Assert.Equal(
            """
            DUE                   FIRED                 OUTCOME  BEGAN  MESSAGE
            2026-11-28 01:00:00Z  2026-11-28 01:00:00Z  refused  -      Guest db-1 is not known.

            """,
            run.Out);
    }

    [Fact]
    public async Task PauseResumeDelete_NameTheSchedule()
    {
        var paused = Of(Nightly());
        paused.Paused = true;
        _server.On<PauseScheduleRequest, PauseScheduleResponse>(_ => new PauseScheduleResponse { Schedule = paused });
        _server.On<ResumeScheduleRequest, ResumeScheduleResponse>(_ => new ResumeScheduleResponse { Schedule = Of(Nightly()) });
        _server.On<DeleteScheduleRequest, DeleteScheduleResponse>(_ => new DeleteScheduleResponse());

        Assert.StartsWith("Schedule nightly is paused.", (await Migctl.RunAsync(_server, "schedules", "pause", "nightly")).Out, StringComparison.Ordinal);
        Assert.StartsWith("Schedule nightly fires next", (await Migctl.RunAsync(_server, "schedules", "resume", "nightly")).Out, StringComparison.Ordinal);
        Assert.StartsWith("Schedule nightly is deleted.", (await Migctl.RunAsync(_server, "schedules", "delete", "nightly")).Out, StringComparison.Ordinal);
        Assert.Equal("nightly", Assert.Single(_server.Seen<DeleteScheduleRequest>()).Name);
    }

    private static CreateScheduleRequest Nightly() => new()
    {
        Name = "nightly",
        CreatedBy = "ops",
        Spec = new ScheduleSpec
        {
            Cron = "0 0 2 ? * SAT",
            TimeZone = "Europe/Berlin",
            Window = TimeSpan.FromHours(4).ToDuration(),
            Evacuation = new EvacuationSpec { HostIds = { "h1", "h2" } },
        },
    };

    private static Schedule Of(CreateScheduleRequest request) =>
        new() { Name = request.Name, Spec = request.Spec, CreatedBy = request.CreatedBy, NextFiringAt = s_next };
}
