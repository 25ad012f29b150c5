using Orchestrator.Agent.V1;
using Orchestrator.Policy.Lifecycle;
using Orchestrator.PolicyMessages;

namespace Orchestrator.ControlPlane.Migrations.Supervision;

/// <summary>Translates what agents say into what policy sees.</summary>
internal static class ReportView
{
    public static SideView View(MigrationReport report) => new()
    {
        Session = Session(report.SessionState),
        Ending = Ending(report.Outcome),
        Activity = ReportNumbers.Activity(report.EngineStatus),
        RunState = RunStateOf(report.RunState),
        WasRunning = report.WasRunning,
        HasRun = report.Role is SessionRole.Target && report.ResumedAt is not null,
        Words = Words.Clean(report.ErrorDescription),
    };

    private static SessionStanding Session(SessionState state) => state switch
    {
        SessionState.Unspecified => SessionStanding.Unknown,
        SessionState.Opening => SessionStanding.Opening,
        SessionState.Listening => SessionStanding.Listening,
        SessionState.Running => SessionStanding.Running,
        SessionState.SwitchingOver => SessionStanding.SwitchingOver,
        SessionState.Ended => SessionStanding.Ended,
        SessionState.Closed => SessionStanding.Closed,

        // An agent newer than this control plane: nothing is decided on a word that nobody here knows.
        _ => SessionStanding.Unknown,
    };

    private static SessionEnding? Ending(SessionOutcome outcome) => outcome switch
    {
        SessionOutcome.Completed => SessionEnding.Completed,
        SessionOutcome.Failed => SessionEnding.Failed,
        SessionOutcome.Cancelled => SessionEnding.Cancelled,
        SessionOutcome.EngineLost => SessionEnding.EngineLost,
        _ => null,
    };

    private static GuestRunState RunStateOf(RunState state) => state switch
    {
        RunState.Running => GuestRunState.Running,
        RunState.Paused => GuestRunState.Paused,
        RunState.Inmigrate => GuestRunState.InMigrate,
        RunState.FinishMigrate => GuestRunState.FinishMigrate,
        RunState.Postmigrate => GuestRunState.PostMigrate,
        RunState.Shutdown => GuestRunState.Shutdown,
        RunState.Error => GuestRunState.Error,
        RunState.Gone => GuestRunState.Gone,
        _ => GuestRunState.Unknown,
    };
}
