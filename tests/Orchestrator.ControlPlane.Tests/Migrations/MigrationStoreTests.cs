using Google.Protobuf.WellKnownTypes;
using Orchestrator.Agent.V1;
using Orchestrator.ControlPlane.Guests;
using Orchestrator.ControlPlane.Migrations;
using Orchestrator.ControlPlane.Migrations.Ledger;
using Orchestrator.Policy.Lifecycle;
using Orchestrator.TestPostgres;
using Orchestrator.V1;
using FailureReason = Orchestrator.Policy.Lifecycle.FailureReason;
using Migration = Orchestrator.ControlPlane.Migrations.Migration;
using MigrationPhase = Orchestrator.Policy.Lifecycle.MigrationPhase;

namespace Orchestrator.ControlPlane.Tests.Migrations;

public sealed class MigrationStoreTests(PostgresFixture postgres) : IClassFixture<PostgresFixture>
{
    private static readonly DateTimeOffset s_at = new(2026, 3, 1, 12, 0, 0, 123, TimeSpan.Zero);

    private static readonly Guid s_replica = Guid.NewGuid();

    private readonly Fleet _fleet = Fleet.Idle(postgres.DataSource);

    [Fact]
    public async Task AdmitAsync_EveryColumn_ReadsBackTheSame()
    {
        var (migration, guest) = await FullAsync();

        Assert.Equal(AdmitOutcome.Admitted, await _fleet.Migrations.AdmitAsync(migration, CancellationToken.None));

        Assert.Equal(migration, await _fleet.Migrations.FindAsync(migration.MigrationId, CancellationToken.None));
        Assert.Equal(
            migration, Assert.Single(await _fleet.Migrations.ListAsync(
                new MigrationQuery(migration.GuestId, "", [], false), null, 10, CancellationToken.None)));
        Assert.Null((await _fleet.Guests.FindAsync(migration.GuestId, CancellationToken.None))!.ActiveMigrationId);

        await _fleet.LetThroughAsync(migration);
        var held = await _fleet.Guests.FindAsync(migration.GuestId, CancellationToken.None);
        Assert.Equal(
            (migration.MigrationId, migration.TargetHostId, true, guest.Revision + 1),
            (held!.ActiveMigrationId, held.MigrationTargetHostId, held.MigrationKeepsStopped, held.Revision));
    }

