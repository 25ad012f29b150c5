using System.Diagnostics;
using Google.Protobuf.WellKnownTypes;
using Orchestrator.Cli.Evacuations.Following;
using Orchestrator.Cli.Rendering;
using Orchestrator.Specs;
using Orchestrator.V1;

namespace Orchestrator.Cli.Evacuations;

/// <summary>Turns what a feed tells into lines of text: one for each change since the last look.</summary>
/// <param name="withCounts">False where something else shows them.</param>
internal sealed class EvacuationLines(bool withCounts, TimeProvider clock)
{
    private Evacuation? _before;
    private bool _wasLost;

    public IReadOnlyList<string> After(EvacuationEvent happened) => happened switch
    {
        EvacuationEvent.Lost(var why, var delay) => Lost(why, delay),
        EvacuationEvent.Restored => Restored(),
        EvacuationEvent.Seen(var evacuation) => Seen(evacuation),
        _ => throw new UnreachableException($"No arm for {happened}."),
    };

    private string[] Lost(string why, TimeSpan delay)
    {
        _wasLost = true;
        return [$"connection lost ({why.TrimEnd('.')}); the evacuation goes on; trying again in {QuantityText.Duration(delay.ToDuration())}"];
    }

    private string[] Restored()
    {
        var lines = _wasLost ? new[] { "connected again" } : [];
        _wasLost = false;
        return lines;
    }

    private List<string> Seen(Evacuation now)
    {
        var (before, at) = (_before, Moment.TimeOfDay(clock.GetUtcNow().ToTimestamp()));
        if (before is not null && now.Revision < before.Revision)
        {
            return [];
        }

        _before = now;
        List<string> lines = [];
        if (before is null)
        {
            lines.Add($"{at}  {EnumText.Of(now.State)}: evacuation {now.EvacuationId} of {EvacuationWords.Hosts(now.Spec)}");
        }

        lines.AddRange(Hosts(before, now).Select(line => $"{at}  {line}"));
        lines.AddRange(Guests(before, now));
        lines.AddRange(Late(before, now).Select(line => $"{at}  {line}"));
        var counts = EvacuationWords.Counts(now.Guests);
        if (withCounts && (before is null || EvacuationWords.Counts(before.Guests) != counts))
        {
            lines.Add($"{at}  {counts}" + (now.Eta is { } eta ? $"; end expected at {Moment.Text(eta)}" : ""));
        }

        if (before is not null && before.State != now.State)
        {
            lines.Add($"{at}  {EnumText.Of(now.State)}");
        }

        return lines;
    }

    private static IEnumerable<string> Hosts(Evacuation? before, Evacuation now)
    {
        var known = (before?.Hosts ?? []).ToDictionary(host => host.HostId, host => host.State, StringComparer.Ordinal);
        return now.Hosts
            .Where(host => !known.TryGetValue(host.HostId, out var state) || state != host.State)
            .Select(host => $"host {host.HostId} {EnumText.Of(host.State)}, {EvacuationText.Off(now, host.HostId)} guests off");
    }

    // At first only those that one wants to see; later everything that changes.
    private static IEnumerable<string> Guests(Evacuation? before, Evacuation now)
    {
        var known = before?.Guests.ToDictionary(guest => guest.GuestId, StringComparer.Ordinal);
        return now.Guests
            .Where(guest => known is null ? EvacuationWords.IsOfInterest(guest.State)
                : !known.TryGetValue(guest.GuestId, out var then) || then.State != guest.State || then.Attempts != guest.Attempts)
            .Select(guest => $"{Moment.TimeOfDay(guest.StateSince)}  guest {EvacuationWords.Guest(guest)}");
    }

    private static IEnumerable<string> Late(Evacuation? before, Evacuation now)
    {
        if (now.LateGuestIds.Except(before?.LateGuestIds ?? [], StringComparer.Ordinal).Any())
        {
            yield return $"LATE: {EvacuationWords.Late(now.LateGuestIds, now.Spec?.Deadline)}";
        }

        if (before?.LateGuestIds.Count > 0 && now.LateGuestIds.Count == 0)
        {
            yield return "nobody is late any more";
        }
    }
}
