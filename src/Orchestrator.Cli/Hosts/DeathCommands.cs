using System.CommandLine;
using Orchestrator.Cli.Invocation;
using Orchestrator.V1;

namespace Orchestrator.Cli.Hosts;

/// <summary>migctl hosts declare-dead, fence and readmit.</summary>
internal static class DeathCommands
{
    // The longest that a server may be configured to give its fencing command.
    private static readonly TimeSpan s_longestFencing = TimeSpan.FromMinutes(10);

    public static Verb DeclareDead(CommandRunner runner)
    {
        var (id, reason) = (Id(), Reason());
        var command = new Verb(
            "declare-dead",
            "Your word that a silent machine is off and stays off: its guests may be started elsewhere. If it is not off, a guest may run twice.",
            "hosts declare-dead h1 --reason \"pulled the plug, rack 12\"")
        {
            id, reason,
        };
        runner.Bind(command, async (parse, session) =>
        {
            var answer = await session.Connection.Hosts.DeclareHostDeadAsync(
                new DeclareHostDeadRequest { HostId = parse.GetRequiredValue(id), Reason = parse.GetRequiredValue(reason) },
                session.Connection.Call(session.Cancellation));
            return session.Answer(answer, Dead(answer.Host, session));
        });
        return command;
    }

    public static Verb Fence(CommandRunner runner)
    {
        var (id, reason) = (Id(), Reason());
        var command = new Verb(
            "fence",
            "Has the server switch a silent machine off with the command it is configured with (Fencing:Command); then the host is dead.",
            "hosts fence h1 --reason \"does not answer since 12:03\"")
        {
            id, reason,
        };
        runner.Bind(command, async (parse, session) =>
        {
            var answer = await session.Connection.Hosts.FenceHostAsync(
                new FenceHostRequest { HostId = parse.GetRequiredValue(id), Reason = parse.GetRequiredValue(reason) },
                session.Connection.Call(session.Cancellation, s_longestFencing));
            return session.Answer(
                answer, Dead(answer.Host, session) + (answer.Output.Length > 0 ? $"\nThe fencing command said:\n{answer.Output}" : ""));
        });
        return command;
    }

    public static Verb Readmit(CommandRunner runner)
    {
        var id = Id();
        var command = new Verb("readmit", "Uses a dead host's machine again, now that it is back.", "hosts readmit h1") { id };
        runner.Bind(command, async (parse, session) =>
        {
            var answer = await session.Connection.Hosts.ReadmitHostAsync(
                new ReadmitHostRequest { HostId = parse.GetRequiredValue(id) }, session.Connection.Call(session.Cancellation));
            return session.Answer(answer, $"Host {answer.Host.HostId} is used again.");
        });
        return command;
    }

    private static Argument<string> Id() => new("HOST") { Description = "Id of the host." };

    private static Option<string> Reason() => new("--reason")
    {
        Description = "How you know that it is off, or why it is to be switched off. 1 to 500 characters.",
        HelpName = "text",
        Required = true,
    };

    private static string Dead(Host host, Session session) =>
        $"Host {host.HostId} is dead: {host.DeadReason}. Its {host.Use?.Guests ?? 0} guests may be started elsewhere: "
        + session.Invite("guests start GUEST HOST");
}