    [Fact]
    public async Task WriteAsync_EveryColumn_ReadsBackTheSame()
    {
        var read = await AdmittedAsync();
        var now = Moved(read) with
        {
            Policy = "other",
            PolicyRevision = 9,
            MaxDowntime = TimeSpan.FromMilliseconds(55),
            MaxBytesPerSecond = 66,
            Phase = MigrationPhase.NeedsAttention,
            PhaseSince = s_at.AddSeconds(1),
            Ending = new IntendedEnding(FailureReason.EngineFailed, "engine words"),
            Attention = new Attention(FailureReason.Undecidable, "look here"),
            ListenUri = "tcp:127.0.0.2:1",
            ConvergenceState = """{"a": 1}""",
            PlausibilityMemory = """{"b": 2}""",
            LatestReading = Readings.Full(7),
            LastTransition = read.LastTransition + 1,
            LastDecision = 1,
            LastCommand = 2,
            Tally = new MigrationTally
            {
                PredictedDowntime = TimeSpan.FromMilliseconds(1),
                PredictedOverhead = TimeSpan.FromMilliseconds(10),
                ReportedDowntime = TimeSpan.FromMilliseconds(2),
                ObservedDowntime = TimeSpan.FromMilliseconds(3),
                BytesTransferred = 4,
                RamBytes = 5,
                Passes = 6,
                ThrottlePercent = 7,
                FinalLimit = TimeSpan.FromMilliseconds(8),
                PostCopyUsed = true,
                PausedToConverge = TimeSpan.FromMilliseconds(9),
                SourceEngineVersion = "10.0.13",
                TargetEngineVersion = "11.1.3",
            },
        };
        var decision = new Decision
        {
            Sequence = 1,
            At = s_at.ToTimestamp(),
            Elapsed = Fleet.Seconds(3.5),
            Action = DecisionAction.SetDowntimeLimit,
            Origin = DecisionOrigin.Policy,
            Rule = "pacing.exponential",
            Reason = "because",
            DowntimeLimit = Fleet.Seconds(0.2),
            ThrottleMaxPercent = 80,
            BandwidthBytesPerSecond = 1000,
            MaxPause = Fleet.Seconds(4),
            ReadingSequence = 7,
            Inputs = { ["budget_ms"] = "400", ["remaining_bytes"] = "12" },
            Policy = "other",
            PolicyRevision = 9,
            Outcome = DecisionOutcome.Intended,
            ReportToDecision = Fleet.Seconds(0.001),
            SwitchoverBytesPerSecond = 13,
            Forecast = new Forecast { Sound = true, FloorLowBytes = 14, DowntimeHigh = Fleet.Seconds(0.3), TimeLow = Fleet.Seconds(20) },
            Alternatives =
            {
                new Alternative { Action = "raise_downtime", DowntimeLow = Fleet.Seconds(0.5), Verdict = "not within the budget" },
                new Alternative { Action = "throttle", ThrottlePercent = 40, Fits = true, Time = Fleet.Seconds(30), Verdict = "chosen" },
            },
        };
        StoredCommand[] commands =
        [
            new(1, read.SourceHostId, AgentCommandKind.AdjustSource, Adjust(read, 1), s_at),
            new(2, read.TargetHostId, AgentCommandKind.HandOverTarget, Adjust(read, 2), s_at),
        ];

        var written = await _fleet.Progress.WriteAsync(
            new LedgerWrite(read, now, s_at) { Reason = "why", Decision = new StoredDecision(decision, 1, Guid.NewGuid()), Commands = commands },
            CancellationToken.None);

        Assert.Equal(WriteOutcome.Written, written);
        Assert.Equal(now, await _fleet.Migrations.FindAsync(read.MigrationId, CancellationToken.None));
        Assert.Equal(decision, Assert.Single(await _fleet.History.ListDecisionsAsync(read.MigrationId, 0, 10, CancellationToken.None)));
        Assert.Equal(commands, (await _fleet.Progress.ListCommandsAsync([read.MigrationId], CancellationToken.None))[read.MigrationId]);
        Assert.Equal(
            new Transition
            {
                Sequence = 3,
                From = V1.MigrationPhase.Queued,
                To = V1.MigrationPhase.NeedsAttention,
                At = s_at.ToTimestamp(),
                Reason = "why",
            },
            (await _fleet.History.ListTransitionsAsync(read.MigrationId, CancellationToken.None))[2]);

        var answered = commands[0] with { Answer = new CommandAnswer(CommandOutcome.Refused, s_at.AddSeconds(2), "no", "tcp:x") };
        Assert.True(await _fleet.Progress.AnswerAsync(now, answered, TimeSpan.FromMilliseconds(4), CancellationToken.None));
        Assert.Equal(
            [answered, commands[1]], (await _fleet.Progress.ListCommandsAsync([read.MigrationId], CancellationToken.None))[read.MigrationId]);
        var refused = Assert.Single(await _fleet.History.ListDecisionsAsync(read.MigrationId, 0, 10, CancellationToken.None));
        Assert.Equal(
            (DecisionOutcome.Refused, "no", TimeSpan.FromMilliseconds(4)),
            (refused.Outcome, refused.OutcomeMessage, refused.DecisionToCommand.ToTimeSpan()));
    }

    [Fact]
    public async Task AdmitAsync_TwoForOneGuest_ExactlyOneIsAdmitted()
    {
        for (var round = 0; round < 20; round++)
        {
            var move = await _fleet.AddGuestAsync();
            var guest = await _fleet.Guests.FindAsync(move.GuestId, CancellationToken.None);
            var outcomes = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ =>
                _fleet.Migrations.AdmitAsync(Plain(move), CancellationToken.None)));

