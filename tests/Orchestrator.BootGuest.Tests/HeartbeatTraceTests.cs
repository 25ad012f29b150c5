namespace Orchestrator.BootGuest.Tests;

public sealed class HeartbeatTraceTests
{
    [Fact]
    public void Between_NumbersGoOnOnTheTarget_IsIntactAndMeasuresTheSwitch()
    {
        var trace = HeartbeatTrace.Between(Script.Beats(0, 1, 5), Script.Beats(240, 6, 5));

        Assert.Equal(GuestVerdict.Intact, trace.Verdict);
        Assert.Equal(5UL, trace.LastOnSource?.Counter);
        Assert.Equal(6UL, trace.FirstOnTarget?.Counter);
        Assert.Equal(new GuestOutage(Script.Ms(200), Script.Ms(200), 5), trace.Outage);
    }

    [Fact]
    public void Between_LongerWaitElsewhere_LongestIsNotTheSwitch()
    {
        var source = Script.Beats(900, 4, 2).After(Script.Beats(0, 1, 3));

        var trace = HeartbeatTrace.Between(source, Script.Beats(960, 6, 5));

        Assert.Equal(new GuestOutage(Script.Ms(50), Script.Ms(880), 3), trace.Outage);
        Assert.Equal(GuestVerdict.Intact, trace.Verdict);
    }

    [Fact]
    public void Between_NumberMissingAtTheSwitch_IsCountedThere()
    {
        var trace = HeartbeatTrace.Between(Script.Beats(0, 1, 5), Script.Beats(100, 8, 5));

        Assert.Equal(GuestVerdict.BeatsMissing, trace.Verdict);
        Assert.Equal(2UL, trace.Missing);
        Assert.Equal(2UL, trace.MissingAtSwitch);
    }

    [Fact]
    public void Between_NumberMissingOnOneSide_IsNotCountedAtTheSwitch()
    {
        var trace = HeartbeatTrace.Between(Script.Beats(50, 7, 2).After(Script.Beats(0, 1, 5)), Script.Beats(100, 9, 5));

        Assert.Equal(GuestVerdict.BeatsMissing, trace.Verdict);
        Assert.Equal(1UL, trace.Missing);
        Assert.Equal(0UL, trace.MissingAtSwitch);
    }

    [Fact]
    public void Between_BothSayTheSameNumbersAtOnce_IsTwoCopies()
    {
        var trace = HeartbeatTrace.Between(Script.Beats(0, 1, 30), Script.Beats(110, 11, 20));

        Assert.Equal(GuestVerdict.TwoCopies, trace.Verdict);
    }

    [Fact]
    public void Between_TargetRepeatsAfterTheSourceFellSilent_WentBack()
    {
        var trace = HeartbeatTrace.Between(Script.Beats(0, 1, 30), Script.Beats(1000, 21, 20));

        Assert.Equal(GuestVerdict.WentBack, trace.Verdict);
        Assert.Equal(10, trace.Repeated);
        Assert.False(trace.TwoCopies);
    }

    [Fact]
    public void Between_SourceReadLate_IsNotTwoCopies()
    {
        var trace = HeartbeatTrace.Between(Script.Beats(500, 1, 10), Script.Beats(450, 11, 10));

        Assert.Equal(GuestVerdict.Intact, trace.Verdict);
        Assert.Equal(TimeSpan.Zero, trace.Outage.AtSwitch);
    }

    [Fact]
    public void Between_BadCountInOneBeat_IsCorrupt()
    {
        var source = Script.Console(0, "HB 1 r=1 d=0 b=0", "BAD page=3 expected=0x00000001 found=0x00000000", "HB 2 r=1 d=0 b=1");

        var trace = HeartbeatTrace.Between(source, Script.Console(100, "HB 3 r=2 d=1 b=4"));

        Assert.Equal(GuestVerdict.Corrupt, trace.Verdict);
        Assert.Equal(4UL, trace.BadPages);
        Assert.Equal("page=3 expected=0x00000001 found=0x00000000", Assert.Single(trace.BadLines));
    }

    [Fact]
    public void Between_BadLineWithoutABeatThatCountsIt_IsCorrupt()
    {
        var trace = HeartbeatTrace.Between(
            Script.Beats(0, 1, 5), Script.Console(100, Script.Beat(6), "BAD page=3 expected=0x00000001 found=0x00000000"));

        Assert.Equal(GuestVerdict.Corrupt, trace.Verdict);
    }

