using Orchestrator.BootGuest.Tests.Qemu;

namespace Orchestrator.BootGuest.Tests;

/// <summary>Memory is changed behind the guest's back; it must say so.</summary>
[Collection(QemuTests.Name)]
public sealed class CorruptedGuestTests : IDisposable
{
    private static readonly byte[] s_wrong = [0x12, 0x34, 0x56, 0x78];

    private readonly CancellationTokenSource _bound = new(TimeSpan.FromSeconds(60));

    public void Dispose() => _bound.Dispose();

    // The first and last word of a page, and the ones in between that the guest looks at.
    [Theory]
    [InlineData(1000, 0)]
    [InlineData(4095, 1364)]
    [InlineData(0, 2728)]
    [InlineData(2047, 4092)]
    public async Task WorkingSet_OneWordChanged_IsReportedOnceAndCounted(int page, int offset)
    {
        await using var guest = await StartedAsync(new BootGuestOptions { Pace = new DirtyPace.Steady(64) });
        var address = BootGuestImage.WorkingSetAddress + (page * BootGuestImage.PageSize) + offset;

        await GdbConversation.WriteAsync(guest.GdbPath, address, s_wrong, _bound.Token);

        var beat = await guest.Console.WaitForBeatAsync(beat => beat.BadPages > 0, _bound.Token);
        await guest.Console.WaitForBeatAsync(later => later.Round >= beat.Round + 2, _bound.Token);
        var trace = HeartbeatTrace.Between(guest.Console.Transcript, ConsoleTranscript.Empty);
        Assert.Equal(GuestVerdict.Corrupt, trace.Verdict);
        Assert.Equal(1UL, trace.BadPages);
        Assert.Equal(page, Assert.Single(guest.Console.Transcript.Lines.Select(line => line.Line).OfType<SerialLine.Bad>()).Page);
        Assert.EndsWith("found=0x78563412", Assert.Single(trace.BadLines), StringComparison.Ordinal);
    }

    [Fact]
    public async Task WorkingSet_PageOfAnotherRound_IsReported()
    {
        var guest = await StartedAsync(new BootGuestOptions { Pace = new DirtyPace.Steady(16), WorkingSetMebibytes = 1 });
        await using var _ = guest;
        var memory = await GuestMemoryAsync(guest, BootGuestImage.WorkingSetAddress);
        await guest.Console.WaitForBeatAsync(beat => beat.Round >= 40, _bound.Token);

        await GdbConversation.WriteAsync(guest.GdbPath, BootGuestImage.WorkingSetAddress, memory, _bound.Token);

        await guest.Console.WaitForAsync(line => line is SerialLine.Bad { Page: 0 }, _bound.Token);
    }

    [Fact]
    public async Task Fill_PageLost_IsFoundByTheSweep()
    {
        await using var guest = await StartedAsync(new BootGuestOptions { WorkingSetMebibytes = 2, FillMebibytes = 8 });
        var address = BootGuestImage.WorkingSetAddress + ((512 + 2000) * BootGuestImage.PageSize);

        await GdbConversation.WriteAsync(guest.GdbPath, address, new byte[BootGuestImage.PageSize], _bound.Token);

        await guest.Console.WaitForAsync(line => line is SerialLine.Bad { Page: 512 + 2000 }, _bound.Token);
        await guest.Console.WaitForBeatAsync(beat => beat.BadPages > 0, _bound.Token);
    }

    [Theory]
    [InlineData("counter")]
    [InlineData("counter_inverse")]
    public async Task Counter_OneCopyLost_IsReportedAndDoesNotGoBack(string copy)
    {
        await using var guest = await StartedAsync(new BootGuestOptions { WorkingSetMebibytes = 2 });
        var address = await GuestSymbols.AddressAsync(copy, _bound.Token);
        var nothingCounted = copy == "counter" ? (byte)0 : (byte)0xff;

        await GdbConversation.WriteAsync(
            guest.GdbPath, address, [.. Enumerable.Repeat(nothingCounted, 8)], _bound.Token);

        var beat = await guest.Console.WaitForBeatAsync(beat => beat.BadPages > 0, _bound.Token);
        await guest.Console.WaitForBeatAsync(later => later.Counter == beat.Counter + 50, _bound.Token);
        var trace = HeartbeatTrace.Between(guest.Console.Transcript, ConsoleTranscript.Empty);
        Assert.Equal((1UL, 0, 0UL), (trace.BadPages, trace.Repeated, trace.Missing));
        Assert.StartsWith("counter=", Assert.Single(trace.BadLines), StringComparison.Ordinal);
    }

    private async Task<QemuGuest> StartedAsync(BootGuestOptions options)
    {
        var guest = await QemuGuest.StartAsync(options, _bound.Token);
        await guest.Console.WaitForBeatAsync(beat => beat.Round >= 2, _bound.Token);
        return guest;
    }

    private async Task<byte[]> GuestMemoryAsync(QemuGuest guest, long address)
    {
        var file = Path.Combine(Path.GetDirectoryName(guest.ConsolePath)!, "page");
        await guest.Qmp.ExecuteAsync("pmemsave", new { val = address, size = BootGuestImage.PageSize, filename = file }, _bound.Token);
        return await File.ReadAllBytesAsync(file, _bound.Token);
    }
}
