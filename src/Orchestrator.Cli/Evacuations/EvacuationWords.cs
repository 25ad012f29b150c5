using System.Globalization;
using Google.Protobuf.WellKnownTypes;
using Orchestrator.Cli.Rendering;
using Orchestrator.Specs;
using Orchestrator.V1;

namespace Orchestrator.Cli.Evacuations;

/// <summary>Parts of sentences about evacuations.</summary>
internal static class EvacuationWords
{
    /// <summary>"h1, h2", or the labels that name them.</summary>
    public static string Hosts(EvacuationSpec? spec) => spec is null ? ""
        : spec.HostIds.Count > 0 ? string.Join(", ", spec.HostIds)
        : string.Join(", ", spec.HostLabels.OrderBy(label => label.Key, StringComparer.Ordinal).Select(label => $"{label.Key}={label.Value}"));

    /// <summary>"14 guests: 5 moved, 2 moving, 7 waiting".</summary>
    public static string Counts(IReadOnlyCollection<EvacuationGuest> guests)
    {
        var counts = guests.GroupBy(guest => guest.State).OrderBy(group => Rank(group.Key))
            .Select(group => string.Create(CultureInfo.InvariantCulture, $"{group.Count()} {EnumText.Of(group.Key)}"));
        return guests.Count == 0 ? "no guests" : $"{Number(guests.Count, "guest")}: {string.Join(", ", counts)}";
    }

    /// <summary>Names, the first few of many.</summary>
    public static string Names(IReadOnlyList<string> names)
    {
        const int Told = 6;
        return string.Join(", ", names.Take(Told))
            + (names.Count > Told ? string.Create(CultureInfo.InvariantCulture, $" and {names.Count - Told} more") : "");
    }

    public static string Number(int count, string noun) => string.Create(CultureInfo.InvariantCulture, $"{count} {noun}{(count == 1 ? "" : "s")}");

    /// <summary>"1.08 times what the links need"; null when nothing goes over links.</summary>
    public static string? Ratio(EvacuationPlan plan) =>
        plan.BandwidthBound is { } bound && bound.ToTimeSpan() > TimeSpan.Zero && plan.Total is { } total
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"{total.ToTimeSpan() / bound.ToTimeSpan():0.00} times the {QuantityText.Duration(bound)} that the bytes need on the links")
            : null;

    /// <summary>"3 guests will not be off by 18:00:00Z: a, b, c"; null when all will.</summary>
    public static string? Late(IReadOnlyList<string> late, Timestamp? deadline) => late.Count == 0 ? null
        : $"{Number(late.Count, "guest")} will not be off by {(deadline is null ? "the deadline" : Moment.Text(deadline))}: {Names(late)}";

    /// <summary>Guests that are no longer on their host and not expected there again.</summary>
    public static bool IsOff(EvacuationGuestState state) => state is EvacuationGuestState.Moved or EvacuationGuestState.Gone;

    /// <summary>Guests that somebody who watches wants to see one by one.</summary>
    public static bool IsOfInterest(EvacuationGuestState state) => state is EvacuationGuestState.Moving or EvacuationGuestState.Returning
        or EvacuationGuestState.BackingOff or EvacuationGuestState.Stuck or EvacuationGuestState.Failed;

    public static string Guest(EvacuationGuest guest) =>
        $"{guest.GuestId} {EnumText.Of(guest.State)}"
        + (guest.Message.Length > 0 ? $": {guest.Message.TrimEnd('.')}" : "")
        + (guest.NextAttemptAt is { } next ? $"; tried again at {Moment.TimeOfDay(next)}" : "")
        + (guest.State is EvacuationGuestState.Moving or EvacuationGuestState.Returning && guest.MigrationId.Length > 0
            ? $"; migration {guest.MigrationId}" : "");

    // What is done first, what is wrong last.
    private static int Rank(EvacuationGuestState state) => state switch
    {
        EvacuationGuestState.Moved => 0,
        EvacuationGuestState.Returned => 1,
        EvacuationGuestState.Gone => 2,
        EvacuationGuestState.Moving => 3,
        EvacuationGuestState.Returning => 4,
        EvacuationGuestState.Waiting => 5,
        EvacuationGuestState.BackingOff => 6,
        EvacuationGuestState.Skipped => 7,
        EvacuationGuestState.Stuck => 8,
        EvacuationGuestState.Failed => 9,
        _ => 10,
    };
}
