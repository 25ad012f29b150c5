using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Orchestrator.Cli.Tests.Scripted;
using Orchestrator.V1;

namespace Orchestrator.Cli.Tests.Evacuations;

public sealed class StartTests : IAsyncLifetime
{
    private ScriptedServer _server = null!;

    public async Task InitializeAsync()
    {
        _server = await ScriptedServer.StartAsync();
        _server.On<StartEvacuationRequest, StartEvacuationResponse>(request => new StartEvacuationResponse
        {
            Evacuation = new Evacuation { EvacuationId = request.EvacuationId, Spec = request.Spec, State = EvacuationState.Running },
        });
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task Start_EveryOption_IsInTheRequest()
    {
        var run = await Migctl.RunAsync(
            _server, "evacuate", "start", "h1", "h2", "--max-hosts-out", "1", "--policy", "predictive", "--retry-policy", "minimal-downtime",
            "--retry-policy", "post-copy", "--max-downtime", "400ms", "--deadline", "2026-11-21T18:00:00Z", "--max-attempts", "6", "--backoff", "20s",
            "--skip", "build-7", "--restart", "cache-2", "--post-copy", "db-1", "--target", "db-1=h9", "--guest-policy", "db-1=vfio-gpu",
            "--guest-max-downtime", "db-1=1s", "--notice-lead", "10m", "--notice-ack", "--notice-webhook", "https://owner.example/moves",
            "--reason", "new kernel", "--class", "system-critical", "--id", EvacuationSample.Id, "--requested-by", "ops", "--no-wait");

        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.StartsWith($"Evacuation {EvacuationSample.Id} has begun: h1, h2.\nWatch it with: migctl evacuate watch", run.Out, StringComparison.Ordinal);
        Assert.Equal(
            new StartEvacuationRequest
            {
                EvacuationId = EvacuationSample.Id,
                RequestedBy = "ops",
                Spec = new EvacuationSpec
                {
                    HostIds = { "h1", "h2" },
                    MaxHostsOut = 1,
                    Policy = "predictive",
                    RetryPolicies = { "minimal-downtime", "post-copy" },
                    MaxDowntime = Sample.Ms(400),
                    Deadline = Timestamp.FromDateTime(new DateTime(2026, 11, 21, 18, 0, 0, DateTimeKind.Utc)),
                    MaxAttempts = 6,
                    Backoff = Sample.Ms(20_000),
                    Overrides =
                    {
                        new GuestOverride { GuestId = "build-7", Treatment = GuestTreatment.Skip },
                        new GuestOverride { GuestId = "cache-2", Treatment = GuestTreatment.Restart },
                        new GuestOverride
                        {
                            GuestId = "db-1", PostCopyAllowed = true, TargetHostId = "h9", Policy = "vfio-gpu", MaxDowntime = Sample.Ms(1000),
                        },
                    },
                    Notice = new NoticeTerms
                    {
                        LeadTime = Sample.Ms(600_000),
                        AcknowledgementEndsWait = true,
                        WebhookUrl = "https://owner.example/moves",
                    },
                    Reason = "new kernel",
                    PriorityClass = "system-critical",
                },
            },
            Assert.Single(_server.Seen<StartEvacuationRequest>()));
    }

    [Fact]
    public async Task Start_FileAndOptions_OptionsHold()
    {
        const string File = """
            {"hostIds": ["h8"], "policy": "predictive", "maxAttempts": 3,
             "overrides": [{"guestId": "db-1", "treatment": "skip"}, {"guestId": "web-1", "postCopyAllowed": true}]}
            """;

        var run = await Migctl.RunAsync(
            ["evacuate", "start", "h1", "--spec", "-", "--policy", "mine", "--target", "web-1=h3", "--no-wait"],
            new Migctl.Setting { Server = _server.Address.OriginalString, Input = File });

        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Equal(
            new EvacuationSpec
            {
                HostIds = { "h1" },
                Policy = "mine",
                MaxAttempts = 3,
                Overrides =
                {
                    new GuestOverride { GuestId = "db-1", Treatment = GuestTreatment.Skip },
                    new GuestOverride { GuestId = "web-1", PostCopyAllowed = true, TargetHostId = "h3" },
                },
            },
            Assert.Single(_server.Seen<StartEvacuationRequest>()).Spec);
    }

    [Fact]
    public async Task Start_DeadlineFromNow_IsAMoment()
    {
        var before = TimeProvider.System.GetUtcNow();

        await Migctl.RunAsync(_server, "evacuate", "start", "h1", "--deadline", "2h", "--no-wait");

        var deadline = Assert.Single(_server.Seen<StartEvacuationRequest>()).Spec.Deadline.ToDateTimeOffset();
        Assert.InRange(deadline, before.AddHours(2), TimeProvider.System.GetUtcNow().AddHours(2));
    }

    [Theory]
    [InlineData("Say what is to be emptied: hosts, --label or --spec", new string[] { })]
    [InlineData("Give hosts or --label, not both", new[] { "h1", "--label", "rack=r1" })]
    [InlineData("--deadline: \"18:00\" is neither a time such as", new[] { "h1", "--deadline", "18:00" })]
    [InlineData("--target: \"db-1\" cannot be understood; write GUEST=HOST", new[] { "h1", "--target", "db-1" })]
    [InlineData("--target: db-1 is given twice", new[] { "h1", "--target", "db-1=h2", "--target", "db-1=h3" })]
    [InlineData("--guest-max-downtime: db-1: \"soon\" is no duration", new[] { "h1", "--guest-max-downtime", "db-1=soon" })]
    [InlineData("build-7 cannot be left where it is and restarted elsewhere", new[] { "h1", "--skip", "build-7", "--restart", "build-7" })]
    [InlineData("--max-hosts-out: \"-1\" is no count", new[] { "h1", "--max-hosts-out", "-1" })]
    [InlineData("--id: \"7\" is no UUID", new[] { "h1", "--id", "7" })]
    [InlineData("\"rack\" is no label", new[] { "--label", "rack" })]
    public async Task Start_Misused_IsRefusedBeforeTheServerIsAsked(string says, string[] arguments)
    {
        var run = await Migctl.RunAsync(_server, ["evacuate", "start", .. arguments]);

        Assert.Equal(2, run.ExitCode);
        Assert.Contains(says, run.Error, StringComparison.Ordinal);
        Assert.Empty(_server.Seen<StartEvacuationRequest>());
    }

    [Theory]
    [InlineData("host_id: [h1]", "is not known; allowed: host_ids")]
    [InlineData("policy: predictive", "names no host")]
    [InlineData("host_ids: [h1]\nbackoff: soon", "is no duration")]
    public async Task Start_FaultyFile_IsRefusedBeforeTheServerIsAsked(string file, string says)
    {
        var run = await Migctl.RunAsync(
            ["evacuate", "start", "--spec", "-"], new Migctl.Setting { Server = _server.Address.OriginalString, Input = file });

        Assert.Equal(2, run.ExitCode);
        Assert.Contains(says, run.Error, StringComparison.Ordinal);
        Assert.Empty(_server.Seen<StartEvacuationRequest>());
    }

    [Fact]
    public async Task Start_HostBeingEvacuated_NamesTheOther()
    {
        _server.On<StartEvacuationRequest, StartEvacuationResponse>(_ => throw ScriptedServer.Refuse(
            StatusCode.FailedPrecondition, "ALREADY_EVACUATING", "Host h1 is being evacuated.", ("host_id", "h1"), ("evacuation_id", EvacuationSample.Id)));

        var run = await Migctl.RunAsync(_server, "evacuate", "start", "h1");

        Assert.Equal(1, run.ExitCode);
        Assert.Contains($"migctl evacuate cancel {EvacuationSample.Id}", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_NoAnswer_TellsHowToLookAndToRepeat()
    {
        _server.On<StartEvacuationRequest, StartEvacuationResponse>(_ => throw ScriptedServer.Refuse(
            StatusCode.Unavailable, "SHUTTING_DOWN", "The server is going down."));

        var run = await Migctl.RunAsync(_server, "evacuate", "start", "h1", "--id", EvacuationSample.Id);

        Assert.Equal(3, run.ExitCode);
        Assert.Contains($"evacuation_id: {EvacuationSample.Id}", run.Error, StringComparison.Ordinal);
        Assert.Contains($"repeating the command with --id {EvacuationSample.Id} is safe", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(EvacuationState.Completed, 0, "Completed after 1 min 15 s. 1 guest: 1 moved.")]
    [InlineData(EvacuationState.Incomplete, 1, "Incomplete: some guests stay after 1 min 15 s.")]
    [InlineData(EvacuationState.Cancelled, 1, "Cancelled after 1 min 15 s.")]
    public async Task Start_Follows_AndLeavesAccordingToTheEnd(EvacuationState end, int exit, string says)
    {
        _server.OnStream<WatchEvacuationRequest, WatchEvacuationResponse>((_, stream, cancellation) => stream.WriteAsync(
            new WatchEvacuationResponse
            {
                Evacuation = EvacuationSample.Ended(end, EvacuationSample.Guest("web-1", EvacuationGuestState.Moved, "is on h2")),
            },
            cancellation));

        var run = await Migctl.RunAsync(_server, "evacuate", "start", "h1", "--id", EvacuationSample.Id);

        Assert.Equal(exit, run.ExitCode);
        Assert.Contains(says, run.Out, StringComparison.Ordinal);
        Assert.Equal(EvacuationSample.Id, Assert.Single(_server.Seen<WatchEvacuationRequest>()).EvacuationId);
    }

    [Fact]
    public async Task Start_Interrupted_TheEvacuationGoesOn()
    {
        using var interrupt = new CancellationTokenSource();
        _server.OnStream<WatchEvacuationRequest, WatchEvacuationResponse>(async (_, stream, cancellation) =>
        {
            await stream.WriteAsync(new WatchEvacuationResponse { Evacuation = EvacuationSample.Running(1) }, cancellation);
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellation);
        });

        var run = await Migctl.RunAsync(["evacuate", "start", "h1", "--id", EvacuationSample.Id], new Migctl.Setting
        {
            Server = _server.Address.OriginalString,
            Interrupt = interrupt.Token,
            Heard = text =>
            {
                if (text.Contains("running: evacuation", StringComparison.Ordinal))
                {
                    interrupt.Cancel();
                }
            },
        });

        Assert.Equal(130, run.ExitCode);
        Assert.Contains("The evacuation goes on", run.Error, StringComparison.Ordinal);
        Assert.Contains($"migctl evacuate watch {EvacuationSample.Id}", run.Error, StringComparison.Ordinal);
    }
}
