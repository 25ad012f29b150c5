using System.Diagnostics;
using System.Globalization;

namespace Orchestrator.BootGuest.Tests.Qemu;

/// <summary>Addresses in the guest's image. nm is of the same binutils that built it.</summary>
internal static class GuestSymbols
{
    public static async Task<long> AddressAsync(string symbol, CancellationToken cancellation)
    {
        using var nm = Process.Start(new ProcessStartInfo("nm", [BootGuestImage.Path]) { RedirectStandardOutput = true })
            ?? throw new InvalidOperationException("nm did not start.");
        var listing = await nm.StandardOutput.ReadToEndAsync(cancellation);
        await nm.WaitForExitAsync(cancellation);

        var words = Assert.Single(
            listing.Split('\n').Select(line => line.Split(' ')), words => words is [_, _, var name] && name == symbol);
        return long.Parse(words[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
    }
}
