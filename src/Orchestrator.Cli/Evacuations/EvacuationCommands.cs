using System.CommandLine;
using Orchestrator.Cli.Invocation;
using Orchestrator.Cli.Quantities;
using Orchestrator.Cli.Rendering;
using Orchestrator.V1;

namespace Orchestrator.Cli.Evacuations;

/// <summary>migctl evacuate.</summary>
internal static class EvacuationCommands
{
    private const uint UsualLimit = 50;

    public static Command Create(CommandRunner runner) => new("evacuate", "Empties hosts: plan it, start it, see it to its end.")
    {
        Plan(runner), StartEvacuationCommand.Create(runner), WatchEvacuationCommand.Create(runner), Get(runner), List(runner), Pause(runner),
        Resume(runner), Cancel(runner),
    };

    public static Argument<string> Id() => new("EVACUATION") { Description = "Id of the evacuation, a UUID." };

    private static Verb Plan(CommandRunner runner)
    {
        var spec = new SpecOptions();
        var timeline = new Option<bool>("--timeline") { Description = "As bars over time, by target, instead of a table." };
        var command = new Verb(
            "plan",
            "What starting it now would do: order, targets, times, what cannot move and why. Changes nothing.",
            "evacuate plan h1",
            "evacuate plan --label rack=r12 --max-hosts-out 2 --timeline",
            "evacuate plan h1 h2 --deadline 2h --skip build-7 --target db-1=h9");
        spec.AddTo(command);
        command.Add(timeline);
        runner.Bind(command, async (parse, session) =>
        {
            if (!spec.TryRead(parse, session, out var asked, out var complaint))
            {
                return session.Complain(complaint);
            }

            var answer = await session.Connection.Evacuations.PlanEvacuationAsync(
                new PlanEvacuationRequest { Spec = asked }, session.Connection.Call(session.Cancellation));
            var plan = answer.Plan ?? new EvacuationPlan();
            return session.Answer(
                answer,
                parse.GetValue(timeline)
                    ? PlanTimeline.Render(plan, session.Terminal.Width) + PlanText.Rest(plan, asked.Deadline)
                    : PlanText.Render(plan, asked.Deadline));
        });
        return command;
    }

    private static Verb Get(CommandRunner runner)
    {
        var id = Id();
        var command = new Verb(
            "get", "One evacuation: what was asked, where each host and each guest stands.", "evacuate get 3f2b8c1e-7d7a-4a57-9c55-0d3f5a1b2c3d")
        {
            id,
        };
        runner.Bind(command, async (parse, session) =>
        {
            var answer = await session.Connection.Evacuations.GetEvacuationAsync(
                new GetEvacuationRequest { EvacuationId = parse.GetRequiredValue(id) }, session.Connection.Call(session.Cancellation));
            return session.Answer(answer, EvacuationText.Describe(answer.Evacuation));
        });
        return command;
    }

    private static Verb List(CommandRunner runner)
    {
        var running = new Option<bool>("--running") { Description = "Only those that have not ended. Default: all." };
        var limit = QuantityOption.Count("--limit", "How many at most; 0 = all. Default: 50.");
        var command = new Verb("list", "Evacuations, newest first.", "evacuate list --running", "evacuate list --limit 0") { running, limit };
        runner.Bind(command, async (parse, session) =>
        {
            var answer = await Paging.CollectAsync(
                parse.GetValue(limit) ?? UsualLimit,
                async (size, token) => await session.Connection.Evacuations.ListEvacuationsAsync(
                    new ListEvacuationsRequest { RunningOnly = parse.GetValue(running), PageSize = size, PageToken = token },
                    session.Connection.Call(session.Cancellation)),
                page => page.Evacuations.Count,
                page => page.NextPageToken);
            var more = answer.NextPageToken.Length > 0 ? $"There are more than {answer.Evacuations.Count}; --limit 0 shows all.\n" : "";
            return session.Answer(answer, EvacuationText.Table(answer.Evacuations) + more);
        });
        return command;
    }

    private static Verb Pause(CommandRunner runner)
    {
        var id = Id();
        var command = new Verb(
            "pause", "No further guest is begun; migrations under way go on.", "evacuate pause 3f2b8c1e-7d7a-4a57-9c55-0d3f5a1b2c3d") { id };
        runner.Bind(command, async (parse, session) =>
        {
            var answer = await session.Connection.Evacuations.PauseEvacuationAsync(
                new PauseEvacuationRequest { EvacuationId = parse.GetRequiredValue(id) }, session.Connection.Call(session.Cancellation));
            return session.Answer(
                answer,
                $"{Stands(answer.Evacuation)} Resume it with: {session.Invite("evacuate resume " + answer.Evacuation.EvacuationId)}");
        });
        return command;
    }

    private static Verb Resume(CommandRunner runner)
    {
        var id = Id();
        var command = new Verb("resume", "Goes on after a pause.", "evacuate resume 3f2b8c1e-7d7a-4a57-9c55-0d3f5a1b2c3d") { id };
        runner.Bind(command, async (parse, session) =>
        {
            var answer = await session.Connection.Evacuations.ResumeEvacuationAsync(
                new ResumeEvacuationRequest { EvacuationId = parse.GetRequiredValue(id) }, session.Connection.Call(session.Cancellation));
            return session.Answer(answer, $"{Stands(answer.Evacuation)} {Watch(answer.Evacuation, session)}");
        });
        return command;
    }

    private static Verb Cancel(CommandRunner runner)
    {
        var id = Id();
        var bringBack = new Option<bool>("--bring-back")
        {
            Description = "Guests that have left are brought back, and the hosts are uncordoned unless they had been cordoned before. "
                + "Default: guests stay where they are.",
        };
        var reason = new Option<string>("--reason") { Description = "Why, for the record. At most 500 characters.", HelpName = "text" };
        var command = new Verb(
            "cancel",
            "Ends an evacuation: migrations that can still be undone are. Returns when that is written down, not when it is done.",
            "evacuate cancel 3f2b8c1e-7d7a-4a57-9c55-0d3f5a1b2c3d",
            "evacuate cancel 3f2b8c1e-7d7a-4a57-9c55-0d3f5a1b2c3d --bring-back --reason \"the new kernel is not ready\"")
        {
            id, bringBack, reason,
        };
        runner.Bind(command, async (parse, session) =>
        {
            var answer = await session.Connection.Evacuations.CancelEvacuationAsync(
                new CancelEvacuationRequest
                {
                    EvacuationId = parse.GetRequiredValue(id),
                    Mode = parse.GetValue(bringBack) ? EvacuationCancelMode.BringBack : EvacuationCancelMode.StopHere,
                    Reason = parse.GetValue(reason) ?? "",
                },
                session.Connection.Call(session.Cancellation));
            return session.Answer(answer, $"{Stands(answer.Evacuation)} {Watch(answer.Evacuation, session)}");
        });
        return command;
    }

    private static string Stands(Evacuation evacuation) => $"Evacuation {evacuation.EvacuationId} is {EnumText.Of(evacuation.State)}.";

    private static string Watch(Evacuation evacuation, Session session) =>
        $"Follow it with: {session.Invite("evacuate watch " + evacuation.EvacuationId)}";
}
