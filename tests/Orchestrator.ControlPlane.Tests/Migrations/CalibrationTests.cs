using Google.Protobuf.WellKnownTypes;
using Orchestrator.Agent.V1;
using Orchestrator.ControlPlane.Migrations.Calibration;
using Orchestrator.ControlPlane.Migrations.Ledger;
using Orchestrator.Policy.Convergence;
using Orchestrator.TestPostgres;
using Orchestrator.V1;
using Kind = Orchestrator.Policy.Lifecycle.AgentCommandKind;
using LifecyclePhase = Orchestrator.Policy.Lifecycle.MigrationPhase;
using Migration = Orchestrator.ControlPlane.Migrations.Migration;

namespace Orchestrator.ControlPlane.Tests.Migrations;

/// <summary>What migrations teach about downtimes, and what comes of it. Every test has kinds of devices of its own, or its own database.</summary>
public sealed class CalibrationTests(PostgresFixture postgres) : IClassFixture<PostgresFixture>, IAsyncLifetime
{
    private Fleet _fleet = null!;

    public async Task InitializeAsync() => _fleet = await new Fleet(postgres.DataSource).StartAsync();

    public Task DisposeAsync() => _fleet.DisposeAsync().AsTask();

    [Fact]
    public async Task CompletedLive_TeachesOnce_WhatWasPredictedAndWhatItCost()
    {
        var move = await _fleet.AddGuestAsync(vfio: true);
        await move.CopyAsync(change: request => request.MaxDowntime = Fleet.Seconds(0.4));
        await move.ReadAsync(move.Copying(
            0.5, remaining: 15_000_000, change: report => report.Numbers.ExpectedDowntimeProvenance = Provenance.Computed));
        await CompleteAsync(move, reportedSeconds: 0.34);

        var taught = Assert.Single(await _fleet.QueryAsync<(string Source, string Target, string Device, TimeSpan Overhead)>(
            """
            SELECT source_engine_version, target_engine_version, device_kind, predicted_overhead FROM downtime_observations
             WHERE migration_id = @Id
            """,
            move));
        Assert.Equal(("10.0.13", "11.1.3", "10de:2321", SwitchOverCost.InReports), taught);
        var kind = ObservationKind.Of("10.0.13 (Debian 1:10.0)", "11.1.3", "10de:2321");
        var observation = Assert.Single(await _fleet.Calibrations.ListLatestAsync(kind, anyVersion: false, CancellationToken.None));
        Assert.Equal(new DowntimeObservation(Ms(300), Ms(20), Ms(340), Ms(350), Ms(400)), observation);
        Assert.Equal(Ms(70), observation.Overhead);
    }

    [Fact]
    public async Task WhatDidNotMoveByPreCopyAlone_TeachesNothing()
    {
        var cancelled = await _fleet.AddGuestAsync();
        await cancelled.CopyAsync();
        await cancelled.ReadAsync(cancelled.Copying(0.5));
        await cancelled.CancelAsync();
        (await cancelled.Source.NextAsync(Kind.CancelSource)).Done();
        cancelled.SourceSays(cancelled.Undone());
        (await cancelled.Target.NextAsync(Kind.AbandonTarget)).Done();
        (await cancelled.Source.NextAsync(Kind.AbandonSource)).Done();
        await cancelled.ReachAsync(LifecyclePhase.Cancelled);

        var unpredicted = await _fleet.AddGuestAsync();
        await unpredicted.CopyAsync();
        await CompleteAsync(unpredicted, reportedSeconds: 0.3);

        Assert.Empty(await _fleet.QueryAsync<Guid>(
            "SELECT migration_id FROM downtime_observations WHERE migration_id = ANY (@ids)", new { ids = new[] { cancelled.Id, unpredicted.Id } }));

        var ended = await EndedAsync();
        Assert.NotNull(TaughtDowntime.Of(ended, ""));
        Assert.Null(TaughtDowntime.Of(ended with { Phase = LifecyclePhase.Verifying }, ""));
        Assert.Null(TaughtDowntime.Of(ended with { Mode = MigrationMode.NonLive }, ""));
        Assert.Null(TaughtDowntime.Of(ended with { GuestWasRunning = false }, ""));
        Assert.Null(TaughtDowntime.Of(ended with { Tally = Known with { PostCopyUsed = true } }, ""));
        Assert.Null(TaughtDowntime.Of(ended with { Tally = Known with { PausedToConverge = Ms(1) } }, ""));
        Assert.Null(TaughtDowntime.Of(ended with { Tally = Known with { PredictedOverhead = null } }, ""));
        Assert.Null(TaughtDowntime.Of(ended with { Tally = Known with { ReportedDowntime = null } }, ""));
    }

