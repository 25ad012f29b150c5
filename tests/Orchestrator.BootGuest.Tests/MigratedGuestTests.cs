using Orchestrator.BootGuest.Tests.Qemu;

namespace Orchestrator.BootGuest.Tests;

/// <summary>The guest moves between two real QEMUs.</summary>
[Collection(QemuTests.Name)]
public sealed class MigratedGuestTests : IDisposable
{
    private readonly CancellationTokenSource _bound = new(TimeSpan.FromSeconds(90));

    public void Dispose() => _bound.Dispose();

    [Fact]
    public async Task Migration_UnderLoad_IsIntactAndASecondCopyIsSeen()
    {
        var options = new BootGuestOptions
        {
            WorkingSetMebibytes = 32,
            Pace = new DirtyPace.Steady(64),
            FillMebibytes = 32,
            BeatsPerSecond = 500,
        };
        await using var source = await QemuGuest.StartAsync(options, _bound.Token);
        await using var target = await QemuGuest.StartTargetAsync(options, _bound.Token);
        await source.Console.WaitForBeatAsync(beat => beat.Round >= 2, _bound.Token);

        await source.Qmp.ExecuteAsync(
            "migrate-set-parameters",
            new Dictionary<string, long> { ["max-bandwidth"] = 128 << 20, ["downtime-limit"] = 500 },
            _bound.Token);
        await source.Qmp.MigrateAsync(target.IncomingPath, _bound.Token);

        // Two more rounds have looked at every page of the working set, and the sweep has been over the fill.
        var first = await target.Console.WaitForBeatAsync(_ => true, _bound.Token);
        var last = await target.Console.WaitForBeatAsync(beat => beat.Round >= first.Round + 3, _bound.Token);
        await target.Console.WaitForBeatAsync(beat => beat.Counter >= last.Counter + (2 * (ulong)options.BeatsPerSecond), _bound.Token);
        var trace = HeartbeatTrace.Between(source.Console.Transcript, target.Console.Transcript);
        Assert.True(trace.Verdict == GuestVerdict.Intact, trace.ToString());
        Assert.Equal(trace.LastOnSource?.Counter + 1, trace.FirstOnTarget?.Counter);
        Assert.NotNull(trace.Outage.AtSwitch);

        await source.Qmp.ExecuteAsync("cont", null, _bound.Token);
        await source.Console.WaitForBeatAsync(beat => beat.Counter > last.Counter, _bound.Token);
        var split = HeartbeatTrace.Between(source.Console.Transcript, target.Console.Transcript);
        Assert.True(split.Verdict == GuestVerdict.TwoCopies, split.ToString());
    }

    [Fact]
    public async Task Throttle_CpuBoundGuest_DirtiesLess()
    {
        var options = new BootGuestOptions { WorkingSetMebibytes = 32, Pace = new DirtyPace.CpuBound(64) };
        await using var source = await QemuGuest.StartAsync(options, _bound.Token);
        await using var target = await QemuGuest.StartTargetAsync(options, _bound.Token);
        var whole = await RateAsync(source.Console, await source.Console.WaitForBeatAsync(beat => beat.Round >= 2, _bound.Token), 64);

        await source.Qmp.ExecuteAsync(
            "migrate-set-capabilities", new { capabilities = new[] { new { capability = "auto-converge", state = true } } }, _bound.Token);
        await source.Qmp.ExecuteAsync(
            "migrate-set-parameters",
            new Dictionary<string, long> { ["max-bandwidth"] = 16 << 20, ["downtime-limit"] = 1, ["cpu-throttle-initial"] = 90 },
            _bound.Token);
        await source.Qmp.ExecuteAsync("migrate", new { uri = $"unix:{target.IncomingPath}" }, _bound.Token);
        await source.Qmp.PollAsync(
            "query-migrate",
            null,
            reply => reply.TryGetProperty("cpu-throttle-percentage", out var percent) && percent.GetInt32() >= 90,
            _bound.Token);
        var throttledFrom = ((SerialLine.Beat)source.Console.Transcript.Lines[^1].Line).Heartbeat;
        var throttled = await RateAsync(source.Console, throttledFrom, 4);

        // The host may have had less than a whole processor for it.
        Assert.InRange(whole, 8, 128);
        Assert.True(throttled < whole / 2, $"throttled {throttled:F1} MiB/s, whole {whole:F1} MiB/s");
    }

    private async Task<double> RateAsync(HeartbeatReader console, Heartbeat from, ulong mebibytes)
    {
        var start = await console.WaitForAsync(
            line => line is SerialLine.Beat beat && beat.Heartbeat.Counter == from.Counter, _bound.Token);
        var end = await console.WaitForAsync(
            line => line is SerialLine.Beat beat && beat.Heartbeat.DirtiedMebibytes >= from.DirtiedMebibytes + mebibytes, _bound.Token);
        return (((SerialLine.Beat)end.Line).Heartbeat.DirtiedMebibytes - from.DirtiedMebibytes) / (end.At - start.At).TotalSeconds;
    }
}
