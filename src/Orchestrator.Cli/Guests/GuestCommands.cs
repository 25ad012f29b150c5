using System.CommandLine;
using Google.Protobuf.WellKnownTypes;
using Orchestrator.Cli.Invocation;
using Orchestrator.Cli.Quantities;
using Orchestrator.V1;

namespace Orchestrator.Cli.Guests;

/// <summary>migctl guests, all but define.</summary>
internal static class GuestCommands
{
    private static readonly TimeSpan s_usualGrace = TimeSpan.FromSeconds(30);

    // The server's bound, checked here since the call's deadline is this much later.
    private static readonly TimeSpan s_longestGrace = TimeSpan.FromMinutes(10);

    public static Command Create(CommandRunner runner) => new("guests", "The virtual machines on the hosts.")
    {
        DefineCommand.Create(runner), Start(runner), Stop(runner), Pause(runner), Resume(runner), List(runner), Get(runner), Remove(runner),
    };

    private static Argument<string> Id() => new("GUEST") { Description = "Id of the guest." };

    private static Verb Start(CommandRunner runner)
    {
        var id = Id();
        var host = new Argument<string>("HOST") { Description = "Id of the host to start it on." };
        var paused = new Option<bool>("--paused") { Description = "Start with the CPUs stopped. Default: running." };
        var command = new Verb(
            "start",
            "Starts a defined guest on a host. Repeating it is harmless.",
            "guests start web-1 h1",
            "guests start web-1 h1 --paused")
        {
            id, host, paused,
        };
        runner.Bind(command, async (parse, session) =>
        {
            var answer = await session.Connection.Guests.StartGuestAsync(
                new StartGuestRequest
                {
                    GuestId = parse.GetRequiredValue(id),
                    HostId = parse.GetRequiredValue(host),
                    Paused = parse.GetValue(paused),
                },
                session.Connection.Call(session.Cancellation));
            return session.Answer(answer, GuestText.StateLine(answer.Guest));
        });
        return command;
    }

    private static Verb Stop(CommandRunner runner)
    {
        var id = Id();
        var grace = QuantityOption.Duration(
            "--grace",
            "How long the guest may take to power down by itself before it is killed. 0 to 10m; 0 kills at once. Default: 30s.",
            static grace => grace <= s_longestGrace ? null : "must be at most 10m");
        var command = new Verb(
            "stop", "Powers a guest down. Repeating it is harmless.", "guests stop web-1", "guests stop web-1 --grace 2m")
        {
            id, grace,
        };
        runner.Bind(command, async (parse, session) =>
        {
            var patience = parse.GetValue(grace)?.ToTimeSpan() ?? s_usualGrace;
            var answer = await session.Connection.Guests.StopGuestAsync(
                new StopGuestRequest { GuestId = parse.GetRequiredValue(id), Grace = patience.ToDuration() },
                session.Connection.Call(session.Cancellation, patience));
            return session.Answer(answer, GuestText.StateLine(answer.Guest));
        });
        return command;
    }

    private static Verb Pause(CommandRunner runner)
    {
        var id = Id();
        var command = new Verb("pause", "Stops a guest's CPUs. It stays paused through a migration.", "guests pause web-1") { id };
        runner.Bind(command, async (parse, session) =>
        {
            var answer = await session.Connection.Guests.PauseGuestAsync(
                new PauseGuestRequest { GuestId = parse.GetRequiredValue(id) }, session.Connection.Call(session.Cancellation));
            return session.Answer(answer, GuestText.StateLine(answer.Guest));
        });
        return command;
    }

    private static Verb Resume(CommandRunner runner)
    {
        var id = Id();
        var command = new Verb("resume", "Lets a paused guest run on.", "guests resume web-1") { id };
        runner.Bind(command, async (parse, session) =>
        {
            var answer = await session.Connection.Guests.ResumeGuestAsync(
                new ResumeGuestRequest { GuestId = parse.GetRequiredValue(id) }, session.Connection.Call(session.Cancellation));
            return session.Answer(answer, GuestText.StateLine(answer.Guest));
        });
        return command;
    }

    private static Verb List(CommandRunner runner)
    {
        var host = new Option<string>("--host") { Description = "Only guests on this host. Default: all.", HelpName = "host" };
        var command = new Verb("list", "Guests, in the order of their ids.", "guests list", "guests list --host h1") { host };
        runner.Bind(command, async (parse, session) =>
        {
            var answer = await Paging.CollectAsync(
                0,
                async (size, token) => await session.Connection.Guests.ListGuestsAsync(
                    new ListGuestsRequest { HostId = parse.GetValue(host) ?? "", PageSize = size, PageToken = token },
                    session.Connection.Call(session.Cancellation)),
                page => page.Guests.Count,
                page => page.NextPageToken);
            return session.Answer(answer, GuestText.Table(answer.Guests));
        });
        return command;
    }

    private static Verb Get(CommandRunner runner)
    {
        var id = Id();
        var command = new Verb("get", "One guest: state and machine.", "guests get web-1") { id };
        runner.Bind(command, async (parse, session) =>
        {
            var answer = await session.Connection.Guests.GetGuestAsync(
                new GetGuestRequest { GuestId = parse.GetRequiredValue(id) }, session.Connection.Call(session.Cancellation));
            return session.Answer(answer, GuestText.Describe(answer.Guest));
        });
        return command;
    }

    private static Verb Remove(CommandRunner runner)
    {
        var id = Id();
        var command = new Verb("remove", "Forgets a stopped guest.", "guests remove web-1") { id };
        runner.Bind(command, async (parse, session) =>
        {
            var answer = await session.Connection.Guests.RemoveGuestAsync(
                new RemoveGuestRequest { GuestId = parse.GetRequiredValue(id) }, session.Connection.Call(session.Cancellation));
            return session.Answer(answer, $"Guest {parse.GetRequiredValue(id)} is removed.");
        });
        return command;
    }
}
