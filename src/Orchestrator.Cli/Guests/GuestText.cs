using System.Globalization;
using Orchestrator.Cli.Quantities;
using Orchestrator.Cli.Rendering;
using Orchestrator.Cli.Specs;
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
        ])
        + (guest.Spec is null ? "" : "\n# Machine, as \"migctl guests define -f\" takes it\n" + SpecWriter.Write(guest.Spec));
}
