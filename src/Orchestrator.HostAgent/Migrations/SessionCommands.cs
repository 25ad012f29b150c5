using Orchestrator.Agent.V1;
using CommandCase = Orchestrator.Agent.V1.ExecuteRequest.CommandOneofCase;

namespace Orchestrator.HostAgent.Migrations;

/// <summary>Which side of a migration a command is for.</summary>
internal static class SessionCommands
{
    public static SessionRole RoleOf(CommandCase command) => command switch
    {
        CommandCase.PrepareTarget or CommandCase.RecoverTarget or CommandCase.HandOverTarget or CommandCase.FinishTarget
            or CommandCase.AbandonTarget => SessionRole.Target,
        CommandCase.StartSource or CommandCase.AdjustSource or CommandCase.PauseSource or CommandCase.ResumeSource
            or CommandCase.StartPostCopy or CommandCase.RecoverSource or CommandCase.CancelSource or CommandCase.FinishSource
            or CommandCase.AbandonSource => SessionRole.Source,

        // For either, whichever is here.
        CommandCase.Attend or CommandCase.None => SessionRole.Unspecified,
    };
}
