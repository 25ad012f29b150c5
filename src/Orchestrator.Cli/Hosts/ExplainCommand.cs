using System.CommandLine;
using Orchestrator.Cli.Invocation;
using Orchestrator.V1;

namespace Orchestrator.Cli.Hosts;

/// <summary>migctl hosts explain.</summary>
internal static class ExplainCommand
{
    public static Verb Create(CommandRunner runner)
    {
        var guest = new Argument<string>("GUEST") { Description = "Id of the guest." };
        var command = new Verb(
            "explain",
            "Which hosts could take a guest now, the best first, and what stands against the others. Reserves nothing.",
            "hosts explain web-1",
            "hosts explain web-1 -o json")
        {
            guest,
        };
        runner.Bind(command, async (parse, session) =>
        {
            var answer = await session.Connection.Admission.ExplainPlacementAsync(
                new ExplainPlacementRequest { GuestId = parse.GetRequiredValue(guest) }, session.Connection.Call(session.Cancellation));
            return session.Answer(answer, PlacementText.Table(answer.Hosts));
        });
        return command;
    }
}
