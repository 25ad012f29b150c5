namespace Orchestrator.BootGuest;

/// <summary>
/// How long the guest was not heard. Each figure holds one beat's period of ordinary waiting, so it overstates the outage by up to
/// that much and never understates it, as long as the consoles were read without delay.
/// </summary>
/// <param name="AtSwitch">From the last heartbeat on the source to the first on the target; null when one of them is missing.</param>
/// <param name="Longest">The longest wait between two heartbeats that follow each other by number, on either side or across.</param>
/// <param name="LongestAfter">The number of the heartbeat before that wait; 0 when fewer than two were heard.</param>
public sealed record GuestOutage(TimeSpan? AtSwitch, TimeSpan Longest, ulong LongestAfter)
{
    internal static GuestOutage Of(IReadOnlyList<StampedBeat> source, IReadOnlyList<StampedBeat> target)
    {
        StampedBeat[] heard =
        [
            .. source.Concat(target).OrderBy(beat => beat.At)
                .DistinctBy(beat => beat.Heartbeat.Counter).OrderBy(beat => beat.Heartbeat.Counter),
        ];
        var longest = TimeSpan.Zero;
        var after = 0UL;
        foreach (var (before, next) in heard.Zip(heard.Skip(1)))
        {
            if (next.At - before.At > longest)
            {
                longest = next.At - before.At;
                after = before.Heartbeat.Counter;
            }
        }

        // Two readers may stamp a hair out of order; an outage is never below nothing.
        TimeSpan? atSwitch = source is [.., var last] && target is [var first, ..]
            ? TimeSpan.FromTicks(Math.Max(0, (first.At - last.At).Ticks))
            : null;
        return new GuestOutage(atSwitch, longest, after);
    }
}