            Assert.Equal(1, outcomes.Count(outcome => outcome == AdmitOutcome.Admitted));
            Assert.All(
                outcomes, outcome => Assert.Contains(
                    outcome, (AdmitOutcome[])[AdmitOutcome.Admitted, AdmitOutcome.GuestAlreadyMigrating]));
        }
    }

    [Fact]
    public async Task AdmitAsync_SameIdAgain_IsAdmittedBefore()
    {
        var read = await AdmittedAsync();

        Assert.Equal(AdmitOutcome.AdmittedBefore, await _fleet.Migrations.AdmitAsync(read, CancellationToken.None));
    }

    [Fact]
    public async Task WriteAsync_TheSameStatementTwice_IsWrittenOnce()
    {
        // What happens when the connection breaks between the commit and its acknowledgement.
        var read = await AdmittedAsync();
        var write = new LedgerWrite(read, Moved(read) with { LastTransition = 3, Phase = MigrationPhase.Preparing }, s_at);

        Assert.Equal(WriteOutcome.Written, await _fleet.Progress.WriteAsync(write, CancellationToken.None));
        Assert.Equal(WriteOutcome.Written, await _fleet.Progress.WriteAsync(write, CancellationToken.None));
        Assert.Equal(3, (await _fleet.History.ListTransitionsAsync(read.MigrationId, CancellationToken.None)).Count);
    }

    [Fact]
    public async Task WriteAsync_ItsEvacuationPausedAMomentBefore_IsWritten()
    {
        var evacuation = Guid.NewGuid();
        var move = await _fleet.AddGuestAsync();
        var migration = Plain(move) with { EvacuationId = evacuation };
        Assert.Equal(AdmitOutcome.Admitted, await _fleet.Migrations.AdmitAsync(migration, CancellationToken.None));
        var read = await _fleet.LetThroughAsync(migration);

        await _fleet.Slots.HoldAsync(evacuation, true, CancellationToken.None);
        var write = new LedgerWrite(read, Moved(read) with { LastTransition = 3, Phase = MigrationPhase.Preparing }, s_at);
        Assert.Equal(WriteOutcome.Written, await _fleet.Progress.WriteAsync(write, CancellationToken.None));
        Assert.Equal(MigrationPhase.Preparing, (await _fleet.Migrations.FindAsync(read.MigrationId, CancellationToken.None))?.Phase);
    }

    [Fact]
    public async Task WriteAsync_AnotherWroteUnderTheSameEpoch_IsNotTakenForItsOwnWrite()
    {
        var read = await AdmittedAsync();
        var now = Moved(read) with { LastTransition = 3, Phase = MigrationPhase.Preparing };
        Assert.Equal(WriteOutcome.Written, await _fleet.Progress.WriteAsync(new LedgerWrite(read, Moved(read), s_at), CancellationToken.None));

        await Assert.ThrowsAsync<System.Diagnostics.UnreachableException>(
            () => _fleet.Progress.WriteAsync(new LedgerWrite(read, now, s_at), CancellationToken.None));
        Assert.Equal(MigrationPhase.Queued, (await _fleet.Migrations.FindAsync(read.MigrationId, CancellationToken.None))?.Phase);
    }

    [Fact]
    public async Task WriteAsync_FencedOut_ChangesNothing()
    {
        var read = await AdmittedAsync();
        var adopted = await AdoptAsync(read);
        Assert.Equal(read.Epoch + 1, adopted?.Epoch);
        StoredCommand command = new(1, read.SourceHostId, AgentCommandKind.CancelSource, Adjust(read, 1), s_at);

        var outcome = await _fleet.Progress.WriteAsync(
            new LedgerWrite(read, Moved(read) with { Phase = MigrationPhase.Preparing, LastTransition = 3 }, s_at) { Commands = [command] },
            CancellationToken.None);

        Assert.Equal(WriteOutcome.Fenced, outcome);
        Assert.Equal(adopted, await _fleet.Migrations.FindAsync(read.MigrationId, CancellationToken.None));
        Assert.Equal(2, (await _fleet.History.ListTransitionsAsync(read.MigrationId, CancellationToken.None)).Count);
        Assert.Empty((await _fleet.Progress.ListCommandsAsync([read.MigrationId], CancellationToken.None))[read.MigrationId]);
        Assert.False(await _fleet.Progress.AnswerAsync(
            read, command with { Answer = new CommandAnswer(CommandOutcome.Done, s_at, "", "") }, null, CancellationToken.None));
    }

    [Fact]
    public async Task WriteAsync_TwoOwners_OnlyTheLastAdopterWrites()
    {
        for (var round = 0; round < 10; round++)
        {
            var read = await AdmittedAsync();
            var adopted = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ =>
                AdoptAsync(read)));
            Assert.Equal([2L, 3L, 4L], adopted.Select(migration => migration!.Epoch).Order());

            var outcomes = await Task.WhenAll(adopted.Select(async mine => (mine!.Epoch, Outcome: await _fleet.Progress.WriteAsync(
                new LedgerWrite(mine, Moved(mine) with { Phase = MigrationPhase.Preparing, LastTransition = 3 }, s_at), CancellationToken.None))));

            Assert.All(outcomes, outcome => Assert.Equal(outcome.Epoch == 4 ? WriteOutcome.Written : WriteOutcome.Fenced, outcome.Outcome));
        }
    }

    [Fact]
    public async Task WriteAsync_SameRequestTwice_IsRequestedBefore()
    {
        var read = await AdmittedAsync();
        var request = Guid.NewGuid();
        var first = Moved(read) with { LastDecision = 1 };
        Assert.Equal(WriteOutcome.Written, await _fleet.Progress.WriteAsync(Deciding(read, first, request), CancellationToken.None));

        var second = Moved(first) with { LastDecision = 2 };
        Assert.Equal(WriteOutcome.RequestedBefore, await _fleet.Progress.WriteAsync(Deciding(first, second, request), CancellationToken.None));
        Assert.Equal(first, await _fleet.Migrations.FindAsync(read.MigrationId, CancellationToken.None));
    }

    [Theory]
    [InlineData(MigrationPhase.Completed, true)]
    [InlineData(MigrationPhase.Cancelled, false)]
    [InlineData(MigrationPhase.Failed, false)]
    public async Task WriteAsync_AtTheEnd_SetsTheGuestFree(MigrationPhase end, bool moved)
    {
        var read = await AdmittedAsync();
        var now = Moved(read) with { Phase = end, LastTransition = 3, EndedAt = s_at, PhaseSince = s_at };

        await _fleet.Progress.WriteAsync(new LedgerWrite(read, now, s_at) { GuestState = StoredGuestState.Paused }, CancellationToken.None);

        var guest = await _fleet.Guests.FindAsync(read.GuestId, CancellationToken.None);
        Assert.Equal(
            (moved ? read.TargetHostId : read.SourceHostId, null, null, StoredGuestState.Paused),
            (guest?.HostId, guest?.ActiveMigrationId, guest?.MigrationTargetHostId, guest!.State));
        Assert.Null(await _fleet.Migrations.FindRunningOfAsync(read.GuestId, CancellationToken.None));
        Assert.Null(await AdoptAsync(read));
    }

    [Fact]
    public async Task ListAsync_PageByPage_ShowsEachOnceNewestFirst()
    {
        var move = await _fleet.AddGuestAsync();
        var ids = new List<Guid>();
        for (var age = 0; age < 5; age++)
        {
            var guest = await _fleet.Guests.FindAsync(move.GuestId, CancellationToken.None);

            // Two of them at the same moment.
            var migration = Plain(move) with { CreatedAt = s_at.AddSeconds(age / 2) };
            Assert.Equal(AdmitOutcome.Admitted, await _fleet.Migrations.AdmitAsync(migration, CancellationToken.None));
            ids.Add(migration.MigrationId);
            await _fleet.Progress.WriteAsync(
                new LedgerWrite(migration, Moved(migration) with { Phase = MigrationPhase.Failed, EndedAt = s_at, LastTransition = 3 }, s_at),
                CancellationToken.None);
        }

        var query = new MigrationQuery("", move.TargetHost, [MigrationPhase.Failed, MigrationPhase.Cancelled], false);
        var seen = new List<Migration>();
        for (MigrationKey? before = null; ;)
        {
            var page = await _fleet.Migrations.ListAsync(query, before, 2, CancellationToken.None);
            seen.AddRange(page);
            if (page.Count < 2)
            {
                break;
            }

            before = new MigrationKey(page[^1].CreatedAt, page[^1].MigrationId);
        }

        Assert.Equal(ids.Order(), seen.Select(migration => migration.MigrationId).Order());
        Assert.Equal(seen.OrderByDescending(migration => migration.CreatedAt).Select(migration => migration.CreatedAt), seen.Select(migration => migration.CreatedAt));
        Assert.Empty(await _fleet.Migrations.ListAsync(query with { RunningOnly = true }, null, 10, CancellationToken.None));
        Assert.Empty(await _fleet.Migrations.ListAsync(query with { Phases = [MigrationPhase.Copying] }, null, 10, CancellationToken.None));
    }

    private static LedgerWrite Deciding(Migration read, Migration now, Guid request) => new(read, now, s_at)
    {
        Decision = new StoredDecision(
            new Decision { Action = DecisionAction.Pause, Origin = DecisionOrigin.Caller, Outcome = DecisionOutcome.Applied }, null, request),
    };

    private static Migration Moved(Migration read) => read with { Revision = read.Revision + 1 };

    private static ExecuteRequest Adjust(Migration migration, ulong commandId) => new()
    {
        MigrationId = migration.MigrationId.ToString(),
        CommandId = commandId,
        AdjustSource = new AdjustSource { MaxBytesPerSecond = 5 },
    };

    private static Migration Plain(Move move) => new()
    {
        MigrationId = Guid.NewGuid(),
        GuestId = move.GuestId,
        SourceHostId = move.SourceHost,
        TargetHostId = move.TargetHost,
        Request = move.Request(),
        Spec = new MachineSpec { MemoryBytes = Fleet.Memory },
        Policy = "doubling",
        PolicyRevision = 1,
        Mode = MigrationMode.Live,
        MaxDowntime = TimeSpan.FromMilliseconds(400),
        GuestWasRunning = true,
        Phase = MigrationPhase.Queued,
        PhaseSince = s_at,
        CreatedAt = s_at,
        Revision = 1,
        Epoch = 1,
        ReplicaId = s_replica,
        LastTransition = 2,
    };

    private async Task<Migration> AdmittedAsync()
    {
        var move = await _fleet.AddGuestAsync();
        var guest = await _fleet.Guests.FindAsync(move.GuestId, CancellationToken.None);
        var migration = Plain(move);
        Assert.Equal(AdmitOutcome.Admitted, await _fleet.Migrations.AdmitAsync(migration, CancellationToken.None));
        return await _fleet.LetThroughAsync(migration);
    }

    private async Task<(Migration Migration, StoredGuest Guest)> FullAsync()
    {
        var move = await _fleet.AddGuestAsync();
        var guest = await _fleet.Guests.FindAsync(move.GuestId, CancellationToken.None);
        return (Plain(move) with
        {
            Mode = MigrationMode.NonLive,
            Deadline = TimeSpan.FromHours(30),
            MaxBytesPerSecond = 12345678901,
            RequestedBy = "an operator",
            GuestWasRunning = false,
            LatestReading = Readings.Full(1),
        }, guest!);
    }

    private Task<Migration?> AdoptAsync(Migration read) =>
        _fleet.Claims.AdoptAsync(read.MigrationId, s_replica, CancellationToken.None);
}
