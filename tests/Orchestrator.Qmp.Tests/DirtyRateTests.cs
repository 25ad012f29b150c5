using System.Text.Json;

namespace Orchestrator.Qmp.Tests;

/// <summary>calc-dirty-rate and query-dirty-rate: what is sent to which version, and what its answers are worth.</summary>
public sealed class DirtyRateTests : IDisposable
{
    private const double Mebibyte = 1 << 20;

    private readonly ScriptedPeer _peer = new();

    public void Dispose() => _peer.Dispose();

    // 32 MiB/s over 16 MiB, in intervals of what this version could be asked for.
    [Theory]
    [InlineData("7.2.22", new[] { 1.0, 4 })]
    [InlineData("10.0.13", new[] { 0.251, 1, 4 })]
    [InlineData("11.1.3", new[] { 0.25, 1, 4 })]
    public async Task Replay_RealMeasurings_TellWhatTheGuestDirtied(string version, double[] intervals)
    {
        using var replay = await ReplayAsync(version);
        var measured = replay.Returned("query-dirty-rate").Select(DirtyRate.Parse).ToList();
        var ended = measured.Where(rate => rate.Status == DirtyRateStatus.Measured).ToList();

        Assert.Equal(version, replay.Greeting?.Version);
        Assert.Equal(new DirtyRate { Interval = TimeSpan.Zero, SamplePages = 0, Status = DirtyRateStatus.Unstarted, Unreadable = measured[0].Unreadable }, measured[0]);
        Assert.Equal(intervals, ended.SkipLast(1).Select(rate => rate.Interval!.Value.TotalSeconds));
        Assert.All(ended.SkipLast(1), rate => Assert.InRange(
            (double)rate.ChangedBytes!, 0.8 * Dirtied(rate.Interval!.Value), 1.25 * Dirtied(rate.Interval!.Value)));
        Assert.Equal(0ul, ended[^1].ChangedBytes);
        Assert.All(measured.Skip(1), rate => Assert.Equal(16384, rate.SamplePages));
        Assert.All(measured.Where(rate => rate.Status != DirtyRateStatus.Measured), rate => Assert.Null(rate.ChangedBytes));
        Assert.All(measured, rate => Assert.Empty(rate.Unreadable));

        static double Dirtied(TimeSpan interval) => Math.Min(16, 32 * interval.TotalSeconds) * Mebibyte;
    }

    /// <summary>QEMU answers calc-dirty-rate before its thread has begun; 11.1 was quick enough to be asked in between.</summary>
    [Fact]
    public async Task Replay_AskedAtOnce_MayStillSayUnstarted()
    {
        using var replay = await ReplayAsync("11.1.3");
        var second = DirtyRate.Parse(replay.Returned("query-dirty-rate").ElementAt(1));

        Assert.Equal((DirtyRateStatus.Unstarted, TimeSpan.FromMilliseconds(250)), (second.Status, second.Interval));
    }

    [Theory]
    [InlineData("7.2.22", "calc-time is out of range[1, 60].")]
    [InlineData("10.0.13", "Calculation time is out of range [50ms, 60000ms].")]
    [InlineData("11.1.3", "Calculation time is out of range [50ms, 60000ms].")]
    public async Task Replay_WhatIsRefused_IsASecondOneAndWhatIsOutOfRange(string version, string time)
    {
        using var replay = await ReplayAsync(version);

        Assert.Equal(
            ["the dirty rate is already being measured.", time, time, "sample-pages is out of range[128, 16384].", "sample-pages is out of range[128, 16384]."],
            replay.Refusals.Select(refused => refused.Description));
    }

    [Theory]
    [InlineData("7.2.22", 1000, 128, """{"calc-time":1,"sample-pages":128,"mode":"page-sampling"}""")]
    [InlineData("7.2.22", 60_000, 512, """{"calc-time":60,"sample-pages":512,"mode":"page-sampling"}""")]
    [InlineData("10.0.13", 50, 16384, """{"calc-time":50,"calc-time-unit":"millisecond","sample-pages":16384,"mode":"page-sampling"}""")]
    [InlineData("11.1.3", 4000, 512, """{"calc-time":4000,"calc-time-unit":"millisecond","sample-pages":512,"mode":"page-sampling"}""")]
    public async Task Calc_ByVersion_GivesTheTimeInTheUnitItKnows(string version, int milliseconds, int samplePages, string arguments)
    {
        await using var monitor = await OpenAsync(version);
        var call = monitor.CalcDirtyRateAsync(TimeSpan.FromMilliseconds(milliseconds), samplePages, default);
        var received = await _peer.ReceiveAsync();
        await _peer.ReplyAsync(received);
        await call.InTime();

        Assert.Equal(("calc-dirty-rate", arguments), (received.Name, received.ArgumentText));
    }

