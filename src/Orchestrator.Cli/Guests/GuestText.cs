using System.Globalization;
using Orchestrator.Cli.Rendering;
using Orchestrator.Specs;
using Orchestrator.V1;

namespace Orchestrator.Cli.Guests;

/// <summary>Guests in words.</summary>
internal static class GuestText
{
    public static string Table(IReadOnlyCollection<Guest> guests) =>
        guests.Count == 0
            ? "No guests."
            : TextTable.Render(
                ["GUEST", "STATE", "HOST", "MEMORY", "VCPUS", "SINCE", "MIGRATION"],
                guests.Select(guest => (IReadOnlyList<string>)
                [
                    guest.GuestId,
                    EnumText.Of(guest.State),
                    guest.HostId,
                    guest.Spec is null ? "" : QuantityText.Size(guest.Spec.MemoryBytes),
                    guest.Spec is null ? "" : Math.Max(1, guest.Spec.Vcpus).ToString(CultureInfo.InvariantCulture),
                    Moment.Text(guest.StateSince),
                    guest.ActiveMigrationId,
                ]));

    public static string StateLine(Guest guest) => guest.State switch
    {
        GuestState.ShutOff => $"Guest {guest.GuestId} is shut off.",
        GuestState.Running => $"Guest {guest.GuestId} runs on {guest.HostId}.",
        GuestState.Paused => $"Guest {guest.GuestId} is paused on {guest.HostId}.",
        GuestState.Starting => $"Guest {guest.GuestId} is being started on {guest.HostId}.",
        _ => $"Guest {guest.GuestId} is {EnumText.Of(guest.State)}{(guest.HostId.Length > 0 ? " on " + guest.HostId : "")}.",
    };

    public static string Describe(Guest guest) =>
        FactList.Render(
        [
            ("Guest", guest.GuestId),
            ("State", EnumText.Of(guest.State)),
            ("Since", Moment.Text(guest.StateSince)),
            ("Host", guest.HostId),
            ("Migration", guest.ActiveMigrationId),
            ("Serial console", guest.SerialSocket),
            ("Defined", Moment.Text(guest.DefinedAt)),
            ("Labels", string.Join(", ", guest.Labels.Select(label => $"{label.Key}={label.Value}").Order(StringComparer.Ordinal))),
            ("Hosts", string.Join(", ", (guest.Placement?.HostSelector ?? []).Select(PlacementWords.Of))),
            ("Affinity", string.Join("\n", (guest.Placement?.Affinity ?? []).Select(PlacementWords.Of))),
            ("Notice", guest.Notice is null ? null : Notice(guest.Notice)),
        ])
        + File(guest);

    private static string Notice(NoticeTerms terms) =>
        (terms.LeadTime is { } lead && lead.ToTimeSpan() > TimeSpan.Zero
            ? $"{QuantityText.Duration(lead)} before it moves{(terms.AcknowledgementEndsWait ? ", or until its owner agrees" : "")}"
            : "when it moves, without a wait")
        + (terms.WebhookUrl.Length > 0 ? $", to {terms.WebhookUrl}" : "");

    private static string File(Guest guest)
    {
        if (guest.Spec is null)
        {
            return "";
        }

        return guest.Labels.Count == 0 && guest.Placement is null && guest.Notice is null
            ? "\n# Machine, as \"migctl guests define -f\" takes it\n" + SpecWriter.Write(guest.Spec)
            : "\n# Guest, as \"migctl guests define -f\" takes it\n" + SpecWriter.Write(new DefineGuestRequest
            {
                Spec = guest.Spec,
                Labels = { guest.Labels },
                Placement = guest.Placement,
                Notice = guest.Notice,
            });
    }
}
