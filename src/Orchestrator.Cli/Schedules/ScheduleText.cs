using Orchestrator.Cli.Evacuations;
using Orchestrator.Cli.Rendering;
using Orchestrator.Specs;
using Orchestrator.V1;

namespace Orchestrator.Cli.Schedules;

/// <summary>Schedules in words.</summary>
internal static class ScheduleText
{
    public static string Table(IReadOnlyCollection<Schedule> schedules) =>
        schedules.Count == 0
            ? "No schedules."
            : TextTable.Render(
                ["SCHEDULE", "WHEN", "WHAT", "NEXT", "LAST", "LAST OUTCOME"],
                schedules.Select(schedule => (IReadOnlyList<string>)
                [
                    schedule.Name,
                    When(schedule.Spec),
                    What(schedule.Spec),
                    schedule.Paused ? "paused" : Moment.Text(schedule.NextFiringAt),
                    Moment.Text(schedule.LastFiring?.DueAt),
                    schedule.LastFiring is { } last ? Outcome(last) : "",
                ]));

    public static string Table(IReadOnlyCollection<Firing> firings) =>
        firings.Count == 0
            ? "It has not fired yet."
            : TextTable.Render(
                ["DUE", "FIRED", "OUTCOME", "BEGAN", "MESSAGE"],
                firings.Select(firing => (IReadOnlyList<string>)
                [
                    Moment.Text(firing.DueAt),
                    Moment.Text(firing.FiredAt),
                    Outcome(firing),
                    firing.EvacuationId.Length > 0 ? $"evacuation {firing.EvacuationId}"
                        : firing.MigrationId.Length > 0 ? $"migration {firing.MigrationId}"
                        : "",
                    firing.Message,
                ]));

    /// <summary>A file that create takes; what is not in it stands in comments.</summary>
    public static string Describe(Schedule schedule)
    {
        var last = schedule.LastFiring is { } firing
            ? $"# last due {Moment.Text(firing.DueAt)}: {Outcome(firing)}{(firing.Message.Length > 0 ? ". " + firing.Message.ReplaceLineEndings(" ") : "")}\n"
            : "";
        return $"# {NextOf(schedule)}\n{last}"
            + SpecWriter.Write(new CreateScheduleRequest { Name = schedule.Name, Spec = schedule.Spec, CreatedBy = schedule.CreatedBy });
    }

    public static string NextOf(Schedule schedule) =>
        schedule.Paused ? $"Schedule {schedule.Name} is paused."
        : schedule.NextFiringAt is { } next ? $"Schedule {schedule.Name} fires next at {Moment.Text(next)}."
        : $"Schedule {schedule.Name} fires no more.";

    private static string Outcome(Firing firing) => firing.Outcome == FiringOutcome.Unspecified ? "beginning" : EnumText.Of(firing.Outcome);

    private static string When(ScheduleSpec? spec) => spec?.WhenCase switch
    {
        ScheduleSpec.WhenOneofCase.At => "at " + Moment.Text(spec.At),
        ScheduleSpec.WhenOneofCase.Cron => $"{spec.Cron} {(spec.TimeZone.Length > 0 ? spec.TimeZone : "UTC")}",
        _ => "",
    };

    private static string What(ScheduleSpec? spec) => spec?.WorkCase switch
    {
        ScheduleSpec.WorkOneofCase.Evacuation => "evacuate " + EvacuationWords.Hosts(spec.Evacuation),
        ScheduleSpec.WorkOneofCase.Migration =>
            $"migrate {spec.Migration.GuestId}" + (spec.Migration.TargetHostId.Length > 0 ? $" to {spec.Migration.TargetHostId}" : ""),
        _ => "",
    };
}