    [Theory]
    [InlineData("7.2.22", "")]
    [InlineData("10.0.13", """{"calc-time-unit":"millisecond"}""")]
    public async Task Query_ByVersion_AsksForMillisecondsWhereItCan(string version, string arguments)
    {
        await using var monitor = await OpenAsync(version);
        var call = monitor.QueryDirtyRateAsync(default);
        var received = await _peer.ReceiveAsync();
        await _peer.ReplyAsync(received, """{"status": "measuring", "calc-time": 3}""");
        var rate = await call.InTime();

        Assert.Equal(("query-dirty-rate", arguments), (received.Name, received.ArgumentText));
        Assert.Equal((DirtyRateStatus.Measuring, TimeSpan.FromSeconds(3)), (rate.Status, rate.Interval));
    }

    [Theory]
    [InlineData("7.2.22", 250, 128, "calc-time is 0.25 s, allowed is 1 to 60 s in steps of 1 s")]
    [InlineData("7.2.22", 1500, 128, "calc-time is 1.5 s, allowed is 1 to 60 s in steps of 1 s")]
    [InlineData("10.0.13", 49, 128, "calc-time is 0.049 s, allowed is 0.05 to 60 s in steps of 0.001 s")]
    [InlineData("10.0.13", 60_001, 127, "calc-time is 60.001 s, allowed is 0.05 to 60 s in steps of 0.001 s; sample-pages is 127 per GiB, allowed is 128 to 16384")]
    [InlineData("10.0.13", 50, 16385, "sample-pages is 16385 per GiB, allowed is 128 to 16384")]
    public async Task Calc_OutOfRange_IsNotSentAndSaysWhatIsAllowed(string version, int milliseconds, int samplePages, string violations)
    {
        await using var monitor = await OpenAsync(version);
        var wrong = await Assert.ThrowsAsync<ArgumentException>(
            () => monitor.CalcDirtyRateAsync(TimeSpan.FromMilliseconds(milliseconds), samplePages, default).InTime());

        Assert.Equal(violations, wrong.Message);
    }

    [Theory]
    [InlineData("""{"status": "measured", "dirty-rate": 7, "calc-time": 4, "sample-pages": 512}""", 7.5 * 4)]
    [InlineData("""{"status": "measured", "dirty-rate": 100, "calc-time": 250, "calc-time-unit": "millisecond"}""", 100.5 / 4)]
    [InlineData("""{"status": "measured", "dirty-rate": 0, "calc-time": 4}""", 0.0)]
    [InlineData("""{"status": "measured", "dirty-rate": -1, "calc-time": 4}""", null)]
    [InlineData("""{"status": "measured", "dirty-rate": 9223372036854775807, "calc-time": 4}""", 8796093022208.0)]
    [InlineData("""{"status": "measured", "dirty-rate": 7, "calc-time": -4}""", null)]
    [InlineData("""{"status": "measured", "dirty-rate": 7, "calc-time": 9223372036854775807}""", null)]
    [InlineData("""{"status": "measured", "calc-time": 4}""", null)]
    [InlineData("""{"status": "measured", "dirty-rate": "7", "calc-time": 4}""", null)]
    [InlineData("""{"status": "measuring", "dirty-rate": 7, "calc-time": 4}""", null)]
    [InlineData("""{"status": "estimated", "dirty-rate": 7, "calc-time": 4}""", null)]
    [InlineData("[]", null)]
    public void ChangedBytes_OfAnyReply_IsAMeasuredAmountOrNothing(string reply, double? mebibytes) => Assert.Equal(
        mebibytes * Mebibyte, DirtyRate.Parse(JsonElement.Parse(reply)).ChangedBytes);

    private static async Task<TranscriptReplay> ReplayAsync(string version)
    {
        var transcript = Transcript.Read(Path.Combine(AppContext.BaseDirectory, "Probes", $"{version}.jsonl"), "src");
        var replay = new TranscriptReplay(transcript);
        await replay.RunAsync(readEventsAtOnce: true);
        return replay;
    }

    private async Task<QemuMonitor> OpenAsync(string version)
    {
        var opening = QemuMonitor.OpenAsync(await _peer.ConnectAsync(), default);
        await _peer.ReplyAsync(await _peer.ReceiveAsync(), StoredSchema.ReadText(version));
        return await opening.InTime();
    }
}
