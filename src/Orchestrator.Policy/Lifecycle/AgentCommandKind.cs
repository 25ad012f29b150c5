namespace Orchestrator.Policy.Lifecycle;

/// <summary>What an agent can be told about a migration; names and meaning as in agent.proto.</summary>
public enum AgentCommandKind
{
    PrepareTarget,
    StartSource,
    AdjustSource,
    PauseSource,
    ResumeSource,
    StartPostCopy,
    RecoverTarget,
    RecoverSource,
    CancelSource,
    HandOverTarget,
    FinishSource,
    FinishTarget,
    AbandonTarget,
    AbandonSource,
}

public enum MigrationSide
{
    Source,
    Target,
}

/// <summary>Where one kind of command of a migration stands: the latest one given.</summary>
/// <param name="CommandId">Of the latest; rises within the migration. 0 when none was given.</param>
/// <param name="TimesInPhase">How many of the kind were given since the present phase began.</param>
/// <param name="Since">How long the latest has been as it is.</param>
/// <param name="Refusal">Set when <paramref name="Status"/> is <see cref="CommandStatus.Refused"/>.</param>
public sealed record CommandStanding(
    CommandStatus Status, long CommandId, int TimesInPhase, TimeSpan Since, CommandRefusal? Refusal = null)
{
    public static CommandStanding NeverGiven { get; } = new(CommandStatus.NeverGiven, 0, 0, TimeSpan.Zero);

    public bool IsGiven => Status is not CommandStatus.NeverGiven;
}

public enum CommandStatus
{
    NeverGiven,

    /// <summary>Written down; no answer yet. It is sent again until there is one.</summary>
    Pending,
    Done,
    Refused,
}

/// <param name="Words">As the agent or its engine said it.</param>
public sealed record CommandRefusal(RefusalKind Kind, string Words);

public enum RefusalKind
{
    /// <summary>The engine, or a check before it, said no.</summary>
    Refused,

    /// <summary>The command does not fit where the session stands.</summary>
    WrongState,

    /// <summary>The agent has no such session.</summary>
    SessionUnknown,
}

public static class AgentCommand
{
    public static MigrationSide SideOf(AgentCommandKind kind) => kind switch
    {
        AgentCommandKind.PrepareTarget or AgentCommandKind.RecoverTarget or AgentCommandKind.HandOverTarget
            or AgentCommandKind.FinishTarget or AgentCommandKind.AbandonTarget => MigrationSide.Target,
        AgentCommandKind.StartSource or AgentCommandKind.AdjustSource or AgentCommandKind.PauseSource
            or AgentCommandKind.ResumeSource or AgentCommandKind.StartPostCopy or AgentCommandKind.RecoverSource
            or AgentCommandKind.CancelSource or AgentCommandKind.FinishSource
            or AgentCommandKind.AbandonSource => MigrationSide.Source,
    };
}
