using Orchestrator.Cli.Evacuations.Following;
using Orchestrator.Cli.Invocation;
using Orchestrator.Cli.Migrations;
using Orchestrator.V1;

namespace Orchestrator.Cli.Evacuations;

/// <summary>migctl evacuate watch: one evacuation to its end.</summary>
internal static class WatchEvacuationCommand
{
    public static Verb Create(CommandRunner runner)
    {
        var id = EvacuationCommands.Id();
        var reconnectFor = ReconnectOption.Create();
        var command = new Verb(
            "watch",
            "Shows an evacuation as it goes: each host, each guest that moves or cannot, what is late, when it ends. Leaves with 1 when it ends "
            + "in anything but completed.",
            "evacuate watch 3f2b8c1e-7d7a-4a57-9c55-0d3f5a1b2c3d",
            "evacuate watch 3f2b8c1e-7d7a-4a57-9c55-0d3f5a1b2c3d -o json")
        {
            id, reconnectFor,
        };
        runner.Bind(command, async (parse, session) =>
        {
            var feed = new EvacuationFeed(session.Connection, ReconnectOption.Read(parse, reconnectFor), session.Terminal.Clock);
            var end = await new EvacuationDisplay(session).ShowAsync(
                tell => feed.FollowAsync(parse.GetRequiredValue(id), known: false, tell, session.Cancellation));
            return Conclude(end, session);
        });
        return command;
    }

    /// <summary>Says what became of it, and leaves accordingly.</summary>
    public static ExitCode Conclude(Evacuation? end, Session session)
    {
        if (end is not null && session.Format == OutputFormat.Table)
        {
            session.Terminal.Say(EvacuationText.Summary(end));
        }

        return end?.State == EvacuationState.Completed ? ExitCode.Ok : ExitCode.Refused;
    }
}
