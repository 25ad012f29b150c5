using System.Diagnostics;
using System.Globalization;
using System.Text;
using Orchestrator.BootGuest.Tests.Qemu;

namespace Orchestrator.BootGuest.Tests;

/// <summary>The guest in a real QEMU, on one machine.</summary>
[Collection(QemuTests.Name)]
public sealed class RunningGuestTests : IDisposable
{
    private readonly CancellationTokenSource _bound = new(TimeSpan.FromSeconds(90));

    public void Dispose() => _bound.Dispose();

    [Fact]
    public async Task Boot_OptionsThatFit_SaysThemAndBeats()
    {
        var options = new BootGuestOptions
        {
            WorkingSetMebibytes = 24,
            Pace = new DirtyPace.Steady(48),
            FillMebibytes = 8,
            BeatsPerSecond = 200,
        };
        await using var guest = await QemuGuest.StartAsync(options, _bound.Token);

        await guest.Console.WaitForBeatAsync(beat => beat.Round == 3, _bound.Token);

        var lines = guest.Console.Transcript.Lines;
        Assert.Equal(new SerialLine.Ready(options), lines[0].Line);
        Assert.Equal(
            Enumerable.Range(1, lines.Length - 1).Select(number => (ulong)number),
            lines.Skip(1).Select(line => Assert.IsType<SerialLine.Beat>(line.Line).Heartbeat.Counter));
        Assert.All(lines.Skip(1), line => Assert.Equal(0UL, ((SerialLine.Beat)line.Line).Heartbeat.BadPages));
    }

    [Fact]
    public async Task Pace_SteadyAndFlatOut_DirtyAsTheySay()
    {
        var options = new BootGuestOptions { Pace = new DirtyPace.Steady(8) };
        await using var paced = await QemuGuest.StartAsync(options, _bound.Token);
        await using var flatOut = await QemuGuest.StartAsync(options with { Pace = new DirtyPace.FlatOut() }, _bound.Token);

        var pacedRate = await RateAsync(paced.Console, 300);
        var flatOutRate = await RateAsync(flatOut.Console, 100);

        Assert.InRange(pacedRate, 4, 16);
        Assert.True(flatOutRate > 20 * pacedRate, $"flat out {flatOutRate:F0} MiB/s, paced {pacedRate:F1} MiB/s");
    }

