using System.CommandLine;
using Orchestrator.Cli.Invocation;
using Orchestrator.Cli.Quantities;
using Orchestrator.V1;

namespace Orchestrator.Cli.Schedules;

/// <summary>migctl schedules.</summary>
internal static class ScheduleCommands
{
    public static Command Create(CommandRunner runner) => new("schedules", "Evacuations and migrations that begin by the clock.")
    {
        CreateScheduleCommand.Create(runner), List(runner), Get(runner), Firings(runner), Pause(runner), Resume(runner), Delete(runner),
    };

    private static Argument<string> Name() => new("SCHEDULE") { Description = "Name of the schedule." };

    private static Verb List(CommandRunner runner)
    {
        var command = new Verb("list", "All schedules, and when each fires next.", "schedules list");
        runner.Bind(command, async (_, session) =>
        {
            var answer = await Paging.CollectAsync(
                0,
                async (size, token) => await session.Connection.Schedules.ListSchedulesAsync(
                    new ListSchedulesRequest { PageSize = size, PageToken = token }, session.Connection.Call(session.Cancellation)),
                page => page.Schedules.Count,
                page => page.NextPageToken);
            return session.Answer(answer, ScheduleText.Table(answer.Schedules));
        });
        return command;
    }

    private static Verb Get(CommandRunner runner)
    {
        var name = Name();
        var command = new Verb(
            "get", "One schedule, in the form that create takes.", "schedules get nightly", "schedules get nightly > nightly.yaml") { name };
        runner.Bind(command, async (parse, session) =>
        {
            var answer = await session.Connection.Schedules.GetScheduleAsync(
                new GetScheduleRequest { Name = parse.GetRequiredValue(name) }, session.Connection.Call(session.Cancellation));
            return session.Answer(answer, ScheduleText.Describe(answer.Schedule));
        });
        return command;
    }

    private static Verb Firings(CommandRunner runner)
    {
        var name = Name();
        var limit = QuantityOption.Count("--limit", "How many at most, the newest first. 0 = all. Default: 20.");
        var command = new Verb("firings", "What a schedule did, newest first.", "schedules firings nightly", "schedules firings nightly --limit 0")
        {
            name, limit,
        };
        runner.Bind(command, async (parse, session) =>
        {
            var answer = await Paging.CollectAsync(
                parse.GetValue(limit) ?? 20,
                async (size, token) => await session.Connection.Schedules.ListFiringsAsync(
                    new ListFiringsRequest { Name = parse.GetRequiredValue(name), PageSize = size, PageToken = token },
                    session.Connection.Call(session.Cancellation)),
                page => page.Firings.Count,
                page => page.NextPageToken);
            return session.Answer(answer, ScheduleText.Table(answer.Firings));
        });
        return command;
    }

    private static Verb Pause(CommandRunner runner)
    {
        var name = Name();
        var command = new Verb("pause", "Fires no more until it is resumed. What it has begun goes on.", "schedules pause nightly") { name };
        runner.Bind(command, async (parse, session) =>
        {
            var answer = await session.Connection.Schedules.PauseScheduleAsync(
                new PauseScheduleRequest { Name = parse.GetRequiredValue(name) }, session.Connection.Call(session.Cancellation));
            return session.Answer(
                answer,
                $"Schedule {answer.Schedule.Name} is paused. Resume it with: {session.Invite($"schedules resume {answer.Schedule.Name}")}");
        });
        return command;
    }

    private static Verb Resume(CommandRunner runner)
    {
        var name = Name();
        var command = new Verb("resume", "Fires again. What it would have fired for in the pause is not made up for.", "schedules resume nightly")
        {
            name,
        };
        runner.Bind(command, async (parse, session) =>
        {
            var answer = await session.Connection.Schedules.ResumeScheduleAsync(
                new ResumeScheduleRequest { Name = parse.GetRequiredValue(name) }, session.Connection.Call(session.Cancellation));
            return session.Answer(answer, ScheduleText.NextOf(answer.Schedule));
        });
        return command;
    }

    private static Verb Delete(CommandRunner runner)
    {
        var name = Name();
        var command = new Verb("delete", "Forgets a schedule and its firings. What it has begun goes on.", "schedules delete nightly") { name };
        runner.Bind(command, async (parse, session) =>
        {
            var answer = await session.Connection.Schedules.DeleteScheduleAsync(
                new DeleteScheduleRequest { Name = parse.GetRequiredValue(name) }, session.Connection.Call(session.Cancellation));
            return session.Answer(answer, $"Schedule {parse.GetRequiredValue(name)} is deleted. What it has begun goes on.");
        });
        return command;
    }
}
