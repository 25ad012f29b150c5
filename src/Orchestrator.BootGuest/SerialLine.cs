using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Orchestrator.BootGuest;

/// <summary>What one line on the guest's console means. Closed: every kind is declared here.</summary>
public abstract record SerialLine
{
    private const string BadPrefix = "BAD ";
    private const string RefusedPrefix = "REFUSED ";

    private SerialLine()
    {
    }

    /// <summary>The guest booted and understood its options; said once, before the first heartbeat.</summary>
    public sealed record Ready(BootGuestOptions Options) : SerialLine;

    public sealed record Beat(Heartbeat Heartbeat) : SerialLine;

    /// <summary>The first corruption the guest found; later ones only show in the heartbeats' count.</summary>
    /// <param name="Page">
    /// The page, counted from <see cref="BootGuestImage.WorkingSetAddress"/>; from the working set's size on it is one of the
    /// fill. Null when not a page but the heartbeat counter itself differed from its second copy.
    /// </param>
    public sealed record Bad(string What, long? Page) : SerialLine;

    /// <summary>The guest does not run with these options; repeated once a second.</summary>
    public sealed record Refused(string Why) : SerialLine;

    /// <summary>Not from the guest, or not a whole line of it.</summary>
    public sealed record Noise(string Text) : SerialLine;

    /// <param name="line">Without its line end.</param>
    public static SerialLine Parse(string line)
    {
        if (Heartbeat.TryParse(line, out var heartbeat))
        {
            return new Beat(heartbeat);
        }

        if (line.StartsWith(BadPrefix, StringComparison.Ordinal))
        {
            var what = line[BadPrefix.Length..];
            return new Bad(what, PageOf(what));
        }

        if (line.StartsWith(RefusedPrefix, StringComparison.Ordinal))
        {
            return new Refused(line[RefusedPrefix.Length..]);
        }

        return TryReady(line, out var ready) ? ready : new Noise(line);
    }

    private static long? PageOf(string what) =>
        Number("page=", what.Split(' ')[0]) is { } page ? page : null;

    private static bool TryReady(string line, [NotNullWhen(true)] out Ready? ready)
    {
        ready = null;
        if (line.Split(' ') is not ["READY", var ws, var rate, var cpu, var fill, var beat]
            || Number("ws=", ws) is not { } workingSet || Number("rate=", rate) is not { } steady
            || Number("cpu=", cpu) is not { } cpuBound || Number("fill=", fill) is not { } filled || Number("beat=", beat) is not { } beats)
        {
            return false;
        }

        try
        {
            ready = new Ready(new BootGuestOptions
            {
                WorkingSetMebibytes = workingSet,
                Pace = cpuBound > 0 ? new DirtyPace.CpuBound(cpuBound)
                    : steady > 0 ? new DirtyPace.Steady(steady)
                    : new DirtyPace.FlatOut(),
                FillMebibytes = filled,
                BeatsPerSecond = beats,
            });
        }
        catch (ArgumentOutOfRangeException)
        {
            // The guest checks the same ranges, so this line is not one it wrote.
        }

        return ready is not null;
    }

    private static int? Number(string prefix, string word) =>
        word.StartsWith(prefix, StringComparison.Ordinal)
        && int.TryParse(word.AsSpan(prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : null;
}