    [Theory]
    [InlineData("ws=200", "ws and fill need 200 MiB, the machine has ")]
    [InlineData("ws=20 fill=60", "ws and fill need 80 MiB, the machine has ")]
    [InlineData("beat=1001", "beat=1001: must be 1..1000")]
    [InlineData("rate=1x", "rate=1x: must be 0..65535")]
    [InlineData("fill=4294967296", "fill=4294967296: must be 0..2800")]
    [InlineData("ws=", "ws=: must be 1..2800")]
    [InlineData("ws", "ws: no such option")]
    [InlineData("ws=8 beat=0 rate=4", "beat=0: must be 1..1000")]
    [InlineData("rate=8 cpu=8", "rate and cpu exclude each other")]
    [InlineData("wss=8", "wss=8: no such option")]
    public async Task Boot_OptionsThatDoNotFit_RefusesAndSaysWhy(string commandLine, string why)
    {
        await using var guest = await QemuGuest.StartAsync(commandLine, 64, _bound.Token);

        var refused = await guest.Console.WaitForAsync(line => line is SerialLine.Refused, _bound.Token);

        Assert.StartsWith(why, Assert.IsType<SerialLine.Refused>(refused.Line).Why, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Refusal_NobodyListenedYet_IsSaidAgain()
    {
        await using var guest = await QemuGuest.StartAsync("ws=200", 64, _bound.Token);
        await guest.Console.WaitForAsync(line => line is SerialLine.Refused, _bound.Token);
        await guest.Console.DisposeAsync();

        await using var late = await HeartbeatReader.ConnectAsync(guest.ConsolePath, TimeProvider.System, _bound.Token);

        await late.WaitForAsync(line => line is SerialLine.Refused, _bound.Token);
    }

    [Fact]
    public async Task Dirtying_ReaderConnectedButNotReading_GoesOn()
    {
        var options = new BootGuestOptions { Pace = new DirtyPace.Steady(32), BeatsPerSecond = 1000 };
        await using var guest = await QemuGuest.StartAsync(
            options.ToCommandLine(), options.LeastMachineMebibytes, _bound.Token, readConsole: false);
        using var console = await UnixSocket.ConnectAsync(guest.ConsolePath, _bound.Token);
        var counter = await GuestSymbols.AddressAsync("counter", _bound.Token);
        var dirtied = await GuestSymbols.AddressAsync("dirtied_mib", _bound.Token);

        // The console is full once the counter, which counts lines said, stands still while the guest dirties on.
        int stuck;
        do
        {
            stuck = await PeekUntilAsync(counter, value => value > 0);
            var before = await PeekUntilAsync(dirtied, _ => true);
            await PeekUntilAsync(dirtied, value => value >= before + 16);
        }
        while (stuck != await PeekUntilAsync(counter, _ => true));

        var said = new StringBuilder();
        var buffer = new byte[4096];
        while (!said.ToString().Contains($"HB {stuck + 100} ", StringComparison.Ordinal))
        {
            said.Append(Encoding.ASCII.GetString(buffer, 0, await console.ReceiveAsync(buffer, _bound.Token)));
        }

        var numbers = said.ToString().Split('\n')[..^1].Select(SerialLine.Parse).OfType<SerialLine.Beat>()
            .Select(beat => beat.Heartbeat.Counter).ToArray();
        Assert.Equal(Enumerable.Range((int)numbers[0], numbers.Length).Select(number => (ulong)number), numbers);

        async Task<int> PeekUntilAsync(long address, Func<int, bool> isIt)
        {
            var command = new Dictionary<string, string> { ["command-line"] = $"xp /1dw 0x{address:x}" };
            var reply = await guest.Qmp.PollAsync(
                "human-monitor-command", command, answer => isIt(Value(answer.GetString()!)), _bound.Token);
            return Value(reply.GetString()!);
        }

        static int Value(string answer) => int.Parse(answer.Split(':')[1], NumberStyles.Integer, CultureInfo.InvariantCulture);
    }

    [Fact]
    public async Task Time_StoppedForLongerThanTheTimersWrap_GoesOnWithoutABurst()
    {
        // Fewer beats than the timer's 100 interrupts per second: there would be room for a burst of them.
        var options = new BootGuestOptions { Pace = new DirtyPace.Steady(8), WorkingSetMebibytes = 4, BeatsPerSecond = 20 };
        await using var stopped = await QemuGuest.StartAsync(options, _bound.Token);
        await using var frozen = await QemuGuest.StartAsync(options, _bound.Token);
        await stopped.Console.WaitForBeatAsync(beat => beat.Counter == 10, _bound.Token);
        await frozen.Console.WaitForBeatAsync(beat => beat.Counter == 10, _bound.Token);

        // A stopped guest's time stands still; a frozen process finds that its guest's time went on. After 9 s the timer has wrapped
        // once and looks like 4.3 s, near the most that it can tempt a guest to make up for.
        await stopped.Qmp.ExecuteAsync("stop", null, _bound.Token);
        await Task.Delay(TimeSpan.FromSeconds(1), TimeProvider.System, _bound.Token);
        await SignalAsync(frozen, "-STOP");
        var before = (Stopped: Beats(stopped.Console)[^1], Frozen: Beats(frozen.Console)[^1]);
        await Task.Delay(TimeSpan.FromSeconds(9), TimeProvider.System, _bound.Token);
        var after = Now();
        await stopped.Qmp.ExecuteAsync("cont", null, _bound.Token);
        await SignalAsync(frozen, "-CONT");

        await AssertGoesOnAsync(stopped, before.Stopped.Heartbeat);
        await AssertGoesOnAsync(frozen, before.Frozen.Heartbeat);

        // 40 beats are 2 s and 16 MiB; a burst would make up for 4 s or more, 80 beats and 32 MiB.
        async Task AssertGoesOnAsync(QemuGuest guest, Heartbeat last)
        {
            await guest.Console.WaitForBeatAsync(beat => beat.Counter >= last.Counter + 40, _bound.Token);

            var trace = HeartbeatTrace.Between(guest.Console.Transcript, ConsoleTranscript.Empty);
            Assert.Equal(GuestVerdict.NotOnTarget, trace.Verdict);
            Assert.InRange(trace.Outage.Longest, TimeSpan.FromSeconds(8), TimeSpan.FromSeconds(60));

            var then = Beats(guest.Console).First(beat => beat.Heartbeat.Counter >= last.Counter + 40);
            var passed = (then.At - after).TotalSeconds;
            Assert.True(passed > 1, $"40 beats in {passed:F2} s");
            Assert.InRange(then.Heartbeat.DirtiedMebibytes - last.DirtiedMebibytes, 0, (1.5 * 8 * passed) + 2);
        }
    }

    private static TimeSpan Now() => TimeProvider.System.GetElapsedTime(0, TimeProvider.System.GetTimestamp());

    private static StampedBeat[] Beats(HeartbeatReader console) => [.. console.Transcript.Beats()];

    private async Task<double> RateAsync(HeartbeatReader console, int beats)
    {
        var from = await console.WaitForAsync(line => line is SerialLine.Beat { Heartbeat.Round: >= 2 }, _bound.Token);
        var first = ((SerialLine.Beat)from.Line).Heartbeat;
        var to = await console.WaitForAsync(
            line => line is SerialLine.Beat beat && beat.Heartbeat.Counter == first.Counter + (ulong)beats, _bound.Token);
        return (((SerialLine.Beat)to.Line).Heartbeat.DirtiedMebibytes - first.DirtiedMebibytes) / (to.At - from.At).TotalSeconds;
    }

    private async Task SignalAsync(QemuGuest guest, string signal)
    {
        using var kill = Process.Start("kill", [signal, $"{guest.ProcessId}"]);
        await kill.WaitForExitAsync(_bound.Token);
        Assert.Equal(0, kill.ExitCode);
    }
}
