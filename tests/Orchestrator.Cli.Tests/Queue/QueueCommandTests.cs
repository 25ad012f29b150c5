using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Orchestrator.Cli.Tests.Scripted;
using Orchestrator.V1;

namespace Orchestrator.Cli.Tests.Queue;

public sealed class QueueCommandTests : IAsyncLifetime
{
    private static readonly AdmissionLimits s_limits = new()
    {
        Transferring = 2000,
        Preparing = 500,
        TransferringPerSource = 4,
        TransferringPerTarget = 4,
        PreparingPerTarget = 4,
        PerLabel = { new LabelLimit { Label = "rack", Transferring = 20 } },
        LinkShare = 0.9,
        MinBytesPerSecond = 32L << 20,
        Classes = { new PriorityClass { Name = "user", Priority = 500, Ageing = TimeSpan.FromMinutes(1).ToDuration(), Weight = 100 } },
        FailureMemory = TimeSpan.FromMinutes(10).ToDuration(),
    };

    private ScriptedServer _server = null!;

    public async Task InitializeAsync()
    {
        _server = await ScriptedServer.StartAsync();
        _server.On<GetLimitsRequest, GetLimitsResponse>(_ => new GetLimitsResponse
        {
            Limits = s_limits,
            Revision = 7,
            ChangedAt = new DateTimeOffset(2026, 8, 1, 12, 0, 0, TimeSpan.Zero).ToTimestamp(),
            ChangedBy = "ops",
        });
        _server.On<UpdateLimitsRequest, UpdateLimitsResponse>(request => new UpdateLimitsResponse { Limits = request.Limits, Revision = 8 });
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task QueueList_ShowsWhoWaitsForWhat()
    {
        _server.On<ListQueueRequest, ListQueueResponse>(_ => new ListQueueResponse
        {
            Total = 5,
            Queue =
            {
                new QueuedMigration
                {
                    MigrationId = "m-1", GuestId = "web-1", SourceHostId = "h1", TargetHostId = "h2",
                    Standing = new QueueStanding
                    {
                        Position = 1, PriorityClass = "user", EffectivePriority = 501.25,
                        PredictedStart = new DateTimeOffset(2026, 8, 1, 12, 0, 30, TimeSpan.Zero).ToTimestamp(),
                        Reasons = { new WaitReason { Cause = WaitCause.SourceLimit, Message = "4 migrations are being prepared from its source h1, at most 4 may" } },
                    },
                },
                new QueuedMigration
                {
                    MigrationId = "m-2", GuestId = "db-1", SourceHostId = "h1",
                    Standing = new QueueStanding
                    {
                        Position = 2, PriorityClass = "rebalancing", EffectivePriority = 250,
                        Reasons = { new WaitReason { Message = "one" }, new WaitReason { Message = "two" } },
                    },
                },
            },
        });

        var run = await Migctl.RunAsync(_server, "queue", "list", "--limit", "2", "--class", "user");

        Assert.Equal(
            """
            POSITION  MIGRATION  GUEST  FROM  TO              CLASS        PRIORITY  PREDICTED START       WAITS FOR
            1         m-1        web-1  h1    h2              user         501.3     2026-08-01 12:00:30Z  4 migrations are being prepared from its source h1, at most 4 may
            2         m-2        db-1   h1    (to be chosen)  rebalancing  250       -                     one; two

            2 of 5 that wait.

            """,
            run.Out);
        Assert.Equal((2U, "user"), (_server.Seen<ListQueueRequest>()[0].PageSize, _server.Seen<ListQueueRequest>()[0].PriorityClass));
    }

    [Fact]
    public async Task LimitsGet_PrintsTheFileThatSetTakesBack()
    {
        var got = await Migctl.RunAsync(_server, "limits", "get");
        Assert.StartsWith("# revision 7, 2026-08-01 12:00:00Z, ops\ntransferring: 2000\n", got.Out, StringComparison.Ordinal);
        Assert.Contains("min_bytes_per_second: 32MiB/s\n", got.Out, StringComparison.Ordinal);
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, got.Out);
            var set = await Migctl.RunAsync(_server, "limits", "set", "-f", file, "--changed-by", "me");
            Assert.Equal("The limits have a new revision: 8 (was 7). They hold from now on.\n", set.Out);
            Assert.Equal(
                new UpdateLimitsRequest { Limits = s_limits, ExpectedRevision = 7, ChangedBy = "me" }, Assert.Single(_server.Seen<UpdateLimitsRequest>()));
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public async Task LimitsSet_SingleFlags_GoOnTopOfThoseThatHold()
    {
        await Migctl.RunAsync(_server, "limits", "set", "--transferring", "10", "--min-rate", "64MiB/s", "--link-share", "0.5", "--failure-memory", "5m");

        var wanted = s_limits.Clone();
        (wanted.Transferring, wanted.MinBytesPerSecond, wanted.LinkShare) = (10, 64L << 20, 0.5);
        wanted.FailureMemory = TimeSpan.FromMinutes(5).ToDuration();
        Assert.Equal(wanted, Assert.Single(_server.Seen<UpdateLimitsRequest>()).Limits);
    }

    [Fact]
    public async Task LimitsSet_NothingOrStale_IsTold()
    {
        var nothing = await Migctl.RunAsync(_server, "limits", "set", "--changed-by", "me");
        Assert.Equal(2, nothing.ExitCode);
        Assert.Contains("Nothing to change", nothing.Error, StringComparison.Ordinal);

        _server.On<UpdateLimitsRequest, UpdateLimitsResponse>(_ => throw ScriptedServer.Refuse(StatusCode.Aborted, "LIMITS_STALE", "Somebody wrote newer limits."));
        var stale = await Migctl.RunAsync(_server, "limits", "set", "--preparing", "3");
        Assert.Contains("migctl limits get", stale.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Migrate_WithoutAHost_LeavesTheChoiceToTheServer()
    {
        _server.On<StartMigrationRequest, StartMigrationResponse>(request => new StartMigrationResponse
        {
            Migration = new Migration
            {
                MigrationId = request.MigrationId,
                GuestId = request.GuestId,
                SourceHostId = "h1",
                Phase = MigrationPhase.Queued,
            },
        });

        var run = await Migctl.RunAsync(_server, "migrate", "web-1", "--class", "rebalancing", "--not-before", "2h", "--detach");

        var request = Assert.Single(_server.Seen<StartMigrationRequest>());
        Assert.Equal(("", "rebalancing"), (request.TargetHostId, request.PriorityClass));
        Assert.NotNull(request.NotBefore);
        Assert.Contains("is in the queue: guest web-1 from h1 to (to be chosen).", run.Out, StringComparison.Ordinal);
    }
}
