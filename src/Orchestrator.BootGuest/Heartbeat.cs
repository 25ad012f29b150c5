using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Orchestrator.BootGuest;

/// <summary>One line <c>HB counter r=round d=MiB b=bad</c> of the guest.</summary>
/// <param name="Counter">One more than in the line before, from 1 on, over the guest's whole life.</param>
/// <param name="Round">Which time the working set is being written; 0 until the fill is in place.</param>
/// <param name="DirtiedMebibytes">Pages of the working set written since boot, in whole MiB.</param>
/// <param name="BadPages">How often a page did not hold what it must. Stays at 4294967295 when it gets there.</param>
public sealed record Heartbeat(ulong Counter, ulong Round, ulong DirtiedMebibytes, ulong BadPages)
{
    /// <param name="line">Without its line end. Anything but a whole and exact heartbeat line is refused.</param>
    public static bool TryParse(string line, [NotNullWhen(true)] out Heartbeat? heartbeat)
    {
        heartbeat = null;
        if (line.Split(' ') is not ["HB", var counter, var round, var dirtied, var bad])
        {
            return false;
        }

        if (TryNumber("", counter, out var counted) && TryNumber("r=", round, out var rounds)
            && TryNumber("d=", dirtied, out var mebibytes) && TryNumber("b=", bad, out var pages))
        {
            heartbeat = new Heartbeat(counted, rounds, mebibytes, pages);
        }

        return heartbeat is not null;
    }

    private static bool TryNumber(string prefix, string word, out ulong number)
    {
        number = 0;
        return word.StartsWith(prefix, StringComparison.Ordinal)
            && ulong.TryParse(word.AsSpan(prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out number);
    }
}
