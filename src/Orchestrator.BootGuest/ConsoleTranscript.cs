using System.Collections.Immutable;

namespace Orchestrator.BootGuest;

/// <summary>What one side's console said, from the first line kept to now.</summary>
/// <param name="Lines">In the order they came.</param>
/// <param name="Unfinished">What came after the last line end; the vCPU may be stopped in the middle of a line.</param>
public sealed record ConsoleTranscript(ImmutableArray<StampedLine> Lines, string Unfinished)
{
    // A port whose reader did not keep up holds one byte in its shift register and 16 in its FIFO. They are part of the machine's
    // state and go with it, and the stopped source still gives them to its reader too (QEMU hw/char/serial.c).
    private const int PortDepth = 17;

    /// <summary>A console that has said nothing.</summary>
    public static ConsoleTranscript Empty { get; } = new([], "");

    /// <summary>The heartbeats among the lines, with their times.</summary>
    internal ImmutableArray<StampedBeat> Beats() => [.. Lines
        .Where(stamped => stamped.Line is SerialLine.Beat)
        .Select(stamped => new StampedBeat(stamped.At, ((SerialLine.Beat)stamped.Line).Heartbeat))];

    /// <summary>
    /// The heartbeat that began on this console and ended on <paramref name="target"/>'s, as it comes out when the vCPU moves in
    /// the middle of a line. Its end may repeat what this side had said already. Null when there is none.
    /// </summary>
    internal StampedBeat? TornOverTo(ConsoleTranscript target)
    {
        if (target.Lines is not [{ Line: SerialLine.Noise(var rest), At: var at }, ..] || Beats() is not [.., var last])
        {
            return null;
        }

        for (var said = 0; said <= Math.Min(PortDepth, Math.Min(rest.Length, Unfinished.Length)); said++)
        {
            if (Unfinished.EndsWith(rest[..said], StringComparison.Ordinal)
                && Heartbeat.TryParse(Unfinished + rest[said..], out var heartbeat)
                && heartbeat.Counter == last.Heartbeat.Counter + 1)
            {
                return new StampedBeat(at, heartbeat);
            }
        }

        return null;
    }
}