    [Fact]
    public async Task TwoWritersOfOneEnd_OneRow()
    {
        for (var round = 0; round < 10; round++)
        {
            var read = await EndedAsync();
            var write = Teaching(read, TaughtDowntime.Of(read, "race"));
            var fenced = Teaching(read with { Epoch = 7 }, TaughtDowntime.Of(read, "race"));

            var outcomes = await Task.WhenAll(
                _fleet.Progress.WriteAsync(write, CancellationToken.None),
                _fleet.Progress.WriteAsync(write, CancellationToken.None),
                _fleet.Progress.WriteAsync(fenced, CancellationToken.None));

            Assert.Equal([WriteOutcome.Written, WriteOutcome.Written, WriteOutcome.Fenced], outcomes);
            Assert.Equal(1, await _fleet.ScalarAsync<long>(
                "SELECT count(*) FROM downtime_observations WHERE migration_id = @MigrationId", read));
        }
    }

    [Fact]
    public async Task WhatIsLearnt_IsToldToTheAgent_AndHoldsForThisCopyWhateverIsLearntAfter()
    {
        var move = await _fleet.AddGuestAsync();
        await TeachAsync("10.0.13", "10.0.13", "", [100, 110, 120, 130, 200]);
        await _fleet.ExecuteAsync(
            """
            UPDATE hosts
               SET description = jsonb_set(description, '{links}', @links::jsonb)
             WHERE host_id IN (@SourceHost, @TargetHost)
            """,
            new
            {
                move.SourceHost,
                move.TargetHost,
                links = """[{"name": "eth0", "bytesPerSecond": "125000000", "carriesMigrations": true}, {"name": "eth1", "bytesPerSecond": "9"}]""",
            });

        var told = (await move.CopyAsync(MigrationLifeTests.PostCopyAfter(seconds: 3600))).StartSource.Unattended;

        Assert.Equal(Fleet.Seconds(0.12), told.OverheadTypical);
        Assert.Equal(Ms(172).ToDuration(), told.OverheadHigh);
        Assert.Equal(125_000_000UL, told.LineBytesPerSecond);

        // Another commander, who would learn otherwise now, goes on with the same; so does another policy.
        await TeachAsync("10.0.13", "10.0.13", "", [900, 900, 900, 900, 900, 900, 900, 900, 900, 900]);
        await _fleet.DisposeAsync();
        _fleet = move.Fleet = await new Fleet(postgres.DataSource, _fleet.Agents, _fleet.Clock).StartAsync();
        await move.ReadAsync(move.Copying(0.5));
        var other = await _fleet.AddPolicyAsync(Fleet.Doubling);
        await move.AdjustAsync(new AdjustMigrationRequest { SwitchPolicy = new SwitchPolicy { Policy = other } });
        var switched = (await move.Source.NextAsync(Kind.AdjustSource)).Request.AdjustSource.Unattended;
        Assert.Equal(
            (told.OverheadTypical, told.OverheadHigh, told.LineBytesPerSecond),
            (switched.OverheadTypical, switched.OverheadHigh, switched.LineBytesPerSecond));
    }

    [Fact]
    public async Task List_TellsHowWellEachKindWasPredicted_TheLatestTwoHundredOnly()
    {
        await TeachAsync("1.0", "2.0", "list-a", [10, 20, 30, 40]);
        var last = _fleet.Clock.GetUtcNow().ToTimestamp();
        await TeachAsync("1.0", "2.0", "list-b", [.. Enumerable.Repeat(500, 30), .. Enumerable.Repeat(60, 200)]);

        var all = (await _fleet.Hindsight.ListCalibrationsAsync(CancellationToken.None)).Calibrations;

        var few = Assert.Single(all, calibration => calibration.DeviceKind == "list-a");
        Assert.Equal(("qemu", "1.0", "2.0", 4u, null), (few.Engine, few.SourceEngineVersion, few.TargetEngineVersion, few.Migrations, few.OverheadTypical));
        Assert.Equal((Fleet.Seconds(0.005), Fleet.Seconds(0.01)), (few.ErrorMedian, few.ErrorAbsoluteMedian));
        Assert.Equal((1.0, last), (few.WithinBudget, few.LastAt));
        var many = Assert.Single(all, calibration => calibration.DeviceKind == "list-b");
        Assert.Equal((200u, Fleet.Seconds(0.06), Fleet.Seconds(0.06)), (many.Migrations, many.OverheadTypical, many.OverheadHigh));

        await _fleet.Calibrations.RemoveOldAsync(CancellationToken.None);
        Assert.Equal(200, await _fleet.ScalarAsync<long>("SELECT count(*) FROM downtime_observations WHERE device_kind = 'list-b'", new { }));
        Assert.Equal(all, (await _fleet.Hindsight.ListCalibrationsAsync(CancellationToken.None)).Calibrations);
    }