    [Fact]
    public void Between_TargetBoots_IsRestarted()
    {
        var trace = HeartbeatTrace.Between(
            Script.Beats(0, 1, 50), Script.Beats(1010, 1, 5).After(Script.Console(1000, "READY ws=1 rate=8 cpu=0 fill=0 beat=100")));

        Assert.Equal(GuestVerdict.Restarted, trace.Verdict);
    }

    [Fact]
    public void Between_ReadyBeforeTheFirstBeat_IsNoRestart()
    {
        var source = Script.Beats(10, 1, 5).After(Script.Console(0, "READY ws=1 rate=8 cpu=0 fill=0 beat=100"));

        Assert.Equal(GuestVerdict.Intact, HeartbeatTrace.Between(source, Script.Beats(100, 6, 5)).Verdict);
    }

    [Fact]
    public void Between_TargetSilent_IsNotOnTarget()
    {
        var trace = HeartbeatTrace.Between(Script.Beats(0, 1, 5), ConsoleTranscript.Empty);

        Assert.Equal(GuestVerdict.NotOnTarget, trace.Verdict);
        Assert.Null(trace.Outage.AtSwitch);
    }

    [Fact]
    public void Between_OnlyRefused_IsNotHeardAndSaysWhy()
    {
        var trace = HeartbeatTrace.Between(Script.Console(0, "REFUSED no", "REFUSED no"), ConsoleTranscript.Empty);

        Assert.Equal(GuestVerdict.NotHeard, trace.Verdict);
        Assert.Equal("no", Assert.Single(trace.Refusals));
    }

    [Fact]
    public void Between_LineTornOverTheConsoles_IsPutTogether()
    {
        var target = Script.Beats(110, 183, 5).After(Script.Console(100, " r=2 d=61 b=0"));

        var trace = HeartbeatTrace.Between(Script.Beats(0, 179, 3).ThenUnfinished("HB 182"), target);

        Assert.Equal(GuestVerdict.Intact, trace.Verdict);
        Assert.Equal(new Heartbeat(182, 2, 61, 0), trace.FirstOnTarget);
        Assert.Equal(Script.Ms(80), trace.Outage.AtSwitch);
    }

    // As QEMU 7.2 and 11.1 gave it when the source's console had not been read before the switch.
    [Theory]
    [InlineData("HB 108 r=1 d=21 ", " 108 r=1 d=21 b=0")]
    [InlineData("HB 108 r=1 d=21 ", "21 b=0")]
    [InlineData("HB 108 r=1 d=21 b", "B 108 r=1 d=21 b=0")]
    [InlineData("HB 10", "08 r=1 d=21 b=0")]
    public void Between_TornLineWhosePortWasFull_DropsWhatIsSaidTwice(string said, string rest)
    {
        var target = Script.Beats(110, 109, 5).After(Script.Console(100, rest));

        var trace = HeartbeatTrace.Between(Script.Beats(0, 105, 3).ThenUnfinished(said), target);

        Assert.Equal(GuestVerdict.Intact, trace.Verdict);
        Assert.Equal(new Heartbeat(108, 1, 21, 0), trace.FirstOnTarget);
    }

    [Fact]
    public void Between_PiecesThatDoNotBelongTogether_AreNotJoined()
    {
        var target = Script.Beats(110, 184, 5).After(Script.Console(100, " r=2 d=61 b=0"));

        var trace = HeartbeatTrace.Between(Script.Beats(0, 179, 3).ThenUnfinished("HB 183"), target);

        Assert.Equal(GuestVerdict.BeatsMissing, trace.Verdict);
        Assert.Equal(2UL, trace.MissingAtSwitch);
    }

    // A port holds at most 17 bytes that both sides may say.
    [Fact]
    public void Between_OneLifeCutAnywhereWithAnyOverlap_IsIntact()
    {
        var whole = string.Concat(Enumerable.Range(95, 10).Select(counter => Script.Beat(counter) + "\n"));
        var firstLine = Script.Beat(95).Length + 1;

        for (var cut = firstLine; cut < whole.Length - 1; cut++)
        {
            for (var twice = 0; twice <= Math.Min(17, cut); twice++)
            {
                var trace = HeartbeatTrace.Between(Said(0, whole[..cut]), Said(500, whole[(cut - twice)..]));

                Assert.True(trace.Verdict == GuestVerdict.Intact, $"cut at {cut}, {twice} twice: {trace}");
                Assert.Equal(trace.LastOnSource?.Counter + 1, trace.FirstOnTarget?.Counter);
            }
        }

        static ConsoleTranscript Said(int at, string text) =>
            text.Split('\n') is [.. var lines, var unfinished]
                ? Script.Console(at, lines).ThenUnfinished(unfinished)
                : ConsoleTranscript.Empty;
    }
}
