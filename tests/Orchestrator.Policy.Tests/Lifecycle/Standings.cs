using Orchestrator.Policy.Lifecycle;

namespace Orchestrator.Policy.Tests.Lifecycle;

/// <summary>Standings in few words.</summary>
internal static class Standings
{
    public static readonly TimeSpan Long = TimeSpan.FromHours(1);

    public static MigrationStanding In(MigrationPhase phase) => new() { Phase = phase, GuestWasRunning = true };

    public static MigrationStanding Done(this MigrationStanding standing, params ReadOnlySpan<AgentCommandKind> kinds) =>
        standing.With(CommandStatus.Done, null, kinds);

    public static MigrationStanding Pending(this MigrationStanding standing, params ReadOnlySpan<AgentCommandKind> kinds) =>
        standing.With(CommandStatus.Pending, null, kinds);

    public static MigrationStanding Refused(
        this MigrationStanding standing, AgentCommandKind kind, RefusalKind why = RefusalKind.Refused, int times = 1, TimeSpan? since = null) =>
        standing with
        {
            Commands = new Dictionary<AgentCommandKind, CommandStanding>(standing.Commands)
            {
                [kind] = new(CommandStatus.Refused, standing.Commands.Count + 1, times, since ?? Long, new CommandRefusal(why, "its words")),
            },
        };

    public static SideView Copying { get; } = new()
    {
        Session = SessionStanding.Running,
        Activity = TransferActivity.Copying,
        RunState = GuestRunState.Running,
        WasRunning = true,
    };

    public static SideView InPostCopy { get; } =
        Copying with { Activity = TransferActivity.PostCopy, RunState = GuestRunState.FinishMigrate };

    public static SideView Ended(SessionEnding ending, GuestRunState runState) => new()
    {
        Session = SessionStanding.Ended,
        Ending = ending,
        RunState = runState,
        WasRunning = true,
        Words = "engine words",
    };

    public static SideView SourceCompleted { get; } = Ended(SessionEnding.Completed, GuestRunState.PostMigrate);

    public static SideView SourceBack { get; } = Ended(SessionEnding.Failed, GuestRunState.Running);

    public static SideView TargetWaits { get; } = new()
    {
        Session = SessionStanding.Listening,
        Activity = TransferActivity.Setup,
        RunState = GuestRunState.InMigrate,
    };

    public static SideView TargetRuns { get; } = Ended(SessionEnding.Completed, GuestRunState.Running) with { HasRun = true };

    private static MigrationStanding With(
        this MigrationStanding standing, CommandStatus status, CommandRefusal? refusal, ReadOnlySpan<AgentCommandKind> kinds)
    {
        var commands = new Dictionary<AgentCommandKind, CommandStanding>(standing.Commands);
        foreach (var kind in kinds)
        {
            commands[kind] = new CommandStanding(status, commands.Count + 1, 1, Long, refusal);
        }

        return standing with { Commands = commands };
    }

    /// <summary>Everything that comes before the copy has been done.</summary>
    public static MigrationStanding Copy(SideView source) =>
        In(MigrationPhase.Copying).Done(AgentCommandKind.PrepareTarget, AgentCommandKind.StartSource) with { Source = source };
}