    [Fact]
    public async Task FewOfTheseEngines_ThoseOfTheSameDevicesTeach()
    {
        await TeachAsync("1.0", "1.0", "any", [70, 70, 70]);
        await TeachAsync("2.0", "2.0", "any", [90, 90, 90]);

        Assert.Equal(6, (await _fleet.Calibrations.ListLatestAsync(ObservationKind.Of("3.0", "3.0", "any"), true, CancellationToken.None)).Count);
        Assert.Empty(await _fleet.Calibrations.ListLatestAsync(ObservationKind.Of("3.0", "3.0", "any"), false, CancellationToken.None));
        Assert.Empty(await _fleet.Calibrations.ListLatestAsync(ObservationKind.Of("1.0", "1.0", "other"), true, CancellationToken.None));
    }

    private static ControlPlane.Migrations.MigrationTally Known => new()
    {
        PredictedDowntime = Ms(100),
        PredictedOverhead = TimeSpan.Zero,
        ReportedDowntime = Ms(110),
        SourceEngineVersion = "10.0.13 (Debian)",
        TargetEngineVersion = "11.1.3",
    };

    private static async Task CompleteAsync(Move move, double reportedSeconds)
    {
        move.SourceSays(move.SourceReport(SessionState.SwitchingOver, "device", RunState.FinishMigrate));
        await move.ReachAsync(LifecyclePhase.SwitchingOver);
        var completed = move.Completed();
        completed.Numbers = new TransferNumbers { Downtime = Fleet.Seconds(reportedSeconds), PassesHonest = true };
        move.SourceSays(completed);
        (await move.Target.NextAsync(Kind.HandOverTarget)).Done(move.Arrived());
        (await move.Source.NextAsync(Kind.FinishSource)).Done();
        (await move.Target.NextAsync(Kind.FinishTarget)).Done();
        await move.ReachAsync(LifecyclePhase.Completed);
    }

    /// <summary>One migration each, whose switch-over cost so many milliseconds besides 20 that were sending; the last is the latest.</summary>
    private async Task TeachAsync(string source, string target, string device, int[] overheads)
    {
        foreach (var overhead in overheads)
        {
            _fleet.Clock.Advance(TimeSpan.FromMilliseconds(1));
            var read = await EndedAsync();
            var taught = new TaughtDowntime(
                ObservationKind.Of(source, target, device), new DowntimeObservation(Ms(40), Ms(20), Ms(20 + overhead), null, Ms(600)));
            Assert.Equal(WriteOutcome.Written, await _fleet.Progress.WriteAsync(Teaching(read, taught), CancellationToken.None));
        }
    }

    private LedgerWrite Teaching(Migration read, TaughtDowntime? taught) =>
        new(read, read with { Revision = read.Revision + 1 }, _fleet.Clock.GetUtcNow()) { Taught = taught };

    /// <summary>One that nobody commands any more.</summary>
    private async Task<Migration> EndedAsync()
    {
        var at = _fleet.Clock.GetUtcNow();
        var ended = new Migration
        {
            MigrationId = Guid.NewGuid(),
            GuestId = $"guest-{Guid.NewGuid():N}",
            SourceHostId = "h1",
            TargetHostId = "h2",
            Request = new StartMigrationRequest(),
            Spec = new MachineSpec { MemoryBytes = Fleet.Memory },
            Policy = "doubling",
            PolicyRevision = 1,
            Mode = MigrationMode.Live,
            MaxDowntime = Ms(600),
            GuestWasRunning = true,
            Phase = LifecyclePhase.Completed,
            PhaseSince = at,
            CreatedAt = at,
            EndedAt = at,
            Revision = 1,
            Epoch = 1,
            Tally = Known,
        };
        Assert.Equal(AdmitOutcome.Admitted, await _fleet.Migrations.AdmitAsync(ended, CancellationToken.None));
        return ended;
    }

    private static TimeSpan Ms(double milliseconds) => TimeSpan.FromMilliseconds(milliseconds);
}
