using System.CommandLine;
using Orchestrator.Cli.Invocation;
using Orchestrator.Cli.Quantities;
using Orchestrator.V1;

namespace Orchestrator.Cli.Hosts;

/// <summary>migctl hosts.</summary>
internal static class HostCommands
{
    public static Command Create(CommandRunner runner) => new("hosts", "The hypervisor machines, each with one agent.")
    {
        Register(runner), List(runner), Get(runner), Cordon(runner), Uncordon(runner), Remove(runner),
        DeathCommands.DeclareDead(runner), DeathCommands.Fence(runner), DeathCommands.Readmit(runner), Events(runner), ExplainCommand.Create(runner),
    };

    private static Argument<string> Id() => new("HOST") { Description = "Id of the host." };

    private static Verb Register(CommandRunner runner)
    {
        var id = new Argument<string>("HOST")
        {
            Description = "Id of the host, equal to its agent's own: 1 to 63 of a-z, 0-9, '-' and '.'.",
        };
        var endpoint = new Argument<string>("ENDPOINT") { Description = "Where its agent listens: http://ADDRESS:PORT." };
        var labels = LabelOption.Create("A free label; may be repeated. At most 64; keys and values at most 63 characters.");
        var command = new Verb(
            "register",
            "Makes a host known and connects to its agent. Repeating it is harmless.",
            "hosts register h1 http://10.0.0.11:7444",
            "hosts register h1 http://10.0.0.11:7444 --label rack=r12 --label zone=b")
        {
            id, endpoint, labels,
        };
        runner.Bind(command, async (parse, session) =>
        {
            var request = new RegisterHostRequest
            {
                HostId = parse.GetRequiredValue(id),
                AgentEndpoint = parse.GetRequiredValue(endpoint),
                Labels = { LabelOption.Read(parse, labels) },
            };
            var answer = await session.Connection.Hosts.RegisterHostAsync(request, session.Connection.Call(session.Cancellation));
            return session.Answer(answer, $"Host {answer.Host.HostId} is registered.\n\n{HostText.Describe(answer.Host)}");
        });
        return command;
    }

    private static Verb List(CommandRunner runner)
    {
        var command = new Verb("list", "All hosts, in the order of their ids.", "hosts list", "hosts list -o json");
        runner.Bind(command, async (_, session) =>
        {
            var answer = await Paging.CollectAsync(
                0,
                async (size, token) => await session.Connection.Hosts.ListHostsAsync(
                    new ListHostsRequest { PageSize = size, PageToken = token }, session.Connection.Call(session.Cancellation)),
                page => page.Hosts.Count,
                page => page.NextPageToken);
            return session.Answer(answer, HostText.Table(answer.Hosts));
        });
        return command;
    }

    private static Verb Get(CommandRunner runner)
    {
        var id = Id();
        var command = new Verb("get", "One host: state, what is taken of it, machine, links, devices, engines.", "hosts get h1") { id };
        runner.Bind(command, async (parse, session) =>
        {
            var answer = await session.Connection.Hosts.GetHostAsync(
                new GetHostRequest { HostId = parse.GetRequiredValue(id) }, session.Connection.Call(session.Cancellation));
            return session.Answer(answer, HostText.Describe(answer.Host));
        });
        return command;
    }

    private static Verb Cordon(CommandRunner runner)
    {
        var id = Id();
        var reason = new Option<string>("--reason")
        {
            Description = "Why, for whoever looks later. At most 500 characters.",
            HelpName = "text",
        };
        var command = new Verb(
            "cordon",
            "Keeps new guests and migrations away from a host. What runs goes on.",
            "hosts cordon h1 --reason \"new kernel tonight\"")
        {
            id, reason,
        };
        runner.Bind(command, async (parse, session) =>
        {
            var answer = await session.Connection.Hosts.CordonHostAsync(
                new CordonHostRequest { HostId = parse.GetRequiredValue(id), Reason = parse.GetValue(reason) ?? "" },
                session.Connection.Call(session.Cancellation));
            return session.Answer(
                answer,
                $"Host {answer.Host.HostId} is cordoned. Open it again with: {session.Invite($"hosts uncordon {answer.Host.HostId}")}");
        });
        return command;
    }

    private static Verb Uncordon(CommandRunner runner)
    {
        var id = Id();
        var command = new Verb("uncordon", "Opens a cordoned host again.", "hosts uncordon h1") { id };
        runner.Bind(command, async (parse, session) =>
        {
            var answer = await session.Connection.Hosts.UncordonHostAsync(
                new UncordonHostRequest { HostId = parse.GetRequiredValue(id) }, session.Connection.Call(session.Cancellation));
            return session.Answer(answer, $"Host {answer.Host.HostId} is open.");
        });
        return command;
    }

    private static Verb Events(CommandRunner runner)
    {
        var id = new Argument<string>("HOST") { Description = "Id of the host, also of one that has been removed. Default: all.", Arity = ArgumentArity.ZeroOrOne };
        var limit = QuantityOption.Count("--limit", "How many at most, the newest first. 0 = all. Default: 20.");
        var command = new Verb(
            "events", "What was done to hosts, by whom, newest first: lost, found, declared dead, fenced, readmitted, cordoned.",
            "hosts events", "hosts events h1 --limit 0")
        {
            id, limit,
        };
        runner.Bind(command, async (parse, session) =>
        {
            var answer = await Paging.CollectAsync(
                parse.GetValue(limit) ?? 20,
                async (size, token) => await session.Connection.Hosts.ListHostEventsAsync(
                    new ListHostEventsRequest { HostId = parse.GetValue(id) ?? "", PageSize = size, PageToken = token },
                    session.Connection.Call(session.Cancellation)),
                page => page.Events.Count,
                page => page.NextPageToken);
            return session.Answer(answer, HostText.Table(answer.Events));
        });
        return command;
    }

    private static Verb Remove(CommandRunner runner)
    {
        var id = Id();
        var command = new Verb("remove", "Forgets a host that has no guests and no migrations.", "hosts remove h1") { id };
        runner.Bind(command, async (parse, session) =>
        {
            var answer = await session.Connection.Hosts.RemoveHostAsync(
                new RemoveHostRequest { HostId = parse.GetRequiredValue(id) }, session.Connection.Call(session.Cancellation));
            return session.Answer(answer, $"Host {parse.GetRequiredValue(id)} is removed.");
        });
        return command;
    }
}
