namespace Orchestrator.Qmp.Tests;

/// <summary>What a reader of this client learns of each recorded migration, and where QEMU's numbers must not be believed.</summary>
public sealed class RecordedOutcomeTests
{
    public static TheoryData<string> Cases => [.. RecordedOutcome.All.Select(outcome => outcome.Case)];

    [Fact]
    public void All_HasEveryRecording() =>
        Assert.Equal(Transcript.Names(), RecordedOutcome.All.Select(outcome => outcome.Case).Order(StringComparer.Ordinal));

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Replay_RecordedMigration_ComesOutAsItDid(string name)
    {
        using var source = await ReplayAsync(name, "src");
        using var destination = await ReplayAsync(name, "dst");
        var last = source.Migrations.Last();
        var lastNumbers = source.Migrations.LastOrDefault(migration => migration.Ram is not null && !migration.Status.IsTerminal);
        var guest = VmStatus.Parse(new ReplyReader("query-status", source.Returned("query-status").Last()));
        var passes = source.Events.Select(happened => happened.Pass).OfType<long>().ToList();

        Assert.Equal(
            RecordedOutcome.All.Single(outcome => outcome.Case == name),
            new RecordedOutcome(name)
            {
                Final = last.Status,
                Guest = guest.State,
                Source = Statuses(source),
                Destination = Statuses(destination),
                Passes = passes.Count == 0 ? null : (passes.Count, passes[0], passes[^1]),
                TotalBytes = (last.Ram ?? lastNumbers?.Ram)?.TotalBytes,
                LastRemainingBytes = lastNumbers?.Ram?.RemainingBytes,
                LastSystemWideBytes = lastNumbers?.RemainingBytes,
                DowntimeMilliseconds = last.DowntimeMilliseconds,
                VfioBytes = last.VfioTransferredBytes,
                Error = last.ErrorDescription,
                Blocked = last.BlockedReasons.SingleOrDefault(),
                Refused = source.Refusals.FirstOrDefault()?.Description,
            });

        static string Statuses(TranscriptReplay side) => string.Join(
            ' ', side.Events.Where(happened => happened.Status is not null).Select(happened => happened.Data.GetProperty("status")));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void SystemWideRemaining_RunningMigration_IsThereFrom111OnOnly(string name)
    {
        foreach (var migration in Source(name).Where(migration => migration.Ram is not null))
        {
            var expected = name.StartsWith("11.1.3/", StringComparison.Ordinal) && migration.Status != MigrationStatus.Completed;
            Assert.Equal(expected, migration.RemainingBytes.HasValue);
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Numbers_AfterFailureOrCancel_AreGone(string name)
    {
        foreach (var migration in Source(name).Where(migration => migration.Status is MigrationStatus.Failed or MigrationStatus.Cancelled))
        {
            Assert.Null(migration.Ram);
            Assert.Null(migration.RemainingBytes);
            Assert.Null(migration.ExpectedDowntimeMilliseconds);
            Assert.Null(migration.TotalTimeMilliseconds);
        }
    }

    [Theory]
    [InlineData("7.2.22/non-converging", 2_666, 2_722)]
    [InlineData("10.0.2/non-converging", 2_575, 2_656)]
    [InlineData("11.1.3/non-converging", 2_574, 2_682)]
    public void ExpectedDowntime_FirstPass_IsTheConfiguredLimitAndNoPrediction(string name, long least, long most)
    {
        var active = Source(name).Where(migration => migration.Status == MigrationStatus.Active).ToList();

        Assert.All(active.Where(migration => migration.Ram?.DirtySyncCount <= 1), migration =>
            Assert.Equal((100, 0UL), (migration.ExpectedDowntimeMilliseconds, migration.Ram?.DirtyPagesPerSecond)));
        var settled = active.Where(migration => migration.Ram?.DirtySyncCount > 2)
            .Select(migration => migration.ExpectedDowntimeMilliseconds).ToList();
        Assert.Equal((least, most), (settled.Min(), settled.Max()));
    }

    [Fact]
    public void CpuThrottle_AutoConverge_ClimbsAndNeverFalls()
    {
        var throttle = Source("7.2.22/auto-converge").Select(migration => migration.CpuThrottlePercent).OfType<int>().ToList();

        Assert.Equal([20, 30, 40, 50, 60, 70, 80, 90, 99], throttle.Distinct());
        Assert.Equal(throttle.Order(), throttle);
    }

    /// <summary>Three versions, three ways in which the source's downtime is not the blackout.</summary>
    [Theory]
    [InlineData("7.2.22/postcopy", null, 2_925_444, 9_114, true)]
    [InlineData("10.0.2/postcopy", 2, 2, 8_730, false)]
    [InlineData("11.1.3/postcopy", 0, 2_984, 8_989, false)]
    [InlineData("10.0.2/postcopy-paused-recovered", 1, 1, 24_689, false)]
    [InlineData("11.1.3/postcopy-paused-recovered", 1, 1, 24_666, false)]
    public void Downtime_Postcopy_CannotBeBelieved(string name, int? whileActive, int completed, int totalTime, bool expectedGiven)
    {
        var postcopy = Source(name).Where(migration => migration.Status.IsPostcopy).ToList();
        var last = Source(name).Last();

        Assert.NotEmpty(postcopy);
        Assert.All(postcopy, migration => Assert.Equal(whileActive, migration.DowntimeMilliseconds));
        Assert.All(postcopy, migration => Assert.Equal(expectedGiven, migration.ExpectedDowntimeMilliseconds.HasValue));
        Assert.Equal((completed, totalTime), (last.DowntimeMilliseconds, last.TotalTimeMilliseconds));
    }

    [Theory]
    [InlineData("7.2.22/postcopy", 2_021UL, 2_021UL, null)]
    [InlineData("10.0.2/postcopy", 2_110UL, 2_110UL, null)]
    [InlineData("11.1.3/postcopy", 2_836UL, 2_738UL, 43_463_897UL)]
    public void Blocktime_PostcopyDestination_IsGivenAtTheEnd(string name, ulong all, ulong vcpu, ulong? latencyNanoseconds)
    {
        var last = Destination(name).Last();

        Assert.Equal(MigrationStatus.Completed, last.Status);
        Assert.Equal(all, last.PostcopyBlocktimeMilliseconds);
        Assert.Equal([vcpu], last.PostcopyVcpuBlocktimeMilliseconds);
        Assert.Equal(latencyNanoseconds, last.PostcopyLatencyNanoseconds);
        Assert.Equal(latencyNanoseconds is null ? null : 24, last.PostcopyLatencyDistribution?.Count);
    }

    /// <summary>
    /// As many passes as the pre-copy had turns: two in 8 s where passes are honest, 61 in the same time in 11.1.
    /// </summary>
    [Theory]
    [InlineData("7.2.22/postcopy", 2)]
    [InlineData("10.0.2/postcopy", 2)]
    [InlineData("11.1.3/postcopy", 62)]
    public void DirtySyncCount_PostcopyRam_CountsTurnsIn111(string name, int syncs) =>
        Assert.Equal((ulong)syncs, Source(name).Last().Ram?.DirtySyncCount);

    [Theory]
    [InlineData("7.2.22/pause-before-switchover")]
    [InlineData("10.0.2/pause-before-switchover")]
    [InlineData("11.1.3/pause-before-switchover")]
    public void Downtime_HeldInPreSwitchover_IncludesTheHold(string name)
    {
        Assert.Contains(Source(name), migration => migration.Status == MigrationStatus.PreSwitchover);
        Assert.InRange(Source(name).Last().DowntimeMilliseconds ?? 0, 1_000, 1_400);
    }

    [Theory]
    [InlineData("7.2.22/converging")]
    [InlineData("10.0.2/converging")]
    [InlineData("11.1.3/converging")]
    public void SocketAddress_DestinationUnderWay_TellsItsPort(string name)
    {
        var address = Assert.Single(Destination(name).First().SocketAddresses);

        Assert.Equal(("inet", "127.0.0.1"), (address.Type, address.Host));
        Assert.True(int.Parse(address.Port ?? "") > 1024);
    }

    private static IEnumerable<MigrationInfo> Source(string name) =>
        Transcript.Load(name, "src").Returned("query-migrate").Select(MigrationInfo.Parse);

    private static IEnumerable<MigrationInfo> Destination(string name) =>
        Transcript.Load(name, "dst").Returned("query-migrate").Select(MigrationInfo.Parse);

    private static async Task<TranscriptReplay> ReplayAsync(string name, string side)
    {
        var replay = new TranscriptReplay(Transcript.Load(name, side));
        await replay.RunAsync(readEventsAtOnce: true);
        return replay;
    }
}
