using System.Globalization;
using Orchestrator.Cli.Rendering;
using Orchestrator.Specs;
using Orchestrator.V1;

namespace Orchestrator.Cli.Evacuations;

/// <summary>Evacuations in words.</summary>
internal static class EvacuationText
{
    public static string Table(IReadOnlyCollection<Evacuation> evacuations) =>
        evacuations.Count == 0
            ? "No evacuations match.\n"
            : TextTable.Render(
                ["EVACUATION", "STATE", "HOSTS", "CREATED", "ENDED", "END EXPECTED", "REQUESTED BY", "REASON"],
                evacuations.Select(evacuation => (IReadOnlyList<string>)
                [
                    evacuation.EvacuationId,
                    EnumText.Of(evacuation.State),
                    EvacuationWords.Hosts(evacuation.Spec),
                    Moment.Text(evacuation.CreatedAt),
                    Moment.Text(evacuation.EndedAt),
                    Moment.Text(evacuation.Eta),
                    evacuation.RequestedBy,
                    evacuation.Spec?.Reason ?? "",
                ]));

    public static string Describe(Evacuation evacuation)
    {
        var spec = evacuation.Spec ?? new EvacuationSpec();
        var text = FactList.Render(
        [
            ("Evacuation", evacuation.EvacuationId),
            ("State", EnumText.Of(evacuation.State)),
            ("Guests", EvacuationWords.Counts(evacuation.Guests)),
            ("Hosts out at most", spec.MaxHostsOut > 0 ? spec.MaxHostsOut.ToString(CultureInfo.InvariantCulture) : null),
            ("Policy", spec.Policy.Length > 0 ? spec.Policy : null),
            ("After failures", spec.RetryPolicies.Count > 0 ? string.Join(", then ", spec.RetryPolicies) : null),
            ("Downtime at most", spec.MaxDowntime is { } budget ? QuantityText.Duration(budget) : null),
            ("Class", spec.PriorityClass),
            ("Requested by", evacuation.RequestedBy),
            ("Reason", spec.Reason),
            ("Created", Moment.Text(evacuation.CreatedAt)),
            ("Ended", Moment.Text(evacuation.EndedAt)),
            ("Cancelled", evacuation.CancelMode == EvacuationCancelMode.Unspecified ? null : EnumText.Of(evacuation.CancelMode)),
            ("End expected", Moment.Text(evacuation.Eta)),
            ("Deadline", Moment.Text(spec.Deadline)),
            ("Late", EvacuationWords.Late(evacuation.LateGuestIds, spec.Deadline)),
        ]);
        var left = evacuation.Plan is { Moves.Count: > 0 } plan ? $"\nWhat is left to do:\n{PlanText.Render(plan, spec.Deadline)}" : "";
        return text + "\n" + Hosts(evacuation) + "\n" + Guests(evacuation) + left;
    }

    /// <summary>What became of it, in a few lines.</summary>
    public static string Summary(Evacuation evacuation)
    {
        var took = evacuation is { CreatedAt: { } began, EndedAt: { } ended } ? $" after {QuantityText.Duration(ended - began)}" : "";
        var text = $"{Headline(evacuation.State)}{took}. {EvacuationWords.Counts(evacuation.Guests)}.\n";
        foreach (var guest in evacuation.Guests.Where(guest => guest.State is EvacuationGuestState.Stuck or EvacuationGuestState.Failed))
        {
            text += $"  {EvacuationWords.Guest(guest)}\n";
        }

        return text;
    }

    private static string Headline(EvacuationState state) => state switch
    {
        EvacuationState.Completed => "Completed",
        EvacuationState.Incomplete => "Incomplete: some guests stay",
        EvacuationState.Cancelled => "Cancelled",
        _ => $"It is {EnumText.Of(state)}",
    };

    private static string Hosts(Evacuation evacuation) => TextTable.Render(
        ["HOST", "STATE", "OFF", "CORDONED BEFORE"],
        evacuation.Hosts.Select(host => (IReadOnlyList<string>)
        [
            host.HostId, EnumText.Of(host.State), Off(evacuation, host.HostId), host.WasCordoned ? "yes" : "no",
        ]));

    /// <summary>"5 of 14"; without those that stay as asked.</summary>
    public static string Off(Evacuation evacuation, string hostId)
    {
        var guests = evacuation.Guests.Where(guest => guest.SourceHostId == hostId && guest.State != EvacuationGuestState.Skipped).ToList();
        return string.Create(CultureInfo.InvariantCulture, $"{guests.Count(guest => EvacuationWords.IsOff(guest.State))} of {guests.Count}");
    }

    private static string Guests(Evacuation evacuation) => evacuation.Guests.Count == 0 ? "" : TextTable.Render(
        ["GUEST", "FROM", "STATE", "SINCE", "TO", "ATTEMPTS", "MIGRATION", "MESSAGE"],
        evacuation.Guests.Select(guest => (IReadOnlyList<string>)
        [
            guest.GuestId,
            guest.SourceHostId,
            EnumText.Of(guest.State),
            Moment.Text(guest.StateSince),
            guest.TargetHostId,
            guest.Attempts.ToString(CultureInfo.InvariantCulture),
            guest.MigrationId,
            guest.Message,
        ]));
}
